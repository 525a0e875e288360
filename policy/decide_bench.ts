/**
 * `deno bench -A policy/decide_bench.ts`: decisions at 10, 1,000 and 100,000 mixed rules, next to the plain interpreter. Compile
 * time, size of the tree, the time to make it ready, and percentiles over single decisions are printed first.
 */
import { checkPolicy } from "./check_policy.ts";
import { compilePolicy } from "./compile.ts";
import { decide, prepareTree } from "./decide.ts";
import { interpret } from "./testing/interpreter.ts";
import { mixedMail, mixedPolicy } from "./testing/mixed_policy.ts";

const RULES = [10, 1000, 100_000] as const;
const MAILS = 4096;

for (const rules of RULES) {
  const document = mixedPolicy(rules);
  const mails = mixedMail(MAILS);
  const compiling = performance.now();
  const tree = compilePolicy(document);
  const compiled = performance.now();
  prepareTree(tree);
  const ready = performance.now();
  for (let round = 0; round < 20; round++) {
    for (const facts of mails) decide(tree, "verdict", facts);
  }
  // A clock read takes about as long as a decision: batches of 8 mails each.
  const batches: number[] = [];
  for (let round = 0; round < 20; round++) {
    for (let first = 0; first < MAILS; first += 8) {
      const start = performance.now();
      for (let i = first; i < first + 8; i++) decide(tree, "verdict", mails[i]!);
      batches.push((performance.now() - start) / 8);
    }
  }
  batches.sort((a, b) => a - b);
  const at = (share: number) =>
    `${Math.round(batches[Math.floor(batches.length * share)]! * 1e6)} ns`;
  const octets = JSON.stringify(tree).length;
  const source = JSON.stringify(document).length;
  console.log(
    `${rules} rules: compile ${Math.round(compiled - compiling)} ms, make ready ${
      Math.round(ready - compiled)
    } ms, ` +
      `tree ${octets} octets, ${(octets / source).toFixed(1)}x the document, decide p50 ${
        at(0.5)
      }, p99 ${at(0.99)}`,
  );

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
