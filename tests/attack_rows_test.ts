/** Every attack on a gate that is known has a test that bears its number. */
import assert from "node:assert/strict";

const ROOT = new URL("../", import.meta.url).pathname;
/** Attacks on the gates themselves; later numbers are about what is inside of messages. */
const LAST = 33;

async function* testFiles(directory: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(directory)) {
    const path = `${directory}/${name}`;
    if (isDirectory) yield* testFiles(path);
    else if (name.endsWith("_test.ts")) yield path;
  }
}

/** Numbers in names of tests, `attack 6: …`, `attack 19, 20: …`, `attack 9 and 11: …`. */
function numbersIn(source: string): number[] {
  const names = source.matchAll(/["`](?:\w+ )*attack (\d+(?:(?:, | and )\d+)*): /g);
  return [...names].flatMap(([, numbers]) => (numbers ?? "").match(/\d+/g) ?? []).map(Number);
}

Deno.test("each attack from 1 to 33 has a test", async () => {
  const tested = new Set<number>();
  for (const directory of ["agents", "tests"]) {
    for await (const path of testFiles(`${ROOT}${directory}`)) {
      for (const number of numbersIn(await Deno.readTextFile(path))) tested.add(number);
    }
  }
  const all = Array.from({ length: LAST }, (_, i) => i + 1);
  assert.deepEqual(all.filter((number) => !tested.has(number)), []);
});
