import { assertSame, compareMany } from "./testing/compare.ts";
import { MAIL } from "./testing/mail.ts";
import { mixedMail, mixedPolicy, namedMail } from "./testing/mixed_policy.ts";

/** Few enough for every run of the tests; testing/compare_many.ts does many more. */
const POLICIES = 300;
const MAILS = 30;

Deno.test("decide() equals the interpreter on random policies and mails", () =>
  compareMany(POLICIES, MAILS));

Deno.test("decide() equals the interpreter on a policy of hundreds of rules", () => {
  const policy = mixedPolicy(300, 4);
  assertSame(policy, [...mixedMail(40), ...namedMail(policy, 300)]);
});

/** Counter-examples that random runs found, shrunk. */
const found: { name: string; policy: unknown; facts: object }[] = [];

for (const { name, policy, facts } of found) {
  Deno.test(`decide() equals the interpreter: ${name}`, () =>
    assertSame(policy, [{ ...MAIL, ...facts }]));
}
