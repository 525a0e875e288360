/** Writes docs/heuristics.md and docs/engine-limits.md anew. */
import { heuristicsPage, limitsPage } from "../../engine/engine_pages.ts";

for (
  const [file, page] of [["heuristics", heuristicsPage], ["engine-limits", limitsPage]] as const
) {
  await Deno.writeTextFile(new URL(`../../docs/${file}.md`, import.meta.url), page());
}
