import assert from "node:assert/strict";
import { policyText, Workplace } from "./testing/program.ts";

const POLICY = policyText({
  lists: { blocked: { senders: ["@bad.example"] } },
  settings: { antispam: { threshold: 5 } },
  groups: {
    careful: { settings: { antispam: { threshold: 4 } } },
    staff: { parent: "careful", recipients: ["@staff.example"] },
  },
  rules: [
    { name: "blocked", when: { sender: { list: "blocked" } }, then: { action: "reject" } },
    {
      name: "programs",
      when: { attachment: { type: "executable" } },
      then: { action: "quarantine" },
    },
  ],
});

Deno.test("policy explain names the rule, the moment and what gave each setting", async () => {
  await using place = await Workplace.create({ "policy.ts": POLICY });
  const explain = (...args: string[]) =>
    place.postern("policy", "explain", "--policy", "policy.ts", ...args);
  const ran = await explain("--from", "x@bad.example", "--to", "a@staff.example");
  assert.equal(ran.status, 0, ran.error);
  assert.match(
    ran.out,
    /^From <x@bad\.example> to <a@staff\.example>, client 192\.0\.2\.1, inbound/,
  );
  assert.match(ran.out, /At sender: reject, by rule:blocked: 550 5\.7\.1 /);
  assert.match(ran.out, /Rule 1, "blocked", matches: the sender is in list blocked/);
  assert.match(ran.out, /action: reject \(rule 1, "blocked"\)/);

  const grouped = await explain("--to", "a@staff.example", "--spam-score", "4.5");
  assert.match(grouped.out, /quarantine, by antispam\.spam/);
  assert.match(grouped.out, /The recipient is of group staff, above it careful\./);
  assert.match(grouped.out, /antispam\.threshold: 4 \(group careful\)/);
  assert.match(grouped.out, /antispam\.spam: quarantine \(built-in default\)/);

  const both = await explain("--to", "a@staff.example", "--to", "b@else.example", "--json");
  const { recipients } = JSON.parse(both.out);
  assert.deepEqual(recipients.map((each: { recipient: string }) => each.recipient), [
    "a@staff.example",
    "b@else.example",
  ]);
  assert.deepEqual(recipients[0].explanation.groups, ["staff", "careful"]);
});

Deno.test("policy explain scans a message for its facts", async () => {
  const eicar = String.raw`X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*`;
  await using place = await Workplace.create({
    "policy.ts": POLICY,
    "mail.eml": `From: a@b.example\r\nSubject: hi\r\n\r\n${eicar}\r\n`,
  });
  const ran = await place.postern("policy", "explain", "-p", "policy.ts", "mail.eml");
  assert.equal(ran.status, 0, ran.error);
  assert.match(ran.out, /At verdict: reject, by antivirus\.infected: 550 5\.7\.1 .*Eicar/);
});

Deno.test("policy explain says which option's value is none", async () => {
  await using place = await Workplace.create({ "policy.ts": POLICY });
  const ran = await place.postern("policy", "explain", "-p", "policy.ts", "--client", "10.0.0.300");
  assert.equal(ran.status, 64);
  assert.match(
    ran.error,
    /client: expected an IP address: 192\.0\.2\.1 or 2001:db8::1; found "10\.0\.0\.300"/,
  );
});

Deno.test("policy schema prints the JSON Schema of either document", async () => {
  await using place = await Workplace.create();
  const policy = JSON.parse((await place.postern("policy", "schema")).out);
  assert.ok("rules" in policy.properties);
  const node = JSON.parse((await place.postern("policy", "schema", "--node")).out);
  assert.ok("policyKey" in node.properties);
});
