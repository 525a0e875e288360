/** The long run: `deno run -A policy/testing/compare_many.ts [POLICIES] [MAILS] [SEED]`. */
import { compareMany } from "./compare.ts";

if (import.meta.main) {
  const [policies = 10_000, mails = 100, seed] = Deno.args.map(Number);
  const start = performance.now();
  compareMany(policies, mails, seed);
  console.log(
    `${policies} policies x ${mails} mails at every phase: no difference, ${
      Math.round(performance.now() - start)
    } ms`,
  );
}
