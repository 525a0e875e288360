/** What markup does when it is opened. */
import type { HeuristicMatch } from "./heuristics.ts";

/** So much of a page is looked at, octets: more is no page that came by mail. */
const MAX_OCTETS = 8 << 20;

const SCRIPT = /<(?:\w{1,20}:)?script\b|\bon(?:load|error|click|mouseover|begin)\s*=|javascript:/i;
const MAKES_FILE = /\bnew\s+(?:Blob|File)\b|\bmsSave(?:OrOpen)?Blob\b/;
const GIVES_FILE = /\bcreateObjectURL\b|\bmsSave(?:OrOpen)?Blob\b|\breadAsDataURL\b/;
const STORES_FILE =
  /\.download\b|["']download["']|\bmsSave(?:OrOpen)?Blob\b|\.click\s*\(|\blocation\b/;

/** Text of markup in any of the encodings that a browser would see at once. */
export function markupText(octets: Uint8Array): string {
  const [a, b] = octets;
  const encoding = a === 0xff && b === 0xfe
    ? "utf-16le"
    : a === 0xfe && b === 0xff
    ? "utf-16be"
    : "latin1";
  return new TextDecoder(encoding).decode(octets.subarray(0, MAX_OCTETS));
}

/**
 * Pages that put a file together and hand it to the reader, past every scanner on the way. Pages of the web do so to export data;
 * in mail, where nothing was asked for, good ones hardly exist.
 */
export function markupHeuristics(octets: Uint8Array): readonly HeuristicMatch[] {
  const text = markupText(octets);
  const smuggles = MAKES_FILE.test(text) && GIVES_FILE.test(text) && STORES_FILE.test(text) &&
    SCRIPT.test(text);
  return smuggles ? [{ name: "Heuristic.HtmlSmuggling" }] : [];
}
