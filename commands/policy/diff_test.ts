import assert from "node:assert/strict";
import { policyText, Workplace } from "./testing/program.ts";

const rule = (name: string, when: unknown, then: unknown) => ({ name, when, then });
const blocked = (...senders: string[]) =>
  policyText({
    lists: { blocked: { senders } },
    rules: [rule("blocked", { sender: { list: "blocked" } }, { action: "reject" })],
  });

Deno.test("policy diff names the mail, both outcomes and an example", async () => {
  await using place = await Workplace.create({
    "a.ts": blocked("@bad.example"),
    "b.ts": blocked("@bad.example", "@worse.example"),
    "c.ts": `// The same, written otherwise.\n${blocked("@bad.example")}`,
    "d.ts": policyText({ local: { domains: ["example.org"] } }),
    "e.ts": policyText({ local: { domains: ["example.com"] } }),
  });
  const ran = await place.postern("policy", "diff", "a.ts", "b.ts");
  assert.equal(ran.status, 1, ran.error);
  assert.match(ran.out, /^--- \/.*a\.ts \(policy [0-9a-f]{16}\)\n\+\+\+ \/.*b\.ts \(policy /);
  assert.match(ran.out, /\naction: mail for which the sender is in list blocked/);
  assert.match(ran.out, /\n {2}- as the settings say\n {2}\+ reject \(rule 1, "blocked"\)\n/);
  assert.match(ran.out, /example: from <[^>]*@worse\.example> to /);
  assert.match(ran.out, /\n {4}- accept \(default\)\n {4}\+ reject \(rule:blocked\): 550 5\.7\.1 /);
  assert.match(ran.out, /\n1 kind of mail treated differently\n$/);

  const same = await place.postern("policy", "diff", "a.ts", "c.ts");
  assert.deepEqual([same.status, same.error], [0, ""]);
  assert.match(same.out, /The same policy\.\n$/);

  const local = await place.postern("policy", "diff", "d.ts", "e.ts");
  assert.equal(local.status, 1);
  assert.match(local.out, /local\.domains: .*\n {2}- example\.org\n {2}\+ example\.com\n/);

  const json = JSON.parse((await place.postern("policy", "diff", "a.ts", "b.ts", "--json")).out);
  assert.equal(json.same, false);
  const [{ example }] = json.regions;
  assert.deepEqual([example.a.action, example.b.action], ["accept", "reject"]);
});

Deno.test("policy diff reads documents, bundles and what git has, with the files they import", async () => {
  await using place = await Workplace.create({
    "mail/policy.ts": `import { senders } from "./lists.ts";\nexport default ${
      JSON.stringify({
        rules: [rule("blocked", { sender: "SENDERS" }, { action: "reject" })],
      }).replace('"SENDERS"', "senders")
    };\n`,
    "mail/lists.ts": `export const senders = ["@bad.example"];\n`,
  });
  await place.git("init", "-q", "-b", "main");
  await place.git("add", ".");
  await place.git("commit", "-q", "-m", "one");
  await place.write({ "mail/lists.ts": `export const senders = ["@worse.example"];\n` });
  await place.git("commit", "-q", "-a", "-m", "two");
  await place.write({ "mail/lists.ts": `export const senders = ["@worst.example"];\n` });

  const diff = async (...args: string[]) => {
    const ran = await place.postern("policy", "diff", ...args);
    assert.equal(ran.error, "");
    return ran;
  };
  const committed = await diff("HEAD~1:mail/policy.ts", "main:mail/policy.ts");
  assert.match(committed.out, /^--- HEAD~1:mail\/policy\.ts .*, revision [0-9a-f]{40}\)\n/);
  assert.match(committed.out, /@bad\.example>[^]*@worse\.example>/);
  assert.doesNotMatch(committed.out, /worst/);

  const working = await diff("HEAD", "mail/policy.ts");
  assert.match(working.out, /@worse\.example>[^]*@worst\.example>/);

  await place.postern("policy", "build", "mail/policy.ts", "-o", "built.bundle.json");
  const built = await diff("built.bundle.json", "mail/policy.ts");
  assert.equal(built.status, 0, built.out);

  const missing = await place.postern("policy", "diff", "HEAD:nowhere.ts", "mail/policy.ts");
  assert.equal(missing.status, 78);
  assert.match(missing.error, /Cannot read HEAD:nowhere\.ts: there is no such file/);
  const wrong = await place.postern("policy", "diff", "nowhere", "mail/policy.ts");
  assert.match(wrong.error, /Cannot read .*nowhere: there is no such file/);
});

Deno.test("policy check names a revision's own path, not where it was put aside", async () => {
  await using place = await Workplace.create({ "policy.ts": policyText({ rulez: [] }) });
  await place.git("init", "-q");
  await place.git("add", ".");
  await place.git("commit", "-q", "-m", "one");
  const ran = await place.postern("policy", "check", "HEAD:policy.ts");
  assert.equal(ran.status, 78);
  assert.match(ran.error, /^postern: HEAD:policy\.ts: .*"rulez"/);
});
