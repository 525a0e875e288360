import assert from "node:assert/strict";
import { classicTable, TABLE_MARKS } from "./reference.ts";

/** The formatter pads a table's cells; what they say is what counts. */
const cells = (table: string) =>
  table.trim().replace(/-{3,}/g, "---").replace(/ +/g, " ").split("\n");

Deno.test("docs/classic.md holds the table of parameters as the translator acts by it", async () => {
  const page = await Deno.readTextFile(new URL("../../docs/classic.md", import.meta.url));
  const [begin, end] = TABLE_MARKS;
  const table = page.slice(page.indexOf(begin) + begin.length, page.indexOf(end));
  assert.deepEqual(
    cells(table),
    cells(classicTable()),
    "run: deno run --allow-read=docs --allow-write=docs setup/classic/write_reference.ts",
  );
});
