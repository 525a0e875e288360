/** Writes the generated table into docs/classic.md: `deno run --allow-read=docs --allow-write=docs setup/classic/write_reference.ts`. */
import { classicTable, TABLE_MARKS } from "./reference.ts";

const path = new URL("../../docs/classic.md", import.meta.url);
const page = await Deno.readTextFile(path);
const [begin, end] = TABLE_MARKS;
const before = page.slice(0, page.indexOf(begin) + begin.length);
const after = page.slice(page.indexOf(end));
await Deno.writeTextFile(path, `${before}\n\n${classicTable()}\n\n${after}`);
