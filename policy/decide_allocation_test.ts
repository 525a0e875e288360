import assert from "node:assert/strict";
import { compilePolicy } from "./compile.ts";
import { decide } from "./decide.ts";
import { mixedMail, mixedPolicy } from "./testing/mixed_policy.ts";
import { PHASES } from "./types.ts";

const RULES = 1000;
const MAILS = 500;
/** Octets: far below one object for each decision, above what asking for the memory in use itself allocates. */
const LITTLE = 2000;

Deno.test("decide() allocates nothing for mail that passes", { permissions: "none" }, () => {
  const tree = compilePolicy(mixedPolicy(RULES));
  const mails = mixedMail(MAILS).filter((facts) =>
    decide(tree, "verdict", facts).action === "accept"
  );
  assert(mails.length > MAILS / 2);
  for (const phase of PHASES) {
    const run = () => {
      for (let i = 0; i < mails.length; i++) decide(tree, phase, mails[i]!);
    };
    // What is not compiled yet makes objects of numbers; what is collected meanwhile makes the difference negative.
    const used: number[] = [];
    for (let round = 0; round < 4000 && !used.some((one) => one >= 0 && one < LITTLE); round++) {
      const before = Deno.memoryUsage().heapUsed;
      run();
      used.push(Deno.memoryUsage().heapUsed - before);
    }
    const least = Math.min(...used.filter((one) => one >= 0));
    assert(least < LITTLE, `${phase}: ${mails.length} decisions allocated ${least} octets`);
  }
});
