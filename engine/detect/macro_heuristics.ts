/** What the source text of a macro tells. */
import { latin1Text } from "../latin1.ts";
import type { HeuristicMatch } from "./heuristics.ts";

/** Procedures that run without being asked for: on opening, closing, or as soon as a field is drawn. */
const RUNS_BY_ITSELF =
  /\b(?:sub|function)\s+(?:auto_?(?:open|close|exec|exit|new)|(?:document|workbook|presentation)_(?:open|close|new|beforeclose|activate|change)|workbook_(?:open|activate)|\w+_(?:layout|painted|painting|gotfocus|lostfocus|mousehover|resize))\b/i;

/** What a document has no business with: starting programs, fetching files, writing to the registry. */
const REACHES_OUT =
  /\b(?:shell|createobject|getobject|shellexecute\w?|winexec|createprocess\w?|urldownloadtofile\w?|wscript\.|powershell|xmlhttp|adodb\.stream|regwrite|virtualalloc\w*|callbyname|macscript|environ|kill)\b/i;

/**
 * Macros that run by themselves and reach out of the document. Macros that do only one of the two are common in offices and are
 * left to the policy, which sees them as parts.
 */
export function macroHeuristics(source: Uint8Array): readonly HeuristicMatch[] {
  const text = latin1Text(source).replace(/ _\r?\n\s*/g, " ");
  return RUNS_BY_ITSELF.test(text) && REACHES_OUT.test(text)
    ? [{ name: "Heuristic.AutoRunMacro" }]
    : [];
}
