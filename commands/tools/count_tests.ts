/** Prints what a JUnit file says as `N passed, N failed`, with the skipped ones before it. Usage: count_tests.ts FILE [PASSED FAILED] */
const [path = "dist/junit.xml", passedMore = "0", failedMore = "0"] = Deno.args;
const totals = { tests: 0, failures: 0, errors: 0, disabled: 0 };
let text = "";
try {
  text = Deno.readTextFileSync(path);
} catch {
  console.log(`There is no ${path}: the tests did not run`);
  totals.tests = totals.errors = 1;
}
for (const [suite] of text.matchAll(/<testsuite [^>]*>/g)) {
  for (const name of Object.keys(totals) as (keyof typeof totals)[]) {
    totals[name] += Number(new RegExp(`\\b${name}="(\\d+)"`).exec(suite)?.[1] ?? 0);
  }
}
const failed = totals.failures + totals.errors + Number(failedMore);
const passed = totals.tests - totals.failures - totals.errors - totals.disabled +
  Number(passedMore);
if (totals.disabled > 0) console.log(`${totals.disabled} skipped`);
console.log(`${passed} passed, ${failed} failed`);
