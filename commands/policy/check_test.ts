import assert from "node:assert/strict";
import { policyText, Workplace } from "./testing/program.ts";

/** Documents that do not check, and what the sentence says of them: place, what was found, what is allowed, what is nearest. */
const misspelt: { name: string; document: unknown; says: readonly string[] }[] = [
  {
    name: "a setting",
    document: { settings: { antispam: { treshold: 5 } } },
    says: ["settings.antispam", '"treshold"', 'did you mean "threshold"'],
  },
  {
    name: "an attribute",
    document: { rules: [{ when: { sendr: "a@b.example" }, then: { action: "reject" } }] },
    says: ["rules[0].when", '"sendr"', 'did you mean "sender"'],
  },
  {
    name: "an action",
    document: { rules: [{ then: { action: "rejct" } }] },
    says: ["rules[0].then.action", 'found "rejct"', "accept, reject, defer", 'mean "reject"'],
  },
  {
    name: "a list",
    document: {
      lists: { partners: { senders: ["@partner.example"] } },
      rules: [{ when: { sender: { list: "partnrs" } }, then: { action: "accept" } }],
    },
    says: ["rules[0].when.sender.list", '"partnrs"', 'did you mean "partners"'],
  },
  {
    name: "a list that has no such addresses",
    document: {
      lists: { partners: { senders: ["@partner.example"] } },
      rules: [{ when: { recipient: { list: "partners" } }, then: { action: "accept" } }],
    },
    says: ["rules[0].when.recipient.list", 'list "partners" has no recipients'],
  },
  {
    name: "a group",
    document: {
      groups: { staff: { recipients: "@staff.example" } },
      rules: [{ when: { recipient: { group: "staf" } }, then: { action: "accept" } }],
    },
    says: ["rules[0].when.recipient.group", '"staf"', 'did you mean "staff"'],
  },
  {
    name: "a size",
    document: { settings: { limits: { messageSize: "50 MB" } } },
    says: ["settings.limits.messageSize", '"50 MB"', "a size with its unit"],
  },
  {
    name: "an address deep inside",
    document: {
      rules: [{
        when: { any: [{ not: { sender: ["a@b.example", "nobody"] } }] },
        then: { action: "accept" },
      }],
    },
    says: ["rules[0].when.any[0].not.sender[1]", '"nobody"', "user@domain"],
  },
  {
    name: "the name of a section",
    document: { rulez: [] },
    says: ['"rulez"', 'did you mean "rules"'],
  },
];
for (const { name, document, says } of misspelt) {
  Deno.test(`policy check names a misspelt place: ${name}`, async () => {
    await using place = await Workplace.create({ "policy.ts": policyText(document) });
    const { status, error, out } = await place.postern("policy", "check", "policy.ts");
    assert.equal(status, 78);
    assert.equal(out, "");
    assert.match(error, /^postern: \/.*\/policy\.ts: /);
    for (const text of says) assert.ok(error.includes(text), `${error}\nlacks ${text}`);
  });
}

/** Modules that a policy must not be, and the sentence. */
const refused: { name: string; text: string; says: RegExp }[] = [
  {
    name: "reads a file",
    text: `export default { lists: { a: Deno.readTextFileSync("/etc/passwd") } };`,
    says:
      /policy\.ts:1:\d+: asks for read access to "\/etc\/passwd"; a document may not read files/,
  },
  {
    name: "opens a socket",
    text: `await Deno.connect({ hostname: "127.0.0.1", port: 25 });\nexport default {};`,
    says:
      /policy\.ts:1:\d+: asks for net access to "127\.0\.0\.1:25"; a document may not .*network/,
  },
  {
    name: "loops for ever",
    text: `for (;;);\nexport default {};`,
    says: /policy\.ts: did not come to an end within 2000 ms; it loops/,
  },
  {
    name: "returns a function",
    text: `export default () => ({});`,
    says: /policy\.ts: the document is a function; a document may have plain data only/,
  },
  {
    name: "has a function inside",
    text: `export default { rules: [{ when: { sender: (s) => s }, then: { action: "reject" } }] };`,
    says: /policy\.ts: rules\[0\]\.when\.sender is a function; a document may have plain data only/,
  },
];
for (const { name, text, says } of refused) {
  Deno.test(`policy check refuses a module that ${name}, and says which`, async () => {
    await using place = await Workplace.create({
      "policy.ts": text,
      "postern.config.ts": `export default { documentTime: "2s" };\n`,
    });
    const ran = await place.postern("policy", "check", "--config", "postern.config.ts");
    assert.equal(ran.status, 78, ran.out);
    assert.match(ran.error, says);
  });
}

Deno.test("policy check tells what cannot be meant, and ends with 1", async () => {
  await using place = await Workplace.create({
    "policy.ts": policyText({
      lists: { old: { senders: ["@gone.example"] } },
      rules: [
        { name: "domain", when: { sender: "@bad.example" }, then: { action: "reject" } },
        { name: "address", when: { sender: "x@bad.example" }, then: { action: "discard" } },
        {
          name: "never",
          when: { sender: "a@b.example", not: { sender: "@b.example" } },
          then: { action: "reject" },
        },
        { name: "late", when: { subject: "*offer*" }, then: { action: "discard" } },
        { name: "early", when: { sender: "@ads.example" }, then: { action: "reject" } },
      ],
    }),
  });
  const ran = await place.postern("policy", "check", "policy.ts");
  assert.equal(ran.status, 1, ran.error);
  assert.match(ran.out, /policy\.ts: rules\[1\]: .*\[shadowed\]/);
  assert.match(ran.out, /policy\.ts: rules\[2\]\.when: .*\[never-matches\]/);
  assert.match(ran.out, /policy\.ts: lists\.old.*\[unused-list\]/);
  assert.match(
    ran.out,
    /rules\[4\]: note: could act at sender, but waits for rules\[3\], "late", which is known at header/,
  );
  assert.match(ran.out, /\n3 findings\n$/);
  const json = JSON.parse((await place.postern("policy", "check", "policy.ts", "--json")).out);
  assert.equal(json.findings.length, 3);
  assert.equal(json.delays.length, 1);
});
