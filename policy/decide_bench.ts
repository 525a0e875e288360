/**
 * `deno bench -A policy/decide_bench.ts`: decisions at 10, 1,000 and 100,000 mixed rules, next to the plain interpreter. Printed
 * first: compile time, size of the tree, the time to make it ready, and percentiles over single decisions, of clean mail that few
 * rules name and of mail that each meets some rule or list.
 *
 * The mails are thousands, none like another, so that what one decision brought near is gone when the same mail comes again; the
 * time of reading the clock, which is a tenth of a decision, is taken off.
 */
import { checkPolicy } from "./check_policy.ts";
import { compilePolicy } from "./compile.ts";
import { decide, prepareTree } from "./decide.ts";
import { interpret } from "./testing/interpreter.ts";
import { mixedMail, mixedPolicy, namedMail } from "./testing/mixed_policy.ts";
import type { DecisionTree } from "./tree.ts";
import type { Facts } from "./types.ts";

const RULES = [10, 1000, 100_000] as const;
const MAILS = 4096;
const ROUNDS = 20;

/** What one reading of the clock takes, ms: the median. */
const CLOCK = median(Array.from({ length: 10_000 }, () => {
  const start = performance.now();
  return performance.now() - start;
}));

function median(times: readonly number[]): number {
  return [...times].sort((a, b) => a - b)[times.length >> 1]!;
}

/** Percentiles over single decisions, in words. */
function percentiles(tree: DecisionTree, mails: readonly Facts[]): string {
  for (let round = 0; round < ROUNDS; round++) {
    for (const facts of mails) decide(tree, "verdict", facts);
  }
  const times = new Float64Array(ROUNDS * mails.length);
  let next = 0;
  for (let round = 0; round < ROUNDS; round++) {
    for (let i = 0; i < mails.length; i++) {
      const start = performance.now();
      decide(tree, "verdict", mails[i]!);
      times[next++] = performance.now() - start;
    }
  }
  times.sort();
  const at = (share: number) =>
    `${Math.round((times[Math.floor(times.length * share)]! - CLOCK) * 1e6)} ns`;
  return `p50 ${at(0.5)}, p99 ${at(0.99)}`;
}

for (const rules of RULES) {
  const document = mixedPolicy(rules);
  const mails = mixedMail(MAILS);
  const compiling = performance.now();
  const tree = compilePolicy(document);
  const compiled = performance.now();
  prepareTree(tree);
  const ready = performance.now();
  const octets = JSON.stringify(tree).length;
  const source = JSON.stringify(document).length;
  console.log(
    `${rules} rules: compile ${Math.round(compiled - compiling)} ms, make ready ${
      Math.round(ready - compiled)
    } ms, tree ${octets} octets, ${(octets / source).toFixed(1)}x the document`,
  );
  console.log(`  decide clean mail: ${percentiles(tree, mails)}`);
  console.log(`  decide mail that rules name: ${percentiles(tree, namedMail(document, MAILS))}`);

  let next = 0;
  Deno.bench(`decide() at ${rules} rules`, { group: `${rules}`, baseline: true }, () => {
    decide(tree, "verdict", mails[next++ & (MAILS - 1)]!);
  });
  // One decision of the interpreter at 100,000 rules takes about a minute.
  if (rules > 1000) continue;
  const policy = checkPolicy(document);
  Deno.bench(`interpreter at ${rules} rules`, { group: `${rules}` }, () => {
    interpret(policy, "verdict", mails[next++ & (MAILS - 1)]!);
  });
}
