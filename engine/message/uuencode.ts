/** Uuencoded files (POSIX uuencode; also its base64 form, and xxencode), as they stand in text. */
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
/** With the mode of a file, as no sentence has that begins with the word. */
const SURE = /^begin +[0-7]{3,6}(?:\s|$)/i;

/** Octets of a begin line; where it has no end, what follows is no file. */
const MAX_BEGIN_LINE = 4_096;

/** Lines of no data, one after the other, behind which only what begins beyond doubt goes on. */
const MAX_BAD_LINES = 4;

/** What a reader takes for a data line, and what it does at others. */
interface Manner {
  readonly reading: string;
  /** How far the length of a line may be from what its first character says. */
  readonly length: "near" | "exact" | "any";
  /** At a line that is no data, when there were others that are. */
  readonly bad: "skip few" | "skip" | "stop";
  readonly alphabet: "uu" | "xx";
}

const USUAL: Manner = { reading: "uuencode", length: "near", bad: "skip few", alphabet: "uu" };
const MANNERS: readonly Manner[] = [
  { ...USUAL, bad: "skip", reading: "uuencode/skip" },
  { ...USUAL, bad: "stop", reading: "uuencode/stop" },
  { ...USUAL, bad: "skip", length: "exact", reading: "uuencode/exact" },
  { ...USUAL, bad: "skip", length: "any", reading: "uuencode/any-length" },
  { ...USUAL, bad: "stop", length: "near", alphabet: "xx", reading: "uuencode/xx" },
];

/** One reading of data lines. */
interface Lines {
  readonly octets: Uint8Array;
  readonly reading: string;
  readonly end: number;
  readonly odd: boolean;
}

/** What the readings of one file share. */
interface Text {
  readonly octets: Uint8Array;
  /** Past the last octet that may belong to the file. */
  readonly end: number;
  /** Whether a further `begin` line is taken for a bad line, as some readers do, or for the next file. */
  readonly throughBegin: boolean;
  /** Whether there is a CR without LF, which ends a line for some readers. */
  readonly bareCr: boolean;
  /** Charged with the octets that each pass goes over; false: no more of them. */
  readonly walk: (octets: number) => boolean;
  /** Up to where there is no data line for a manner: a text of nothing but `begin` lines is gone over once, and not for each. */
  readonly barren: Map<string, number>;
}

/**
 * Decodes the file whose `begin` line starts at `at`, as each reader would; distinct contents, likeliest first.
 *
 * @returns nothing if no data line follows: `begin` is also a word.
 */
export function readUuencoded(text: Text, at: number): EmbeddedFile[] {
  const { octets, end, bareCr } = text;
  const files: EmbeddedFile[] = [];
  for (const crEnds of bareCr ? [false, true] : [false]) {
    const line = octets.subarray(at, Math.min(end, at + MAX_BEGIN_LINE));
    const next = at + lineNext(line, 0, line.length, crEnds);
    const header = latin1(octets.subarray(at, Math.min(next, at + 1024))).replace(/[\r\n]+$/, "");
    const match = BEGIN.exec(header);
    if (match === null) continue;
    const name = match[3]!.trim();
    const odd = !/^begin(?:-base64)? [0-7]{3,4} \S/.test(header);
    if (match[1] === undefined) {
      for (const lines of readingsOfLines(text, next, crEnds, SURE.test(header))) {
        addNew(files, { ...lines, name, odd: odd || crEnds || lines.odd });
      }
      continue;
    }
    const stop = endOfBase64(octets, next, end);
    const decoded = lenientBase64(octets.subarray(next, stop));
    if (!text.walk(stop - at)) return files;
    if (decoded.length === 0) continue;
    addNew(files, { name, octets: decoded, reading: "uuencode/base64", end: stop, odd });
  }
  return files;
}

/** Every reading of a body that is data lines, with or without a `begin` line at its start. */
export function* decodeUuBody(
  body: Uint8Array,
): Generator<{ readonly octets: Uint8Array; readonly reading: string }, void> {
  const bareCr = hasBareCr(body);
  const barren = new Map<string, number>();
  const walk = () => true;
  const text = { octets: body, end: body.length, throughBegin: true, bareCr, walk, barren };
  for (const crEnds of bareCr ? [false, true] : [false]) {
    const begin = /^\s*begin[ -]/i.test(latin1(body.subarray(0, 1024)));
    let start = 0;
    if (begin) {
      while (body[start]! <= 32) start++;
      start = lineNext(body, start, body.length, crEnds);
    }
    yield* readingsOfLines(text, start, crEnds, true);
  }
}

function addNew<One extends { readonly octets: Uint8Array }>(known: One[], one: One): void {
  if (!known.some(({ octets }) => Buffer.compare(octets, one.octets) === 0)) known.push(one);
}

