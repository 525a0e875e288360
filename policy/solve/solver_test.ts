import assert from "node:assert/strict";
import fc from "fast-check";
import { compilePolicy } from "../compile.ts";
import { TruthReader } from "../decide/truth.ts";
import { factsArbitrary, policyArbitrary } from "../testing/arbitrary.ts";
import { type Goal, Solver } from "./solver.ts";

/** A tree whose rules have these conditions. */
function treeOf(...conditions: object[]) {
  return compilePolicy({
    lists: { l: { senders: ["@a.example", "ann@b.example"], clients: ["192.0.2.0/24"] } },
    groups: { g: { recipients: ["@g.example"] } },
    rules: conditions.map((when) => ({ when, then: { action: "reject" } })),
  });
}

const cases: { name: string; holds: object[]; not?: object[]; want: "mail" | "impossible" }[] = [
  { name: "a sender of a list", holds: [{ sender: { list: "l" } }], want: "mail" },
  {
    name: "a sender of a list but one",
    holds: [{ sender: { list: "l" } }],
    not: [{ sender: "@a.example" }],
    want: "mail",
  },
  {
    name: "no sender of a list once all of it is taken away",
    holds: [{ sender: { list: "l" } }],
    not: [{ sender: ["@a.example", "@b.example"] }],
    want: "impossible",
  },
  {
    name: "no address of two domains",
    holds: [{ sender: "@a.example" }, { sender: "@b.example" }],
    want: "impossible",
  },
  {
    name: "a subdomain",
    holds: [{ sender: "@*.example" }],
    not: [{ sender: { list: "l" } }],
    want: "mail",
  },
  {
    name: "what is left of a network",
    holds: [{ client: "192.0.2.0/24" }],
    not: [{ client: "192.0.2.0/25" }],
    want: "mail",
  },
  {
    name: "nothing of a network in halves",
    holds: [{ client: "192.0.2.0/24" }],
    not: [{ client: "192.0.2.0/25" }, { client: "192.0.2.128/25" }],
    want: "impossible",
  },
  {
    name: "a size between",
    holds: [{ size: { over: "1KB" } }, { size: { under: "1026B" } }],
    want: "mail",
  },
  {
    name: "no size between",
    holds: [{ size: { over: "1KB" } }, { size: { under: "1025B" } }],
    want: "impossible",
  },
  {
    name: "no direction left",
    holds: [{ not: { direction: "inbound" } }],
    not: [{ direction: "outbound" }, { direction: "internal" }],
    want: "impossible",
  },
  {
    name: "an unknown direction",
    holds: [],
    not: [{ direction: "inbound" }, { not: { direction: "inbound" } }],
    want: "mail",
  },
  {
    name: "two findings",
    holds: [{ finding: "a*" }, { finding: "b*" }],
    not: [{ finding: "a" }],
    want: "mail",
  },
  {
    name: "a glob in common",
    holds: [{ subject: "a*" }, { subject: "*b" }, { subject: "*c*" }],
    want: "mail",
  },
  {
    name: "two attachments",
    holds: [{ attachment: { extension: "exe", encrypted: true } }, { attachment: { type: "zip" } }],
    not: [{ attachment: { encrypted: true, type: "zip" } }],
    want: "mail",
  },
  {
    name: "a time",
    holds: [{ time: { days: "sat", hours: "03:07-03:08", zone: "Asia/Kathmandu" } }],
    want: "mail",
  },
  {
    name: "a header and none",
    holds: [{ header: { name: "X-A", value: "b" } }],
    not: [{ header: { name: "X-B" } }],
    want: "mail",
  },
  {
    name: "through or",
    holds: [{ any: [{ tls: true }, { user: "x" }] }],
    not: [{ tls: true }],
    want: "mail",
  },
  {
    name: "not through or",
    holds: [{ any: [{ tls: true }, { tls: false }] }],
    not: [{ not: { tls: false } }, { tls: false }],
    want: "impossible",
  },
  {
    name: "a group",
    holds: [{ recipient: { group: "g" } }],
    not: [{ recipient: "ann@g.example" }],
    want: "mail",
  },
];

for (const { name, holds, not = [], want } of cases) {
  Deno.test(`Solver finds ${name}`, { permissions: "none" }, () => {
    const tree = treeOf(...holds, ...not);
    const goals = tree.rules.conditions.map((ref, i): Goal => ({
      tree,
      ref,
      holds: i < holds.length,
    }));
    const solver = new Solver();
    const solution = solver.solve(goals);
    assert.equal(solution.kind, want);
    if (solution.kind === "mail") {
      for (const goal of goals) {
        assert.equal(solver.holds(tree, goal.ref, solution.facts), goal.holds);
      }
    }
  });
}

Deno.test("Solver never calls impossible what a random mail does", () => {
  const mails = fc.sample(factsArbitrary, { numRuns: 300, seed: 7 });
  fc.assert(
    fc.property(policyArbitrary, fc.infiniteStream(fc.boolean()), (policy, wishes) => {
      const tree = compilePolicy(policy);
      const goals = tree.rules.conditions.map((ref): Goal => ({
        tree,
        ref,
        holds: wishes.next().value === true,
      }));
      const solution = new Solver().solve(goals);
      const reader = new TruthReader(tree);
      const holds = (facts: typeof mails[number]) => {
        reader.begin(5, facts);
        return goals.every((goal) => (reader.condition(goal.ref) === "true") === goal.holds);
      };
      if (solution.kind === "mail") assert(holds(solution.facts), "not a solution");
      if (solution.kind === "impossible") {
        const found = mails.find(holds);
        assert.equal(found, undefined, JSON.stringify(found));
      }
    }),
    { numRuns: 200 },
  );
});
