/** What a PDF does when it is opened. PDF 32000-1:2008, 12.6 */
import type { HeuristicName } from "../detect/heuristic_table.ts";

/** Characters of an object that are looked at. */
const OBJECT = 2_000;
/** Objects that are looked for in the whole file; a document has one such action, and one more each time that it was changed. */
const MAX_LOOKED_FOR = 100;
const LAUNCH = /\/S\s*\/Launch\b/;
const SCRIPT = /\/S\s*\/JavaScript\b/;
/** A script that does nothing but print. */
const PRINTS =
  /\/JS\s*\(\s*(?:this\.)?print\s*\((?:[^()\\]|\\[^]|\((?:[^()\\]|\\[^])*\))*\)\s*;?\s*\)/;

/** Names may be written with hex digits: `/Java#53cript`. */
function plainNames(text: string): string {
  if (!/\/[^\s/<>()[\]]*#[0-9a-f]{2}/i.test(text)) return text;
  return text.replace(
    /#([0-9a-f]{2})/gi,
    (_, hex: string) => String.fromCharCode(parseInt(hex, 16)),
  );
}

/**
 * Looks for actions.
 *
 * @param text The file, one character for each octet.
 * @param streams The same of each object stream.
 */
export function pdfActions(text: string, streams: readonly string[]): readonly HeuristicName[] {
  const found: HeuristicName[] = [];
  const pieces = [text, ...streams].map(plainNames);
  const all = pieces.join("\n");
  const launch = LAUNCH.exec(all);
  if (launch && /\/(?:F|Win|Mac|Unix)\b/.test(around(all, launch.index))) {
    found.push("Heuristic.PdfLaunch");
  }
  if (opensScript(pieces, all)) found.push("Heuristic.PdfOpenScript");
  return found;
}

function around(text: string, at: number): string {
  return text.slice(Math.max(0, at - OBJECT / 4), at + OBJECT / 4);
}

function opensScript([text = "", ...streams]: readonly string[], all: string): boolean {
  if (!SCRIPT.test(all)) return false;
  let looked = 0;
  for (const match of all.matchAll(/\/OpenAction\s*(?:(<<)|(\d{1,9})\s+\d{1,5}\s+R)/g)) {
    if (match[1]) {
      if (isScript(all.slice(match.index, match.index + OBJECT))) return true;
      continue;
    }
    if (++looked > MAX_LOOKED_FOR) return false;
    const place = new RegExp(`(?:^|[\\s>])${match[2]}\\s+\\d+\\s+obj\\b`).exec(text);
    if (!place) return streams.some(isScript); // it is in one of the object streams
    const object = text.slice(place.index, place.index + OBJECT).replace(/endobj[\s\S]*$/, "");
    if (isScript(object)) return true;
  }
  return false;
}

function isScript(object: string): boolean {
  return SCRIPT.test(object) && !PRINTS.test(object);
}
