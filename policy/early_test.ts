import assert from "node:assert/strict";
import fc from "fast-check";
import { checkPolicy } from "./check_policy.ts";
import { compilePolicy } from "./compile.ts";
import { decide } from "./decide.ts";
import { refusesEarly } from "./early.ts";
import { factsArbitrary, policyArbitrary } from "./testing/arbitrary.ts";

const early = (document: unknown) => refusesEarly(compilePolicy(checkPolicy(document)));

const cases: { name: string; document: object; connect: boolean; sender: boolean }[] = [
  { name: "no rules", document: {}, connect: false, sender: false },
  {
    name: "a rule about clients",
    document: { rules: [{ when: { client: "192.0.2.0/24" }, then: { action: "reject" } }] },
    connect: true,
    sender: true,
  },
  {
    name: "a rule about senders",
    document: { rules: [{ when: { sender: "@a.example" }, then: { action: "defer" } }] },
    connect: false,
    sender: true,
  },
  {
    name: "a rule about senders of some recipients, one about content, one that only marks",
    document: {
      rules: [
        { when: { sender: "@a.example", recipient: "@b.example" }, then: { action: "reject" } },
        { when: { attachment: { type: "executable" } }, then: { action: "reject" } },
        { when: { client: "192.0.2.1" }, then: { antispam: { action: "accept" } } },
        { when: { client: "192.0.2.2" }, then: { action: "discard" } },
      ],
    },
    connect: false,
    sender: false,
  },
  {
    name: "a rule about clients or content",
    document: {
      rules: [{
        when: { any: [{ client: "192.0.2.0/24" }, { subject: "x" }] },
        then: { action: "reject" },
      }],
    },
    connect: true,
    sender: true,
  },
  {
    name: "a rule about everything",
    document: { rules: [{ when: {}, then: { action: "reject" } }] },
    connect: true,
    sender: true,
  },
  {
    name: "a rule that has the scan refuse",
    document: { rules: [{ when: { helo: "x" }, then: { antivirus: { action: "reject" } } }] },
    connect: false,
    sender: true,
  },
  {
    name: "settings that refuse all",
    document: { settings: { antivirus: { action: "defer" } } },
    connect: true,
    sender: true,
  },
];

for (const { name, document, connect, sender } of cases) {
  Deno.test(`refusesEarly() of ${name}`, () => {
    assert.deepEqual(early({ ...document }), { connect, sender });
  });
}

Deno.test("refusesEarly() is false only where decide() refuses nobody", () => {
  const pool = fc.sample(factsArbitrary, 200);
  fc.assert(
    fc.property(policyArbitrary, fc.nat(), (document, start) => {
      const tree = compilePolicy(checkPolicy(document));
      const may = refusesEarly(tree);
      for (let i = 0; i < 40; i++) {
        const facts = pool[(start + i * 7) % pool.length]!;
        for (const phase of ["connect", "sender"] as const) {
          const { final, action } = decide(tree, phase, facts);
          if (final && (action === "reject" || action === "defer")) assert.ok(may[phase]);
        }
      }
    }),
    { numRuns: 300 },
  );
});
