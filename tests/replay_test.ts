/** A node on a signed policy: what it decided is replayed under other policies, through the daemon and without it. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { policyText, Workplace } from "../commands/policy/testing/program.ts";
import { Gateway } from "./gateway.ts";

Deno.test("a node takes signed bundles alone, and its log is replayed under other policies", async () => {
  await using place = await Workplace.create({
    "policy.ts": policyText({
      rules: [
        { name: "blocked", when: { sender: "@bad.example" }, then: { action: "reject" } },
        {
          name: "lists",
          when: { header: { name: "List-Id", present: true } },
          then: { marks: { header: "always" } },
        },
      ],
    }),
    "lenient.ts": policyText({
      settings: { antivirus: { infected: "discard" } },
      rules: [
        {
          name: "lists",
          when: { header: { name: "List-Id", present: true } },
          then: { action: "discard" },
        },
        {
          name: "mailer",
          when: { header: { name: "X-Mailer", value: "bulk*" } },
          then: { action: "reject" },
        },
      ],
    }),
    "list.eml":
      "From: a@list.example\r\nSubject: news\r\nList-Id: <news.list.example>\r\n\r\nhello\r\n",
  });
  const run = async (...args: string[]) => {
    const ran = await place.postern(...args);
    assert.equal(ran.status, 0, ran.out + ran.error);
    return ran.out;
  };
  const { publicKey } = JSON.parse(await run("policy", "keygen", "key.pem", "--json"));
  const bundle = join(place.path, "policy.bundle.json");
  await run("policy", "build", "policy.ts", "--sign", "key.pem", "--out", bundle);

  const gateway = await Gateway.start({
    agents: { smtp: { nextHop: "maildir:./Maildir" } },
    config: { policy: bundle, policyKey: publicKey, user: "root" },
  });
  try {
    const send = (...args: string[]) =>
      place.postern("send", "--server", `127.0.0.1:${gateway.port("smtp")}`, "--quiet", ...args);
    await send("--from", "friend@good.example", "clean");
    assert.match((await send("--from", "x@bad.example", "clean")).out, /550 5\.7\.1/);
    await send("--from", "friend@good.example", "--eicar");

    const replay = (...args: string[]) =>
      place.postern("policy", "replay", "--config", gateway.config, "--json", ...args);
    const still = await replay(bundle);
    assert.equal(still.status, 0, still.out + still.error);
    assert.deepEqual(report(still.out), { records: 3, same: 3, changes: [], unknown: [] });

    const lenient = await replay("lenient.ts");
    assert.equal(lenient.status, 1, lenient.error);
    const { records, same, changes, unknown } = report(lenient.out);
    assert.equal(records, 3);
    assert.equal(same, 0);
    // The infected one too: a header that the policy in force did not ask could have it rejected by a rule.
    assert.deepEqual(unknown, [{ why: "rules ask header x-mailer", count: 2 }]);
    assert.deepEqual(changes, [["x@bad.example", "reject", "accept", true]]);

    // An unsigned policy does not come into force, and the log says why.
    await run("policy", "build", "policy.ts", "--out", bundle);
    const reload = await place.postern("reload", "--config", gateway.config);
    assert.notEqual(reload.status, 0);
    assert.match(reload.error, /must be signed by ed25519:.*; it is not signed/);
    await gateway.stop();

    await run("policy", "build", "policy.ts", "--sign", "key.pem", "--out", bundle);
    const offline = await replay("--against", "lenient.ts");
    assert.equal(report(offline.out).records, 3, offline.error);
  } finally {
    await gateway[Symbol.asyncDispose]();
  }
});

/** What counts of `policy replay --json`. */
function report(json: string) {
  const { records, same, changes, unknown } = JSON.parse(json);
  return {
    records,
    same,
    unknown,
    changes: changes.map((
      { sender, was, wouldBe }: {
        sender: string;
        was: { action: string };
        wouldBe: { action: string; open?: boolean };
      },
    ) => [sender, was.action, wouldBe.action, wouldBe.open]),
  };
}
