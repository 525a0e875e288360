/** MIME headers in the middle of a text: some programs read a part from there on, as those that look for uuencode do. */
import { readEncodings } from "./encodings.ts";
import type { Line } from "./lines.ts";
import type { Source } from "./source.ts";

const LF = 10, CR = 13, SPACE = 32, TAB = 9, DASH = 45, COLON = 58;

/** Octets of a line in which the name of a field ends. */
const MAX_NAME = 77;

/** Lines of the header before the one that says the encoding; more are not looked at. */
const MAX_LINES_BEFORE = 64;

/**
 * Where the first header begins that says that what follows is encoded; undefined without one. What is not encoded shows itself.
 */
export function innerHeader(source: Source, start: number, end: number): number | undefined {
  const line = source.encodings(start, end).find((one) => isEncoded(source, one));
  if (line === undefined) return undefined;
  let first = line.start;
  for (let i = 0; i < MAX_LINES_BEFORE && first > start; i++) {
    const before = lineBefore(source, first, start);
    if (!isOfHeader(source.octets, before, first)) break;
    first = before;
  }
  return first;
}

function isEncoded(source: Source, { at, end }: Line): boolean {
  const value = /^[\w-]+\s*:(.{1,128})/.exec(source.text(at, Math.min(end, at + 192)))?.[1];
  return value !== undefined &&
    readEncodings([value]).encodings.some((one) => one !== "identity");
}

/**
 * Whether a line stands among the fields of a header: behind a line of dashes and fields, before other ones and an empty line. Which
 * readers know it for a delimiter nevertheless, differs.
 *
 * @param start Where to look for that line of dashes at most.
 */
export function isInHeader(source: Source, line: Line, start: number, end: number): boolean {
  const { octets } = source;
  let first = line.start;
  for (let i = 0; i < MAX_LINES_BEFORE && first > start; i++) {
    const before = lineBefore(source, first, start);
    if (!isOfHeader(octets, before, first)) {
      if (first === line.start || octets[before] !== DASH || octets[before + 1] !== DASH) {
        return false;
      }
      let at = line.next;
      while (at < end && isOfHeader(octets, at, end)) {
        const lf = octets.indexOf(LF, at);
        at = lf < 0 ? end : lf + 1;
      }
      const isEmpty = octets[at] === LF || octets[at] === CR && octets[at + 1] === LF;
      return at > line.next && at < end && isEmpty;
    }
    first = before;
  }
  return false;
}

/** The start of the line that ends before `at`. */
function lineBefore({ octets }: Source, at: number, start: number): number {
  let i = at - 1;
  if (octets[i] === LF && octets[i - 1] === CR && i - 1 >= start) i--;
  while (i > start && octets[i - 1] !== LF && octets[i - 1] !== CR) i--;
  return Math.max(i, start);
}

/** Whether a line is a field or goes on with one. */
function isOfHeader(octets: Uint8Array, start: number, end: number): boolean {
  if (octets[start] === SPACE || octets[start] === TAB) return true;
  const most = Math.min(end, start + MAX_NAME);
  for (let i = start; i < most; i++) {
    const octet = octets[i]!;
    if (octet === COLON) return i > start;
    if (octet < SPACE && octet !== TAB || octet > 126) return false;
    if (octet === SPACE && octets[i + 1]! > SPACE && octets[i + 1] !== COLON) return false;
  }
  return false;
}
