/** Writes docs/heuristics.md and docs/engine-limits.md anew, formatted as the rest is. */
import { heuristicsPage, limitsPage } from "../../engine/engine_pages.ts";

for (
  const [file, page] of [["heuristics", heuristicsPage], ["engine-limits", limitsPage]] as const
) {
  const path = new URL(`../../docs/${file}.md`, import.meta.url);
  await Deno.writeTextFile(path, page());
  await new Deno.Command(Deno.execPath(), { args: ["fmt", "--quiet", path.pathname] }).output();
}
