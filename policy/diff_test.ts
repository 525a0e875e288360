import assert from "node:assert/strict";
import fc from "fast-check";
import { compilePolicy } from "./compile.ts";
import { decide } from "./decide.ts";
import { diffPolicies, isSameOutcome, regionsOf } from "./diff.ts";
import type { PolicyInput } from "./schema.ts";
import { factsArbitrary, policyArbitrary } from "./testing/arbitrary.ts";

type Input = PolicyInput<string, string>;

const reject = { action: "reject" } as const;
const BASE: Input = {
  lists: { blocked: { senders: ["@bad.example"] } },
  rules: [
    { name: "friends", when: { sender: "bob@bad.example" }, then: { action: "accept" } },
    { name: "blocked", when: { sender: { list: "blocked" } }, then: reject },
    { name: "big", when: { size: { over: "10MB" } }, then: reject },
  ],
  groups: { staff: { recipients: ["@a.example"], settings: { antispam: { threshold: 3 } } } },
};

const cases: { name: string; b: Input; want: string[] }[] = [
  { name: "nothing in the same policy", b: structuredClone(BASE), want: [] },
  {
    name: "nothing in another order of what cannot meet",
    b: {
      ...BASE,
      rules: [
        { when: { direction: "inbound", all: [{ direction: "internal" }] }, then: reject },
        ...BASE.rules!,
      ],
    },
    want: [],
  },
  {
    name: "a list with one more",
    b: { ...BASE, lists: { blocked: { senders: ["@bad.example", "@worse.example"] } } },
    want: ["b action as the settings say -> reject"],
  },
  {
    name: "a limit that changed",
    b: {
      ...BASE,
      rules: [...BASE.rules!.slice(0, 2), {
        name: "big",
        when: { size: { over: "20MB" } },
        then: reject,
      }],
    },
    want: ["a action reject -> as the settings say"],
  },
  {
    name: "an exception that went behind",
    b: { ...BASE, rules: [BASE.rules![1]!, BASE.rules![0]!, BASE.rules![2]!] },
    want: ["action accept -> reject"],
  },
  {
    name: "a group's setting",
    b: {
      ...BASE,
      groups: { staff: { recipients: ["@a.example"], settings: { antispam: { threshold: 4 } } } },
    },
    want: ["a antispam.threshold 3 -> 4"],
  },
  {
    name: "a setting of the document",
    b: { ...BASE, settings: { antivirus: { infected: "discard" } } },
    want: ["a antivirus.infected reject -> discard", "a antivirus.infected reject -> discard"],
  },
  {
    name: "a reply",
    b: {
      ...BASE,
      rules: [BASE.rules![0]!, {
        ...BASE.rules![1]!,
        then: { action: "reject", reply: "550 5.7.1 no" },
      }, BASE.rules![2]!],
    },
    want: ["a action reject -> reject 550 5.7.1 no"],
  },
];

for (const { name, b, want } of cases) {
  Deno.test(`diffPolicies() tells ${name}`, { permissions: "none" }, () => {
    const trees = [compilePolicy(BASE), compilePolicy(b)] as const;
    const { regions, complete } = diffPolicies(...trees);
    assert(complete);
    const told = regions.map((region) =>
      `${region.changed} ${region.setting} ${region.a.value} -> ${region.b.value}`
    );
    for (const one of want) assert(told.some((text) => text.includes(one)), JSON.stringify(told));
    if (want.length === 0) assert.deepEqual(told, []);
    for (const { example } of regions) {
      assert(example);
      assert.deepEqual(example.a, decide(trees[0], "verdict", example.facts));
      assert.deepEqual(example.b, decide(trees[1], "verdict", example.facts));
      assert(!isSameOutcome(example.a, example.b));
    }
  });
}

type Rules = { rules: unknown[] };

/** A policy and one that came of it by a few changes. */
const pair = fc.tuple(
  policyArbitrary,
  policyArbitrary,
  fc.array(fc.tuple(fc.nat(2), fc.nat(), fc.nat()), { maxLength: 3 }),
)
  .map(([one, other, changes]) => {
    if (changes.length === 0) return [one, other] as const;
    const changed: Rules = structuredClone(one);
    for (const [kind, at, from] of changes) {
      const place = changed.rules.length === 0 ? 0 : at % changed.rules.length;
      const rule = (other as Rules).rules[from % Math.max(1, other.rules.length)];
      if (kind === 0) changed.rules.splice(place, 1);
      else if (kind === 1 && rule !== undefined) changed.rules.splice(place, 0, rule);
      else if (changed.rules.length > 1) changed.rules.push(...changed.rules.splice(place, 1));
    }
    return [one, changed] as const;
  });

Deno.test("diffPolicies() has a region for a random mail if and only if its outcomes differ", () => {
  const mails = fc.sample(factsArbitrary, { numRuns: 100, seed: 5 });
  fc.assert(
    fc.property(pair, ([one, other]) => {
      const a = compilePolicy(one);
      const b = compilePolicy(other);
      const diff = diffPolicies(a, b);
      fc.pre(diff.complete);
      for (const { example } of diff.regions) {
        if (example) assert(!isSameOutcome(example.a, example.b));
        if (example) assert(regionsOf(a, b, diff, example.facts).length > 0);
      }
      for (const facts of mails) {
        const same = isSameOutcome(decide(a, "verdict", facts), decide(b, "verdict", facts));
        if (same) continue;
        assert(regionsOf(a, b, diff, facts).length > 0, JSON.stringify(facts));
      }
    }),
    { numRuns: 60 },
  );
});

Deno.test("a group that names a recipient more exactly than another has regions of its own", () => {
  const groups = {
    wide: { recipients: ["@*.a.example"] },
    exact: { recipients: ["@b.a.example", "@*.a.example"] },
  };
  const a = compilePolicy({ groups });
  const b = compilePolicy({
    rules: [{ when: { not: { agent: ["smtp"] } }, then: { replies: { rule: "550 5.7.1 no" } } }],
  });
  const diff = diffPolicies(a, b);
  for (const recipient of ["ann@b.a.example", "ann@c.a.example", "ann@far.example"]) {
    const facts = { agent: "lmtp", listener: "x", time: 0, recipient } as const;
    assert(!isSameOutcome(decide(a, "verdict", facts), decide(b, "verdict", facts)));
    assert(regionsOf(a, b, diff, facts).length > 0, recipient);
  }
});