/** What readers make of the lines from `start` on: more than one reading only where some of them is no data. */
function readingsOfLines(text: Text, start: number, crEnds: boolean, isSure: boolean): Lines[] {
  const readings: Lines[] = [];
  for (const manner of [USUAL, ...MANNERS]) {
    const key = `${manner.reading} ${crEnds}`;
    if ((text.barren.get(key) ?? 0) > start) continue;
    const { isOdd, count, ...lines } = decodeLines(text, start, crEnds, manner, isSure);
    if (count === 0 && isSure && manner !== USUAL) text.barren.set(key, lines.passed);
    if (count > 0) addNew(readings, { ...lines, reading: manner.reading, odd: isOdd });
    if (!text.walk(lines.passed - start)) break;
    const isAlone = lines.passed === start || count > 0 && !isOdd && manner === USUAL;
    if (!isSure || isAlone) break;
  }
  return readings;
}

/** Decodes data lines from `start` until an `end` line, or a line that is none. */
function decodeLines(
  { octets, end, throughBegin }: Text,
  start: number,
  crEnds: boolean,
  { length, bad, alphabet }: Manner,
  isSure: boolean,
): {
  octets: Uint8Array;
  /** Past the last line that belongs to the file. */
  end: number;
  /** Past the last line that was looked at. */
  passed: number;
  count: number;
  isOdd: boolean;
} {
  let out = new Uint8Array(0);
  let size = 0;
  let count = 0, bads = 0, last = start;
  let isOdd = false;
  let position = start;
  while (position < end) {
    const next = lineNext(octets, position, end, crEnds);
    let stop = next;
    while (stop > position && (octets[stop - 1] === LF || octets[stop - 1] === CR)) stop--;
    let from = position;
    // Quoted text and indent before a data line: `> M...`
    while (from < stop && (octets[from] === 62 || octets[from] === 9) && octets[from + 1] === 32) {
      from += 2;
    }
    if (isEndLine(octets, from, stop)) {
      last = position = next;
      break;
    }
    if (stop > from && !throughBegin && begins(octets, from, "begin")) break;
    if (out.length - size < MAX_LINE) {
      const longer = new Uint8Array(Math.max(1024, 2 * out.length));
      longer.set(out);
      out = longer;
    }
    const data = out.subarray(size, size + MAX_LINE);
    const decoded = stop === from
      ? -1
      : decodeLine(octets, from, stop, next - stop, length, alphabet, data);
    if (decoded < 0) {
      // a line of text or nothing: some readers skip it, others stop
      if (count > 0 || stop > from) isOdd = true;
      if (bad === "stop" && count > 0) break;
      if (count === 0 && stop > from && !isSure) break;
      if (++bads > MAX_BAD_LINES && (bad === "skip few" || !isSure)) break;
    } else {
      if (decoded > 0) bads = 0;
      size += decoded;
      count++;
      last = next;
    }
    position = next;
  }
  return { octets: out.subarray(0, size), end: last, passed: position, count, isOdd };
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

/** Octets of the longest data line. */
const MAX_LINE = 63;

/** Values of the letters of uuencode, and of those of xxencode; 255: no letter. */
const LETTERS = { uu: new Uint8Array(256).fill(255), xx: new Uint8Array(256).fill(255) };
for (let octet = 32; octet <= 96; octet++) LETTERS.uu[octet] = octet - 32 & 63;
for (
  const [i, c] of [..."+-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"].entries()
) LETTERS.xx[c.charCodeAt(0)] = i;

/** One data line: a count, then four characters for three octets; how many octets were put out, -1 if it cannot be one. */
function decodeLine(
  octets: Uint8Array,
  from: number,
  stop: number,
  lineEnd: number,
  length: Manner["length"],
  alphabet: Manner["alphabet"],
  out: Uint8Array,
): number {
  const values = LETTERS[alphabet];
  const count = values[octets[from]!]!;
  if (count === 255) return -1;
  const letters = stop - from - 1;
  const groups = Math.ceil(count / 3);
  const wanted = groups * 4;
  if (length === "exact" || alphabet === "xx") {
    // MIME::Decoder::UU: the length with the line end, in fours
    if (Math.floor((stop - from + lineEnd) / 4) !== groups) return -1;
  } else if (length === "near") {
    // Blanks at the end may be lost; a checksum character and more may follow.
    if (letters > wanted + 8 || letters < Math.ceil(count * 4 / 3) - 16 || letters < count / 2) {
      return -1;
    }
  }
  const most = Math.min(stop, from + 1 + wanted);
  let size = 0;
  for (let i = from + 1; size < count; i += 4) {
    let bits = 0;
    for (let k = 0; k < 4; k++) {
      const value = i + k < most ? values[octets[i + k]!]! : 0;
      if (value === 255) return -1;
      bits = bits << 6 | value;
    }
    out[size++] = bits >> 16;
    out[size++] = bits >> 8;
    out[size++] = bits;
  }
  return count;
}

function lineNext(octets: Uint8Array, start: number, end: number, crEnds: boolean): number {
  if (crEnds) {
    for (let i = start; i < end; i++) {
      if (octets[i] === LF || octets[i] === CR && octets[i + 1] !== LF) return i + 1;
    }
    return end;
  }
  const lf = octets.indexOf(LF, start);
  return lf < 0 || lf >= end ? end : lf + 1;
}

function hasBareCr(octets: Uint8Array): boolean {
  for (let at = octets.indexOf(CR); at >= 0; at = octets.indexOf(CR, at + 1)) {
    if (octets[at + 1] !== LF) return true;
  }
  return false;
}

function latin1(octets: Uint8Array): string {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength).toString("latin1");
}
