/** File names: every decoding, and one form in which they are compared. */
import { decodeRaw } from "./charsets.ts";
import { MAX_NAME_LENGTH, MAX_NAMES } from "./limits.ts";
import { decodeWords } from "./words.ts";

/**
 * Every name that a reader would show, from the raw readings of the parameters.
 *
 * @param raw Readings as parameters.ts gives them (a character an octet, or decoded already).
 */
export function decodeNames(raw: readonly string[]): string[] {
  const names = new Set<string>();
  for (const one of raw) {
    if (names.size >= MAX_NAMES) break;
    const cut = one.slice(0, MAX_NAME_LENGTH);
    if (cut.includes("=?")) add(names, decodeWords(cut));
    add(names, decodeRaw(cut));
  }
  return [...names];
}

function add(names: Set<string>, name: string): void {
  const text = name.replace(/\0/g, "\u2400").replace(/\p{Cc}/gu, "").toWellFormed();
  if (text !== "") names.add(text);
  const nul = name.indexOf("\0"); // what a reader in C shows
  if (nul > 0) names.add(name.slice(0, nul).replace(/\p{Cc}/gu, "").toWellFormed());
}

/**
 * The form in which names are compared: lower case, without path, control characters, marks that turn the direction of text,
 * zero-width characters, and without the dots and blanks at the end that Windows drops. What is left of `tool.exe . ` is `tool.exe`.
 */
export function comparableName(name: string): string {
  return name.normalize("NFKC")
    .replace(
      /[\p{Cc}\p{Cf}\u2400\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0]/gu,
      "",
    )
    .replace(/^.*[\\/]/s, "")
    .replace(/::?\$data$/i, "")
    .replace(/[\s.]+$/, "")
    .trim()
    .toLowerCase();
}

/** Whether a name holds a mark that makes people read it in another order than the system does. */
export function hasDirectionMark(name: string): boolean {
  return /[\u200e\u200f\u202a-\u202e\u2066-\u2069]/.test(name);
}
