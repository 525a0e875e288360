/**
 * `deno bench -A policy/decide_bench.ts`: decisions at 10, 1,000 and 100,000 mixed rules, next to the plain interpreter. Printed
 * first: compile time, size of the tree, the time to make it ready, and percentiles, of clean mail that few rules name and of mail
 * that each meets some rule or list; of batches of eight mails, and of single mails, where the clock holds the processor up before
 * and after each. The time of reading the clock is taken off.
 *
 * The mails are thousands, none like another, so that what one decision brought near is gone when the same mail comes again.
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
const BATCH = 8;

/** What one reading of the clock takes, ms: the median. */
const CLOCK = median(Array.from({ length: 10_000 }, () => {
  const start = performance.now();
  return performance.now() - start;
}));

function median(times: readonly number[]): number {
  return [...times].sort((a, b) => a - b)[times.length >> 1]!;
}

/** Percentiles over decisions in batches, in words. */
function percentiles(tree: DecisionTree, mails: readonly Facts[], batch: number): string {
  for (let round = 0; round < ROUNDS; round++) {
    for (const facts of mails) decide(tree, "verdict", facts);
  }
  const times = new Float64Array(ROUNDS * mails.length / batch);
  let next = 0;
  for (let round = 0; round < ROUNDS; round++) {
    for (let first = 0; first < mails.length; first += batch) {
      const start = performance.now();
      for (let i = first; i < first + batch; i++) decide(tree, "verdict", mails[i]!);
      times[next++] = (performance.now() - start - CLOCK) / batch;
    }
  }
  times.sort();
  const at = (share: number) => `${Math.round(times[Math.floor(times.length * share)]! * 1e6)} ns`;
  return `p50 ${at(0.5)}, p99 ${at(0.99)}`;
}

for (const rules of RULES) {
  const document = mixedPolicy(rules);
  // Copies, as from another worker: strings of their own, not those of the document.
  const mails = structuredClone(mixedMail(MAILS));
  const named = structuredClone(namedMail(document, MAILS));
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
  for (const [what, facts] of [["clean mail", mails], ["mail that rules name", named]] as const) {
    for (const batch of [BATCH, 1]) {
      console.log(`  ${what}, by ${batch}: ${percentiles(tree, facts, batch)}`);
    }
  }

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
