/** Which heuristics look into which content. */
import {
  cellTextHeuristics,
  oleObjectHeuristics,
  packagePartHeuristics,
  rtfHeuristics,
  wordStreamHeuristics,
  workbookHeuristics,
  xmlHeuristics,
} from "./document_heuristics.ts";
import { fileTypeGroup } from "./file_type.ts";
import { type HeuristicMatch, isProgramName } from "./heuristics.ts";
import { linkHeuristics } from "./link_heuristics.ts";
import { markupHeuristics, markupText } from "./markup_heuristics.ts";
import { peHeuristics, shortcutHeuristics } from "./program_heuristics.ts";

/** A content and where it lies. */
export interface ContentFacts {
  readonly octets: Uint8Array;
  /** By content. */
  readonly type: string;
  /** Of the container that it comes from; absent for parts of mail. */
  readonly container?: string;
  readonly names: readonly string[];
}

/** What one content gives. */
export function contentHeuristics(facts: ContentFacts): readonly HeuristicMatch[] {
  const { octets, type, container, names } = facts;
  const found: HeuristicMatch[] = [...insideHeuristics(facts)];
  const group = fileTypeGroup(type);
  if (group === "markup" || type === "hta") {
    const text = markupText(octets);
    found.push(...markupHeuristics(text));
    if (type === "html") found.push(...linkHeuristics(text));
  }
  if (container === "ooxml" || container === "odf") {
    found.push(...packagePartHeuristics(octets, names));
  } else if (type === "xml") found.push(...xmlHeuristics(markupText(octets)));
  if (type === "pe") found.push(...peHeuristics(octets));
  else if (type === "lnk") found.push(...shortcutHeuristics(octets));
  else if (type === "rtf") found.push(...rtfHeuristics(octets));
  if (container === "ole" || container === "rtf") found.push(...oleObjectHeuristics(octets));
  if (container === "ole") {
    if (has(names, /(?:^|\/)worddocument$/i)) found.push(...wordStreamHeuristics(octets));
    if (has(names, /(?:^|\/)(?:workbook|book)$/i)) found.push(...workbookHeuristics(octets));
  }
  if (has(names, /\.(?:csv|tsv|slk|iqy)$/i)) found.push(...cellTextHeuristics(octets));
  return found;
}

const has = (names: readonly string[], form: RegExp) => names.some((name) => form.test(name));

/** Programs in what no program has to be in. */
function insideHeuristics(
  { type, container, names, octets }: ContentFacts,
): readonly HeuristicMatch[] {
  if (container === undefined || octets.length === 0) return [];
  const group = fileTypeGroup(type);
  const isProgram = group === "executable" || group === "script" || type === "msi" ||
    type === "chm" || isProgramName(names);
  if (!isProgram) return [];
  if (container === "onenote") return [{ name: "Heuristic.OneNoteProgram" }];
  if (fileTypeGroup(container) === "disk") return [{ name: "Heuristic.DiskImageProgram" }];
  return [];
}
