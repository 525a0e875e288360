/** Holds the tree and the interpreter equal on random policies and random mail. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { checkPolicy } from "../check_policy.ts";
import { compilePolicy } from "../compile.ts";
import { decide } from "../decide.ts";
import { type Facts, type Phase, PHASES } from "../types.ts";
import { factsArbitrary, policyArbitrary } from "./arbitrary.ts";
import { interpret } from "./interpreter.ts";

/** One mail in so many is decided at all phases, the others at the last and one more. */
const ALL_PHASES_EVERY = 8;

/** Fails where they differ; also where something final is not what it is later. */
export function assertSame(document: unknown, mails: readonly Facts[]): void {
  const policy = checkPolicy(document);
  const tree = compilePolicy(document);
  mails.forEach((facts, index) => {
    const phases: readonly Phase[] = index % ALL_PHASES_EVERY === 0
      ? PHASES
      : [PHASES[index % (PHASES.length - 1)]!, "verdict"];
    let final: string | undefined;
    for (const phase of phases) {
      const outcome = decide(tree, phase, facts);
      const expected = interpret(policy, phase, facts);
      const place = () => `${phase} of ${JSON.stringify(facts)}`;
      if (!isSame(outcome, expected)) assert.deepEqual(outcome, expected, `at ${place()}`);
      if (final !== undefined) {
        assert(outcome.final, `no longer final at ${place()}`);
        assert.equal(outcome.action, final, `final before ${place()}`);
      }
      if (outcome.final) final = outcome.action;
    }
  });
}

/** As deepEqual for plain data, and faster; where it says no, deepEqual has the last word. */
function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every((key) =>
    isSame((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key])
  );
}

/** Runs random policies, each with random mails out of a common pool; a counter-example is shrunk. */
export function compareMany(policies: number, mails: number, seed: number = Date.now()): void {
  const pool = fc.sample(factsArbitrary, { numRuns: Math.min(5000, 20 * mails), seed });
  const run = fc.check(
    fc.property(policyArbitrary, fc.nat(), (policy, start) => {
      const chosen = Array.from(
        { length: mails },
        (_, index) => pool[(start + index * 7) % pool.length]!,
      );
      assertSame(policy, chosen);
    }),
    { numRuns: policies, seed },
  );
  if (!run.failed) return;
  const policy = JSON.stringify(run.counterexample?.[0]);
  const cause = run.errorInstance instanceof Error
    ? run.errorInstance.message
    : String(run.errorInstance);
  throw new Error(`seed ${run.seed}, policy ${policy}\n${cause}`);
}
