/** Lines of a source, and what became of them. */
import { MAX_LINE_CHARACTERS, MAX_LINES_TOLD, MAX_NAME_OCTETS } from "../limits.ts";

/** A reason why lines are not used. */
export interface Unused {
  /** A few words, the same for all such lines. */
  readonly why: string;
  /** Number of these lines. */
  readonly count: number;
  /** Numbers of the first of these lines, from 1. */
  readonly lines: readonly number[];
}

/** What was read of one source. */
export interface SourceReport {
  /** As it was named; what lies in a container of sources behind a colon. */
  readonly file: string;
  /** Signatures that are used. */
  readonly used: number;
  /** Why the others are not, most common reason first. */
  readonly unused: readonly Unused[];
}

/** Octets decoded at once. */
const CHUNK_OCTETS = 1 << 22;
const LF = 0x0a;

/** Text of a source, line by line: no more than a chunk of it is decoded at a time. */
export function* linesOf(octets: Uint8Array): Generator<readonly [line: string, number: number]> {
  const decoder = new TextDecoder("latin1");
  let number = 0;
  for (let start = 0; start < octets.length;) {
    let end = Math.min(octets.length, start + CHUNK_OCTETS);
    if (end < octets.length) {
      const last = octets.lastIndexOf(LF, end - 1);
      const next = last >= start ? last : octets.indexOf(LF, end);
      end = next < 0 ? octets.length : next + 1;
    }
    const text = decoder.decode(octets.subarray(start, end));
    for (let at = 0; at < text.length;) {
      const feed = text.indexOf("\n", at);
      const stop = feed < 0 ? text.length : feed;
      number++;
      const line = text.slice(at, stop).trim();
      if (line !== "" && !line.startsWith("#")) yield [line, number];
      at = stop + 1;
    }
    start = end;
  }
}

/**
 * Reads a source line by line.
 *
 * @param read Uses a line; says why it does not, in a few words without what the line says.
 */
export function readLines(
  file: string,
  octets: Uint8Array,
  read: (line: string) => string | undefined,
): SourceReport {
  const unused = new Map<string, { count: number; readonly lines: number[] }>();
  let used = 0;
  for (const [line, number] of linesOf(octets)) {
    const why = line.length > MAX_LINE_CHARACTERS ? "a line that is too long" : read(line);
    if (why === undefined) {
      used++;
      continue;
    }
    let reason = unused.get(why);
    if (!reason) unused.set(why, reason = { count: 0, lines: [] });
    reason.count++;
    if (reason.lines.length < MAX_LINES_TOLD) reason.lines.push(number);
  }
  const reasons = Array.from(unused, ([why, { count, lines }]) => ({ why, count, lines }));
  return { file, used, unused: reasons.sort((a, b) => b.count - a.count) };
}

/** Finding names are printable ASCII of bounded length: everything else in a list becomes `?`. */
export function findingName(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, "?").slice(0, MAX_NAME_OCTETS) || "?";
}
