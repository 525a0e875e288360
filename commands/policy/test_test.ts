import assert from "node:assert/strict";
import { policyText, Workplace } from "./testing/program.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const tests = (cases: unknown) => `export default ${JSON.stringify({ cases })};\n`;

Deno.test("every policy of examples/policies checks and passes its tests", async () => {
  await using place = await Workplace.create();
  const directory = `${ROOT}examples/policies`;
  const names = (await Array.fromAsync(Deno.readDir(directory))).map(({ name }) => name).sort();
  assert.ok(names.length >= 5);
  for (const name of names) {
    const checked = await place.postern("policy", "check", `${directory}/${name}/policy.ts`);
    assert.equal(checked.status, 0, `${name}: ${checked.out}${checked.error}`);
  }
  const ran = await place.postern("policy", "test", ...names.map((name) => `${directory}/${name}`));
  assert.equal(ran.status, 0, ran.out + ran.error);
  assert.match(ran.out, /\d{2} passed, 0 failed\n$/);
});

Deno.test("policy test says what was expected and what was found", async () => {
  await using place = await Workplace.create({
    "policy.ts": policyText({
      rules: [{ name: "r", when: { sender: "@bad.example" }, then: { action: "reject" } }],
    }),
    "policy.policy-test.ts": tests([
      { name: "right", mail: { from: "a@bad.example" }, expect: { action: "reject" } },
      {
        name: "wrong",
        mail: { from: "a@bad.example", to: ["b@example.org", "c@example.org"] },
        expect: { action: "accept", phase: "verdict" },
      },
    ]),
  });
  const ran = await place.postern("policy", "test", ".");
  assert.equal(ran.status, 1);
  assert.match(ran.out, / {2}ok {5}right\n {2}FAILED wrong\n/);
  assert.match(ran.out, /action: expected "accept", found "reject" \(to b@example\.org\)/);
  assert.match(ran.out, /phase: expected "verdict", found "sender" \(to c@example\.org\)/);
  assert.match(ran.out, /1 passed, 1 failed\n$/);
  const json = JSON.parse((await place.postern("policy", "test", ".", "--json")).out);
  assert.deepEqual([json.passed, json.failed], [1, 1]);
});

Deno.test("policy test scans the messages that a test names, and no others", async () => {
  const eicar = String.raw`X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*`;
  const message = (body: string) => `From: a@b.example\r\nSubject: hi\r\n\r\n${body}\r\n`;
  await using place = await Workplace.create({
    "mail/policy.ts": policyText({}),
    "mail/clean.eml": message("hello"),
    "mail/bad.eml": message(eicar),
    "mail/policy.policy-test.ts": tests([
      { name: "clean", mail: { eml: "clean.eml" }, expect: { action: "accept" } },
      { name: "infected", mail: { eml: "./bad.eml" }, expect: { by: "antivirus.infected" } },
    ]),
    "outside.eml": message("hello"),
    "escape/policy.ts": policyText({}),
    "escape/policy.policy-test.ts": tests([
      { name: "x", mail: { eml: "../outside.eml" }, expect: { action: "accept" } },
    ]),
  });
  const ran = await place.postern("policy", "test", "mail");
  assert.equal(ran.status, 0, ran.out + ran.error);
  const escaped = await place.postern("policy", "test", "escape");
  assert.equal(escaped.status, 78);
  assert.match(
    escaped.error,
    /names the message \.\.\/outside\.eml, which is not in the directory/,
  );
});

Deno.test("policy test names the misspelt place of a test", async () => {
  await using place = await Workplace.create({
    "policy.ts": policyText({}),
    "policy.policy-test.ts": tests([{ name: "x", mail: { form: "a@b.example" }, expect: {} }]),
  });
  const ran = await place.postern("policy", "test", ".");
  assert.equal(ran.status, 78);
  assert.match(ran.error, /cases\[0\]\.mail.*"form".*"from"/);
  assert.match(ran.error, /cases\[0\]\.expect.*at least one thing to expect/);
});
