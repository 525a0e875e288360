/** The lines of a text at which structure can begin. */
import { MAX_LINES } from "./limits.ts";

const TAB = 9, LF = 10, CR = 13, SPACE = 32, DASH = 45, EQUALS = 61;

/** Octets from the start of a line in which what makes it interesting begins. */
export const MAX_INDENT = 256;

/** What a line of interest begins with. */
export type LineKind = "dashes" | "begin" | "yenc" | "binhex" | "encoding";

/** A line at which structure can begin. */
export interface Line {
  readonly kind: LineKind;
  /** First octet of the line. */
  readonly start: number;
  /** First octet of what makes it interesting: after indent, tags and the like. */
  readonly at: number;
  /** Past the last octet, line end not counted. */
  readonly end: number;
  /** First octet of the next line. */
  readonly next: number;
}

/** Lines that begin with two dashes, `begin`, `=ybegin`, the BinHex sentence or Content-Transfer-Encoding, where a CR alone may end a line too. */
export function linesOfInterest(octets: Uint8Array): Line[] {
  const lines: Line[] = [];
  const length = octets.length;
  for (let start = 0; start < length && lines.length < MAX_LINES;) {
    const kind = lineKind(octets, start, length);
    const next = nextLine(octets, start);
    if (kind !== undefined) {
      // An indent may hold CRs that are line ends to some readers: the line goes on behind what makes it interesting.
      lines.push(lineOf(octets, kind, start, kind.at < next ? next : nextLine(octets, kind.at)));
    }
    start = next;
  }
  return lines;
}

/** The line that begins at `start`, if it is of interest; each line ends in LF. */
export function lineOfInterest(octets: Uint8Array, start: number): Line | undefined {
  const kind = lineKind(octets, start, octets.length);
  if (kind === undefined) return undefined;
  const lf = octets.indexOf(LF, kind.at);
  return lineOf(octets, kind, start, lf < 0 ? octets.length : lf + 1);
}

interface Interest {
  readonly kind: LineKind;
  readonly at: number;
}

function lineOf(octets: Uint8Array, { kind, at }: Interest, start: number, next: number): Line {
  let end = next;
  if (end > at && octets[end - 1] === LF) end--;
  if (end > at && octets[end - 1] === CR) end--;
  return { kind, start, at, end, next };
}

function nextLine(octets: Uint8Array, start: number): number {
  const { length } = octets;
  for (let i = start; i < length; i++) {
    if (octets[i] === LF || octets[i] === CR && octets[i + 1] !== LF) return i + 1;
  }
  return length;
}

function lineKind(
  octets: Uint8Array,
  start: number,
  length: number,
): Interest | undefined {
  let at = start;
  let octet = octets[at]!;
  if (octet <= SPACE) {
    if (octet === LF) return undefined;
    const most = Math.min(length, start + MAX_INDENT);
    while (at < start + 2 && octets[at] === CR) at++; // of line ends written LF CR
    while (at < most && isBlank(octets[at]!)) at++;
    octet = octets[at] ?? 0;
    if (octet === DASH && octets[at + 1] === DASH) return { kind: "dashes", at };
    return (octet | 32) === 98 && begins(octets, at, "begin ") ? { kind: "begin", at } : undefined;
  }
  switch (octet) {
    case DASH:
      return octets[at + 1] === DASH ? { kind: "dashes", at } : undefined;
    case 66: // B
    case 98: // b
      return begins(octets, at, "begin ") || begins(octets, at, "begin-base64 ")
        ? { kind: "begin", at }
        : undefined;
    case 67: // C
    case 99: // c
      return begins(octets, at, "content-transfer-encoding") ? { kind: "encoding", at } : undefined;
    case EQUALS:
      return begins(octets, at, "=ybegin ") ? { kind: "yenc", at } : undefined;
    case 40: // (
      return begins(octets, at, "(this file must be converted")
        ? { kind: "binhex", at }
        : undefined;
    case 60: // <: text in a web page, as in <pre>begin 644 file
    case 62: // >: quoted text
    {
      const most = Math.min(length, start + MAX_INDENT);
      for (let i = at + 1; i < most && octets[i] !== LF; i++) {
        if ((octets[i]! | 32) !== 98 || octets[i - 1]! > 62) continue;
        if (begins(octets, i, "begin ")) return { kind: "begin", at: i };
      }
      return undefined;
    }
    default:
      return undefined;
  }
}

/** Space, tab, and what some readers skip at the start of a line. */
function isBlank(octet: number): boolean {
  return octet === SPACE || octet === TAB || octet === 11 || octet === 12 || octet === 0;
}

/** What `\s` matches of octets as characters of the same numbers. */
export function isWhite(octet: number): boolean {
  return octet === SPACE || octet >= TAB && octet <= CR || octet === 0xa0;
}

/** Whether the octets at `at` are the text (lower case), in any case. */
export function begins(octets: Uint8Array, at: number, text: string): boolean {
  if (at + text.length > octets.length) return false;
  for (let i = 0; i < text.length; i++) {
    let octet = octets[at + i]!;
    if (octet >= 65 && octet <= 90) octet |= 32;
    if (octet !== text.charCodeAt(i)) return false;
  }
  return true;
}
