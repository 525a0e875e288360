/** MIME headers in the middle of a text: some programs read a part from there on, as those that look for uuencode do. */
import { readEncodings } from "./encodings.ts";
import type { Line } from "./lines.ts";
import type { Source } from "./source.ts";

const LF = 10, CR = 13, SPACE = 32, TAB = 9;

/** Lines of the header before the one that says the encoding; more are not looked at. */
const MAX_LINES_BEFORE = 64;

/**
 * Where the first header begins that says that what follows is encoded; undefined without one. What is not encoded shows itself.
 */
export function innerHeader(source: Source, start: number, end: number): number | undefined {
  const line = source.lines(start, end).find((one) => isEncoded(source, one));
  if (line === undefined) return undefined;
  let first = line.start;
  for (let i = 0; i < MAX_LINES_BEFORE && first > start; i++) {
    const before = lineBefore(source, first, start);
    if (!isOfHeader(source, before, first)) break;
    first = before;
  }
  return first;
}

function isEncoded(source: Source, { kind, at, end }: Line): boolean {
  if (kind !== "encoding") return false;
  const value = /^[\w-]+\s*:(.{1,128})/.exec(source.text(at, Math.min(end, at + 192)))?.[1];
  return value !== undefined &&
    readEncodings([value]).encodings.some((one) => one !== "identity");
}

/** The start of the line that ends before `at`. */
function lineBefore({ octets }: Source, at: number, start: number): number {
  let i = at - 1;
  if (octets[i] === LF && octets[i - 1] === CR && i - 1 >= start) i--;
  while (i > start && octets[i - 1] !== LF && octets[i - 1] !== CR) i--;
  return Math.max(i, start);
}

/** Whether a line is a field or goes on with one. */
function isOfHeader(source: Source, start: number, end: number): boolean {
  const first = source.octets[start];
  if (first === SPACE || first === TAB) return true;
  return /^[!-9;-~]{1,76}[ \t]*:/.test(source.text(start, Math.min(end, start + 96)));
}
