/** What documents do when they are opened: fields that start programs, templates and objects from elsewhere, macro sheets. */
import { Buffer } from "node:buffer";
import { latin1Text } from "../latin1.ts";
import type { HeuristicMatch } from "./heuristics.ts";
import { tags } from "./tags.ts";

/** So much of one part is looked at, octets. */
const MAX_OCTETS = 8 << 20;

const SHELLS =
  "cmd|command|powershell|pwsh|mshta|wscript|cscript|rundll32|regsvr32|certutil|bitsadmin|msiexec|forfiles|explorer|curl|schtasks|wmic|bash|sh";
/** A field's instruction, as in `DDEAUTO c:\\windows\\system32\\cmd.exe "/k calc"`. */
const DDE_FIELD = /(?:^|[\s"{])DDE(?:AUTO)?\s+["\\A-Za-z]/i;
/** A cell that is a formula with a link in it, such as `=cmd|'/c calc'!A0`: program, what it is given, item. Prose has `(sh|csh)`. */
const DDE_CELL = new RegExp(
  `(?:^|[\\n\\r\\t;,])[\\s"']{0,20}[=+@-][^\\n;,]{0,60}\\b(?:${SHELLS})(?:\\.exe)?["']?\\s*` +
    `\\|\\s*(?:'[^'\\n]{0,500}'|[^\\s'!|]{1,200})\\s*!`,
  "i",
);
const DDE_SERVICE = new RegExp(
  `\\b(?:ddeService|dde-application)\\s*=\\s*["'][^"']{0,200}?\\b(?:${SHELLS})(?:\\.exe)?["'\\s]`,
  "i",
);
/** A link of an old workbook by DDE: the program, 3, what it is given. [MS-XLS] 2.5.277 (VirtualPath) */
const DDE_LINK = new RegExp(`^[^\\x03]{0,200}\\b(?:${SHELLS})(?:\\.exe)?["' ]*\\x03`, "i");
/** Elsewhere: the web, or a share of another host. */
const ELSEWHERE =
  /^\s*(?:https?|ftps?|mhtml|ms-\w+):|^\s*(?:file:)?[\\/]{2,}(?![\\/]?(?:[A-Za-z]:|localhost[\\/]))[^\\/]/i;

/** {79EAC9E0-BAF9-11CE-8C82-00AA004BA90B}, as it stands in a file; then a length, then the address in UTF-16. */
const URL_MONIKER = Buffer.from("e0c9ea79f9bace118c8200aa004ba90b", "hex");

function text(octets: Uint8Array): string {
  return latin1Text(octets.subarray(0, MAX_OCTETS));
}

/** Values of an attribute within a tag. */
function attribute(tag: string, name: string): string {
  return new RegExp(`\\b${name}\\s*=\\s*["']([^"']*)["']`, "i").exec(tag)?.[1] ?? "";
}

/** Where a part of a package gets something from; a namespace may stand before it. */
const RELATIONSHIP = /<(?:\w+:)?Relationship\b/g;
/** Characters of such a tag. */
const MAX_TAG = 4_000;

/** One part of an OOXML or OpenDocument package. */
export function packagePartHeuristics(
  octets: Uint8Array,
  names: readonly string[],
): readonly HeuristicMatch[] {
  if (names.some((name) => /(?:^|[\\/])macrosheets[\\/][^\\/]+\.(?:xml|bin)$/i.test(name))) {
    return [{ name: "Heuristic.ExcelMacroSheet" }];
  }
  if (!names.some((name) => /\.(?:rels|xml)$/i.test(name))) return [];
  return xmlHeuristics(text(octets));
}

/** Markup of a document: a part of a package, or one flat file. */
export function xmlHeuristics(source: string): readonly HeuristicMatch[] {
  const found: HeuristicMatch[] = [];
  for (const { start, end } of tags(source, RELATIONSHIP, MAX_TAG)) {
    const tag = source.slice(start, end);
    if (!/\bTargetMode\s*=\s*["']External["']/i.test(tag)) continue;
    const type = attribute(tag, "Type");
    if (!ELSEWHERE.test(attribute(tag, "Target"))) continue;
    if (/\/attachedTemplate$/i.test(type)) {
      found.push({ name: "Heuristic.RemoteTemplate", offset: start });
    } else if (/\/(?:oleObject|frame|subDocument)$/i.test(type)) {
      found.push({ name: "Heuristic.RemoteObject", offset: start });
    }
  }
  if (DDE_WORDS.test(source)) {
    const offset = ddeOffset(source);
    if (offset >= 0) found.push({ name: "Heuristic.Dde", offset });
  }
  return found;
}

/** What fields and links by DDE are written with; most documents have none of it. */
const DDE_WORDS = /\binstr|ddeService|dde-application/i;

/** Where a field or link starts a program by DDE; -1 if none does. Instructions may be cut into many runs. */
function ddeOffset(source: string): number {
  const simple = /\binstr\s*=\s*["']\s*DDE(?:AUTO)?\s/i.exec(source);
  if (simple) return simple.index;
  const service = DDE_SERVICE.exec(source);
  if (service) return service.index;
  let instruction = "";
  let start = -1;
  const pieces =
    /<(?:\w+:)?fldChar\b[^>]{0,300}fldCharType\s*=\s*["']begin["']|<(?:\w+:)?instrText\b[^>]{0,300}>([^<]{0,4000})</gi;
  for (const piece of source.matchAll(pieces)) {
    if (piece[1] === undefined) {
      instruction = "";
      continue;
    }
    if (instruction === "") start = piece.index;
    instruction = (instruction + piece[1]).slice(0, 4000);
    if (DDE_FIELD.test(instruction.replace(/&quot;/g, '"'))) return start;
  }
  return -1;
}

/** RTF: fields and templates. */
export function rtfHeuristics(octets: Uint8Array): readonly HeuristicMatch[] {
  const source = text(octets);
  const found: HeuristicMatch[] = [];
  const template = /\\\*?\\?template\s+([^{}\\]{1,300}|\\[^{}]{1,300})/i.exec(source);
  if (template && ELSEWHERE.test((template[1] ?? "").replace(/\\\\/g, "\\"))) {
    found.push({ name: "Heuristic.RemoteTemplate", offset: template.index });
  }
  const field = /\\fldinst\b(?:[^}]{0,200}?[\s{}])?DDE(?:AUTO)?\b/i.exec(source);
  if (field) found.push({ name: "Heuristic.Dde", offset: field.index });
  return found;
}

/** Data of an OLE object, whatever it came in. */
export function oleObjectHeuristics(octets: Uint8Array): readonly HeuristicMatch[] {
  const buffer = Buffer.from(octets.buffer, octets.byteOffset, Math.min(octets.length, MAX_OCTETS));
  const offset = buffer.indexOf(URL_MONIKER);
  if (offset < 0) return [];
  const address = buffer.subarray(offset + 20, offset + 60).toString("utf16le");
  return /^(?:https?|ftp|file|mhtml|script):|^\\\\/i.test(address)
    ? [{ name: "Heuristic.RemoteObject", offset }]
    : [];
}

/** Stands for the octet at which a field begins. */
const FIELD = "\ue013";

/** The text stream of an old Word document: fields stand between 0x13 and 0x14, in one or two octets a character. */
export function wordStreamHeuristics(octets: Uint8Array): readonly HeuristicMatch[] {
  const source = text(octets).replaceAll("\x13", FIELD);
  const narrow = /\ue013\s*DDE(?:AUTO)?\s/i.exec(source);
  const wide = /\ue013\0(?:[ \t]\0)*D\0D\0E\0(?:A\0U\0T\0O\0)?[ \t]\0/i.exec(source);
  const found = narrow ?? wide;
  return found ? [{ name: "Heuristic.Dde", offset: found.index }] : [];
}

/** Lines of cells. */
export function cellTextHeuristics(octets: Uint8Array): readonly HeuristicMatch[] {
  const found = DDE_CELL.exec(text(octets));
  return found ? [{ name: "Heuristic.Dde", offset: found.index }] : [];
}

/** The stream of an old workbook: [MS-XLS] 2.4.28 (BoundSheet8), 2.4.150 (Lbl) and 2.4.271 (SupBook). */
export function workbookHeuristics(octets: Uint8Array): readonly HeuristicMatch[] {
  let macros = -1;
  let runs = false;
  const found: HeuristicMatch[] = [];
  for (let at = 0, records = 0; at + 4 <= octets.length && records < 1_000_000; records++) {
    const type = (octets[at] ?? 0) | (octets[at + 1] ?? 0) << 8;
    const size = (octets[at + 2] ?? 0) | (octets[at + 3] ?? 0) << 8;
    if (type === 0x85 && octets[at + 9] === 1) macros = at;
    // a built-in name of one character: 1 is Auto_Open, 2 is Auto_Close
    if (type === 0x18 && ((octets[at + 4] ?? 0) & 0x20) !== 0 && octets[at + 7] === 1) {
      const name = octets[at + 18] === 0 ? octets[at + 19] : octets[at + 18];
      if (name === 1 || name === 2) runs = true;
    }
    if (type === 0x1ae && size > 5) {
      const isWide = (octets[at + 8] ?? 0) & 1;
      const path = octets.subarray(at + 9, at + 4 + size);
      const link = isWide ? Buffer.from(path).toString("utf16le") : text(path);
      if (DDE_LINK.test(link)) found.push({ name: "Heuristic.Dde", offset: at });
    }
    if (type === 0x0a && macros < 0 && records > 0) break; // end of the globals
    at += 4 + size;
  }
  if (macros >= 0 && runs) found.push({ name: "Heuristic.ExcelMacroSheet", offset: macros });
  return found;
}
