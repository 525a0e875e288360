/** What markup does when it is opened. */
import { latin1Text } from "../latin1.ts";
import type { HeuristicMatch } from "./heuristics.ts";

/** So much of a page is looked at, octets: more is no page that came by mail. */
const MAX_OCTETS = 8 << 20;

const SCRIPT = /<(?:\w{1,20}:)?script\b|\bon(?:load|error|click|mouseover|begin)\s*=|javascript:/i;
/** These two have no edge of a word before them: it would have to be looked for at every character of a page. */
const MAKES_FILE = /new\s+(?:Blob|File)\b|msSave(?:OrOpen)?Blob\b/;
const GIVES_FILE = /createObjectURL\b|msSave(?:OrOpen)?Blob\b|readAsDataURL\b/;
const STORES_FILE =
  /\.download\b|["']download["']|\bmsSave(?:OrOpen)?Blob\b|\.click\s*\(|\blocation\b/;

/** Text of markup in any of the encodings that a browser would see at once. */
export function markupText(octets: Uint8Array): string {
  const [a, b] = octets;
  const page = octets.subarray(0, MAX_OCTETS);
  if (a === 0xff && b === 0xfe) return new TextDecoder("utf-16le").decode(page);
  if (a === 0xfe && b === 0xff) return new TextDecoder("utf-16be").decode(page);
  return latin1Text(page);
}

/**
 * Pages that put a file together and hand it to the reader, past every scanner on the way. Pages of the web do so to export data;
 * in mail, where nothing was asked for, good ones hardly exist.
 *
 * @param text The page as {@link markupText} reads it.
 */
export function markupHeuristics(text: string): readonly HeuristicMatch[] {
  // To look for a word takes a tenth of the time of an expression.
  if (!text.includes("Blob") && !text.includes("File")) return [];
  const smuggles = MAKES_FILE.test(text) && GIVES_FILE.test(text) && STORES_FILE.test(text) &&
    SCRIPT.test(text);
  return smuggles ? [{ name: "Heuristic.HtmlSmuggling" }] : [];
}
