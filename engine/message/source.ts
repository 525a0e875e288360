/** Octets with what is worth knowing of them once: their line ends, and the lines at which structure can begin. */
import { Buffer } from "node:buffer";
import { MAX_LINES } from "./limits.ts";

const TAB = 9, LF = 10, CR = 13, SPACE = 32, DASH = 45, EQUALS = 61;

/** What a line of interest begins with. */
export type LineKind = "dashes" | "begin" | "yenc" | "binhex";

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

/** Octets to be read as MIME: the message, or a decoded body that holds MIME again. */
export class Source {
  readonly octets: Uint8Array;
  /** The same octets as a Buffer, for its native helpers. */
  readonly buffer: Buffer;
  /** Whether this is the input of the reader itself. */
  readonly isMessage: boolean;
  #ends: LineEnds | undefined;
  #lines: readonly Line[] | undefined;

  constructor(octets: Uint8Array, isMessage: boolean) {
    this.octets = octets;
    this.buffer = Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength);
    this.isMessage = isMessage;
  }

  /** Which line ends occur, and whether a NUL does. */
  get ends(): LineEnds {
    return this.#ends ??= lineEnds(this.octets);
  }

  /** Every octet as one character of the same number. */
  text(start: number, end: number): string {
    return this.buffer.toString("latin1", start, end);
  }

  /** Whether there are more lines of interest than are looked at. */
  get hasMoreLines(): boolean {
    return this.#all().length >= MAX_LINES;
  }

  /** How many lines of interest begin in the range. */
  countLines(start: number, end: number): number {
    const all = this.#all();
    return lowerBound(all, end) - lowerBound(all, start);
  }

  /** Lines of interest that begin in the range. */
  lines(start: number, end: number): readonly Line[] {
    const all = this.#all();
    const from = lowerBound(all, start), to = lowerBound(all, end);
    return from === 0 && to === all.length ? all : all.slice(from, to);
  }

  #all(): readonly Line[] {
    return this.#lines ??= interestingLines(this.octets, this.ends.bareCr);
  }

  /** Where the line end before `at` begins: `at` itself if there is none after `start`. */
  beforeLineEnd(at: number, start: number): number {
    let end = at;
    if (end > start && this.octets[end - 1] === LF) end--;
    if (end > start && this.octets[end - 1] === CR) end--;
    return end;
  }
}

/** Which line ends occur. */
export interface LineEnds {
  readonly bareCr: boolean;
  readonly bareLf: boolean;
  readonly crlf: boolean;
  readonly nul: boolean;
}

function lineEnds(octets: Uint8Array): LineEnds {
  let bareCr = false, bareLf = false, crlf = false, nul = false;
  const length = octets.length;
  for (let i = 0; i < length; i++) {
    const octet = octets[i]!;
    if (octet > CR) continue;
    if (octet === CR) {
      if (i + 1 < length && octets[i + 1] === LF) {
        crlf = true;
        i++;
      } else bareCr = true;
    } else if (octet === LF) bareLf = true;
    else if (octet === 0) nul = true;
  }
  return { bareCr, bareLf, crlf, nul };
}

/** First index whose line does not begin before `start`. */
function lowerBound(lines: readonly Line[], start: number): number {
  let low = 0, high = lines.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (lines[middle]!.start < start) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** One pass over the octets: lines that begin with two dashes, `begin`, `=ybegin` or the BinHex sentence. */
function interestingLines(octets: Uint8Array, bareCr: boolean): Line[] {
  const lines: Line[] = [];
  const length = octets.length;
  for (let start = 0; start < length && lines.length < MAX_LINES;) {
    const kind = lineKind(octets, start, length);
    const next = bareCr ? nextLine(octets, start) : nextLineByLf(octets, start);
    if (kind !== undefined) {
      // An indent may hold CRs that are line ends to some readers: the line goes on behind what makes it interesting.
      const past = kind.at < next ? next : bareCr ? nextLine(octets, kind.at) : next;
      let end = past;
      if (end > kind.at && octets[end - 1] === LF) end--;
      if (end > kind.at && octets[end - 1] === CR) end--;
      lines.push({ kind: kind.kind, start, at: kind.at, end, next: past });
    }
    start = next;
  }
  return lines;
}

function nextLineByLf(octets: Uint8Array, start: number): number {
  const lf = octets.indexOf(LF, start);
  return lf < 0 ? octets.length : lf + 1;
}

/** As {@link nextLineByLf} where a CR alone ends a line too. */
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
): { kind: LineKind; at: number } | undefined {
  let at = start;
  let octet = octets[at]!;
  if (octet <= SPACE) {
    if (octet === LF) return undefined;
    const most = Math.min(length, start + 256);
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
    case EQUALS:
      return begins(octets, at, "=ybegin ") ? { kind: "yenc", at } : undefined;
    case 40: // (
      return begins(octets, at, "(this file must be converted")
        ? { kind: "binhex", at }
        : undefined;
    case 60: // <: text in a web page, as in <pre>begin 644 file
    case 62: // >: quoted text
    {
      const most = Math.min(length, start + 256);
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
