/** Holds the tree and the interpreter equal on random policies and random mail. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { checkPolicy } from "../check_policy.ts";
import { compilePolicy } from "../compile.ts";
import { decide } from "../decide.ts";
import { type Facts, PHASES } from "../types.ts";
import { factsArbitrary, policyArbitrary } from "./arbitrary.ts";
import { interpret } from "./interpreter.ts";

/** Fails where they differ, at any phase; also where something final is not what it is later. */
export function assertSame(document: unknown, mails: readonly Facts[]): void {
  const policy = checkPolicy(document);
  const tree = compilePolicy(document);
  for (const facts of mails) {
    let final: string | undefined;
    for (const phase of PHASES) {
      const outcome = decide(tree, phase, facts);
      assert.deepEqual(
        outcome,
        interpret(policy, phase, facts),
        `at ${phase} of ${JSON.stringify(facts)}`,
      );
      if (final !== undefined) {
        assert.equal(
          outcome.final,
          true,
          `no longer final at ${phase} of ${JSON.stringify(facts)}`,
        );
        assert.equal(outcome.action, final, `final before ${phase} of ${JSON.stringify(facts)}`);
      }
      if (outcome.final) final = outcome.action;
    }
  }
}

/** Runs random policies, each with random mails; the counter-example is shrunk. */
export function compareMany(policies: number, mails: number, seed?: number): void {
  const run = fc.check(
    fc.property(
      policyArbitrary,
      fc.array(factsArbitrary, { minLength: mails, maxLength: mails, size: "max" }),
      assertSame,
    ),
    { numRuns: policies, ...(seed === undefined ? {} : { seed }) },
  );
  if (!run.failed) return;
  const policy = JSON.stringify(run.counterexample?.[0]);
  const cause = run.errorInstance instanceof Error
    ? run.errorInstance.message
    : String(run.errorInstance);
  throw new Error(`seed ${run.seed}, policy ${policy}\n${cause}`);
}
