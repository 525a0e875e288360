import assert from "node:assert/strict";
import { FILE_TYPES } from "./file_types.ts";
import { HEURISTICS } from "./detect/heuristic_table.ts";
import { heuristicsPage, limitsPage } from "./engine_pages.ts";
import { NOT_OPENED } from "./unpack/format_notes.ts";
import { isUnopened } from "./unpack/formats.ts";

const ROOT = new URL("../", import.meta.url);
const read = { permissions: { read: true } };

for (
  const [file, page] of [["heuristics", heuristicsPage], ["engine-limits", limitsPage]] as const
) {
  Deno.test(`docs/${file}.md says what the code does`, read, () => {
    const text = Deno.readTextFileSync(new URL(`docs/${file}.md`, ROOT));
    // the formatter aligns tables and breaks lines
    const plain = (value: string) => value.replace(/-{3,}/g, "---").replace(/\s+/g, " ").trim();
    assert.equal(plain(text), plain(page()), "run: deno run -A commands/tools/engine_pages.ts");
  });
}

Deno.test("NOT_OPENED names every container that is not opened, and no other", {
  permissions: "none",
}, () => {
  const types: readonly string[] = Object.values(FILE_TYPES).flat();
  assert.deepEqual(Object.keys(NOT_OPENED).sort(), types.filter(isUnopened).sort());
});

Deno.test("HEURISTICS has every name that the code uses, and no other", read, () => {
  const used = new Set<string>();
  for (const folder of ["engine/detect/", "engine/unpack/"]) {
    for (const { name } of Deno.readDirSync(new URL(folder, ROOT))) {
      if (!name.endsWith(".ts") || name.endsWith("_test.ts")) continue;
      const text = Deno.readTextFileSync(new URL(folder + name, ROOT));
      for (const [, heuristic = ""] of text.matchAll(/"Heuristic\.(\w+)"/g)) used.add(heuristic);
    }
  }
  assert.deepEqual([...used].sort(), Object.keys(HEURISTICS).sort());
});
