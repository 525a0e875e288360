/** Uuencoded files (POSIX uuencode; also its base64 form), as they stand in text. */
import { Buffer } from "node:buffer";
import { lenientBase64 } from "./base64.ts";
import { begins } from "./lines.ts";

/** A file found in text. */
export interface EmbeddedFile {
  readonly name: string;
  readonly octets: Uint8Array;
  /** BinHex: the file's resource fork, a content of its own. */
  readonly resource?: Uint8Array;
  readonly reading: string;
  /** Past the last octet that belongs to it, in the octets that were given. */
  readonly end: number;
  /** Whether readers may decode it differently. */
  readonly odd: boolean;
}

const LF = 10, CR = 13;
const BEGIN = /^begin(-base64)? +([0-7]{0,6}) *(.*?)\s*(?:<.*)?$/i;

/**
 * Decodes the file whose `begin` line starts at `at`.
 *
 * @param octets Text that holds it.
 * @param end Past the last octet that may belong to it.
 * @param throughBegin Whether a further `begin` line is taken for a bad line, as some readers do, or for the next file.
 * @returns undefined if no data line follows: `begin` is also a word.
 */
export function readUuencoded(
  octets: Uint8Array,
  at: number,
  end: number,
  throughBegin: boolean,
): EmbeddedFile | undefined {
  let next = lineNext(octets, at, end);
  const header = latin1(octets.subarray(at, Math.min(next, at + 1024))).replace(/[\r\n]+$/, "");
  const match = BEGIN.exec(header);
  if (match === null) return undefined;
  const name = match[3]!.trim();
  const odd = !/^begin(?:-base64)? [0-7]{3,4} \S/.test(header);
  if (match[1] !== undefined) {
    const stop = endOfBase64(octets, next, end);
    const decoded = lenientBase64(octets.subarray(next, stop));
    if (decoded.length === 0) return undefined;
    return { name, octets: decoded, reading: "uuencode/base64", end: stop, odd };
  }
  const decoded = decodeUuLines(octets, next, end, throughBegin);
  if (decoded.lines === 0) return undefined;
  next = decoded.end;
  return { name, octets: decoded.octets, reading: "uuencode", end: next, odd: odd || decoded.odd };
}

/** Decodes data lines from `start` until `end`, a line that is none, or the end of the range. */
export function decodeUuLines(
  octets: Uint8Array,
  start: number,
  end: number,
  throughBegin = true,
): { octets: Uint8Array; end: number; lines: number; odd: boolean } {
  const chunks: Uint8Array[] = [];
  let lines = 0, blanks = 0;
  let odd = false;
  let position = start;
  while (position < end) {
    const next = lineNext(octets, position, end);
    let stop = next;
    while (stop > position && (octets[stop - 1] === LF || octets[stop - 1] === CR)) stop--;
    let from = position;
    // Quoted text and indent before a data line: `> M...`
    while (from < stop && (octets[from] === 62 || octets[from] === 9) && octets[from + 1] === 32) {
      from += 2;
    }
    if (isEndLine(octets, from, stop)) {
      position = next;
      break;
    }
    if (stop === from) {
      if (++blanks > 4) break;
      if (lines > 0) odd = true;
      position = next;
      continue;
    }
    if (!throughBegin && begins(octets, from, "begin")) break;
    const line = decodeUuLine(octets, from, stop);
    if (line === undefined) {
      if (lines === 0) break;
      odd = true; // a line of text within: some readers skip it, others stop
      if (++blanks > 4) break;
    } else {
      if (line.length > 0) blanks = 0;
      chunks.push(line);
      lines++;
    }
    position = next;
  }
  return { octets: Buffer.concat(chunks), end: position, lines, odd };
}

/** Where the lines of base64 end: at `====` or any other character. */
function endOfBase64(octets: Uint8Array, start: number, end: number): number {
  let i = start;
  for (; i < end; i++) {
    const octet = octets[i]!;
    const letter = octet >= 65 && octet <= 90 || octet >= 97 && octet <= 122 ||
      octet >= 47 && octet <= 57 || octet === 43 || octet === 61 || octet <= 32;
    if (!letter || octet === 61 && octets[i + 1] === 61 && octets[i + 2] === 61) break;
  }
  return i;
}

function isEndLine(octets: Uint8Array, from: number, stop: number): boolean {
  return stop - from >= 3 && (octets[from]! | 32) === 101 && (octets[from + 1]! | 32) === 110 &&
    (octets[from + 2]! | 32) === 100 && (stop - from === 3 || octets[from + 3]! <= 32);
}

/** One data line: a count, then four characters for three octets; undefined if it cannot be one. */
function decodeUuLine(octets: Uint8Array, from: number, stop: number): Uint8Array | undefined {
  const first = octets[from]!;
  if (first < 32 || first > 96) return undefined;
  const count = (first - 32) & 63;
  const letters = stop - from - 1;
  const wanted = Math.ceil(count / 3) * 4;
  // Blanks at the end may be lost; a checksum character and more may follow.
  if (letters > wanted + 8 || letters < Math.ceil(count * 4 / 3) - 16 || letters < count / 2) {
    return undefined;
  }
  const out = new Uint8Array(wanted / 4 * 3);
  let size = 0;
  for (let i = from + 1; size < count; i += 4) {
    let bits = 0;
    for (let k = 0; k < 4; k++) {
      const octet = i + k < stop ? octets[i + k]! : 32;
      if (octet < 32 || octet > 96) return undefined;
      bits = bits << 6 | (octet - 32 & 63);
    }
    out[size++] = bits >> 16;
    out[size++] = bits >> 8;
    out[size++] = bits;
  }
  return out.subarray(0, count);
}

function lineNext(octets: Uint8Array, start: number, end: number): number {
  const lf = octets.indexOf(LF, start);
  return lf < 0 || lf >= end ? end : lf + 1;
}

function latin1(octets: Uint8Array): string {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength).toString("latin1");
}
