import assert from "node:assert/strict";
import { corpus, corpusFile, TEST_LIMITS, testBudget } from "../message/fixtures/testing.ts";
import { readMessage } from "../message/read.ts";
import { canonicalMessage } from "./canonical.ts";

const files = [...corpus("evasion"), ...corpus("mime")];

Deno.test({
  name: "canonicalMessage() makes one reading of every mail of evasion/ and mime/",
  ignore: files.length === 0,
}, () => {
  const bad: string[] = [];
  for (const { file, id } of files) {
    const octets = corpusFile(file);
    if (readMessage(octets, testBudget()).ambiguities.length === 0) continue;
    if (canonicalMessage(octets, TEST_LIMITS) === undefined) bad.push(`${file} ${id}`);
  }
  assert.deepEqual(bad, []);
});
