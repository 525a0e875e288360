/** Octets with what is worth knowing of them once: their line ends, and the lines at which structure can begin. */
import { Buffer } from "node:buffer";
import { MAX_LINES } from "./limits.ts";
import type { Line } from "./lines.ts";
import { type LineEnds, type Look, lookAt } from "./octet_look.ts";

const LF = 10, CR = 13;

/** Octets to be read as MIME: the message, or a decoded body that holds MIME again. */
export class Source {
  readonly octets: Uint8Array;
  /** The same octets as a Buffer, for its native helpers. */
  readonly buffer: Buffer;
  /** Whether this is the input of the reader itself. */
  readonly isMessage: boolean;
  #look: Look | undefined;
  #lines: readonly Line[] | undefined;
  #encodings: readonly Line[] | undefined;

  constructor(octets: Uint8Array, isMessage: boolean) {
    this.octets = octets;
    this.buffer = Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength);
    this.isMessage = isMessage;
  }

  /** Which line ends occur, and whether a NUL does. */
  get ends(): LineEnds {
    return (this.#look ??= lookAt(this.octets)).ends;
  }

  /** Every octet as one character of the same number. */
  text(start: number, end: number): string {
    return this.buffer.toString("latin1", start, end);
  }

  /** Whether there are more lines of interest than are looked at. */
  get hasMoreLines(): boolean {
    return (this.#look ??= lookAt(this.octets)).lines.length >= MAX_LINES;
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

  /** Lines in the range that say an encoding, which stand in headers most of the time: none of the others. */
  encodings(start: number, end: number): readonly Line[] {
    const all = this.#encodings ??= (this.#look ??= lookAt(this.octets)).lines
      .filter(({ kind }) => kind === "encoding");
    return all.slice(lowerBound(all, start), lowerBound(all, end));
  }

  #all(): readonly Line[] {
    return this.#lines ??= (this.#look ??= lookAt(this.octets)).lines
      .filter(({ kind }) => kind !== "encoding");
  }

  /** Where the line end before `at` begins: `at` itself if there is none after `start`. */
  beforeLineEnd(at: number, start: number): number {
    let end = at;
    if (end > start && this.octets[end - 1] === LF) end--;
    if (end > start && this.octets[end - 1] === CR) end--;
    return end;
  }
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
