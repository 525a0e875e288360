import assert from "node:assert/strict";
import fc from "fast-check";
import { compilePolicy } from "./compile.ts";
import { decide } from "./decide.ts";
import { explainDecision, explanationText } from "./explain.ts";
import { SLOTS } from "./slots.ts";
import { factsArbitrary, policyArbitrary } from "./testing/arbitrary.ts";
import { MAIL } from "./testing/mail.ts";
import { PHASES } from "./types.ts";

const tree = compilePolicy({
  lists: { blocked: { senders: ["@sender.example"] } },
  settings: { antivirus: { infected: "discard" } },
  rules: [
    { name: "friends", when: { sender: "bob@sender.example" }, then: { action: "accept" } },
    {
      name: "blocked",
      when: { sender: { list: "blocked" }, size: { over: "1KB" } },
      then: { action: "reject", reply: "550 5.7.1 no" },
    },
    {
      name: "programs",
      when: { attachment: { type: "executable", encrypted: true } },
      then: { action: "quarantine", antispam: { threshold: 2 } },
    },
  ],
  groups: { staff: { recipients: ["@example.org"], settings: { antispam: { threshold: 3 } } } },
});

Deno.test("explainDecision() names what gave each setting", { permissions: "none" }, () => {
  const { outcome, settings, groups, rules } = explainDecision(tree, "verdict", MAIL);
  assert.equal(outcome.action, "reject");
  assert.deepEqual(groups, ["staff"]);
  const from = Object.fromEntries(settings.map((one) => [one.name, one.from]));
  assert.deepEqual(from.action, { kind: "rule", rule: 1, name: "blocked" });
  assert.deepEqual(from["antispam.threshold"], { kind: "group", name: "staff" });
  assert.deepEqual(from["antivirus.infected"], { kind: "settings" });
  assert.deepEqual(from["antivirus.action"], { kind: "default" });
  assert.deepEqual(rules.map(({ name, answer }) => ({ name, answer })), [{
    name: "blocked",
    answer: "true",
  }]);
  assert.deepEqual(rules[0]!.questions, [
    { question: "the sender is in list blocked", answer: "true" },
    { question: "the size is over 1KB", answer: "true" },
  ]);
});

Deno.test(
  "explainDecision() tells what may still match before the scan",
  { permissions: "none" },
  () => {
    const { rules } = explainDecision(tree, "recipient", MAIL);
    assert.deepEqual(rules.map(({ name, answer }) => ({ name, answer })), [
      { name: "blocked", answer: "open" },
      { name: "programs", answer: "open" },
    ]);
    assert.equal(
      rules[1]!.condition,
      "there is an attachment of which its type is executable and it is encrypted",
    );
  },
);

Deno.test("explainDecision() finds the nearest change that turns the outcome", {
  permissions: "none",
}, () => {
  const { nearest } = explainDecision(tree, "verdict", MAIL);
  assert.deepEqual(
    nearest.map(({ changes, outcome }) => [changes.map(({ fact }) => fact), outcome.action]),
    [
      [["sender"], "accept"],
    ],
  );
  const text = explanationText(explainDecision(tree, "verdict", MAIL));
  assert.match(
    text,
    /^Rule 2, "blocked", matches: the sender is in list blocked and the size is over 1KB\.$/m,
  );
  assert.match(text, /^ {2}action: reject \(rule 2, "blocked"\)$/m);
  assert.match(text, /^Otherwise:$/m);
});

Deno.test("explainDecision() finds what a scan would have to say", { permissions: "none" }, () => {
  const nearest = explainDecision(tree, "verdict", { ...MAIL, sender: "eve@else.example" }).nearest;
  const actions = Object.fromEntries(
    nearest.map(({ changes, outcome }) => [outcome.action, changes]),
  );
  assert.deepEqual(actions.discard, [{ fact: "status", from: "clean", to: "infected" }]);
  assert.equal(actions.quarantine?.length, 1);
  assert.equal(actions.defer?.length, 1);
});

Deno.test("explainDecision() agrees with decide() on random policies and mails", () => {
  const mails = fc.sample(factsArbitrary, { numRuns: 20, seed: 3 });
  fc.assert(
    fc.property(policyArbitrary, fc.constantFrom(...PHASES), (policy, phase) => {
      const random = compilePolicy(policy);
      for (const facts of mails.slice(0, 4)) {
        const { outcome, settings, nearest } = explainDecision(random, phase, facts);
        assert.deepEqual(outcome, decide(random, phase, facts));
        assert(settings.every(({ name }) => SLOTS.some((slot) => slot.name === name)));
        const action = settings.find(({ name }) => name === "action")!;
        if (outcome.final && outcome.by.startsWith("rule:")) {
          assert.equal(action.from.kind === "rule" ? `rule:${action.from.name}` : "", outcome.by);
        }
        for (const near of nearest) {
          assert.notEqual(near.outcome.action, outcome.action);
          const changed = Object.fromEntries(near.changes.map(({ fact, to }) => [fact, to]));
          assert.deepEqual(decide(random, phase, { ...facts, ...changed }), near.outcome);
        }
      }
    }),
    { numRuns: 60 },
  );
});

Deno.test("explainDecision() tells of a first try that has to come again", () => {
  const greylisting = compilePolicy({
    settings: { greylist: { action: "delay", delay: "10m" } },
    rules: [{ name: "bad", when: { sender: "@bad.example" }, then: { action: "reject" } }],
  });
  const explained = explainDecision(greylisting, "verdict", MAIL);
  assert.equal(explained.greylist?.delay, 600_000);
  assert.match(explanationText(explained), /greylisted, to come again after 10m and within 2d\./);
  assert.match(explanationText(explained), /greylist\.keep: 36d \(built-in default\)/);
  const refused = explainDecision(greylisting, "sender", { ...MAIL, sender: "x@bad.example" });
  assert.equal(refused.greylist, undefined);
});
