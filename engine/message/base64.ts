/** Base64 (RFC 2045, section 6.8): one native pass where it is well-formed, every reader's result where it is not. */
import { Buffer } from "node:buffer";
import type { PartContent } from "./types.ts";

type FromBase64 = (text: string, options?: { lastChunkHandling?: string }) => Uint8Array;

/** The native decoder of newer runtimes; it refuses what is not well-formed. */
const native = (Uint8Array as unknown as { fromBase64?: FromBase64 }).fromBase64;

const WELL_FORMED = /^[A-Za-z0-9+/\r\n\t ]*(?:=[\r\n\t ]*){0,2}$/;

/** Decodes well-formed base64; undefined if it is not (then see {@link base64Readings}). */
export function decodeCleanBase64(octets: Buffer): Uint8Array | undefined {
  const text = octets.toString("latin1");
  if (native !== undefined) {
    try {
      return native.call(Uint8Array, text, { lastChunkHandling: "strict" });
    } catch {
      return undefined;
    }
  }
  if (!WELL_FORMED.test(text)) return undefined;
  const letters = text.replace(/[\r\n\t ]+/g, "");
  if (letters.length % 4 !== 0) return undefined; // older runtimes throw on it, or take it
  const decoded = Buffer.from(letters, "base64");
  const tail = letters.slice(-4);
  // The spare bits before padding are to be 0.
  if (tail.includes("=") && Buffer.from(tail, "base64").toString("base64") !== tail) {
    return undefined;
  }
  return new Uint8Array(decoded.buffer, decoded.byteOffset, decoded.byteLength);
}

const PAD = 64, SKIP = 65, JUNK = 66;
const TABLE = new Uint8Array(256).fill(JUNK);
for (
  const [i, c] of [..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"].entries()
) {
  TABLE[c.charCodeAt(0)] = i;
}
TABLE[61] = PAD;
for (const c of " \t\r\n") TABLE[c.charCodeAt(0)] = SKIP;

/** What a reader does where the standard does not say. */
interface Manner {
  /** At padding: end, begin a new quantum, or take no notice. */
  readonly pad: "stop" | "restart" | "skip";
  /** At a character that is not of the alphabet: skip it, end, or give up its line. */
  readonly junk: "skip" | "stop" | "line";
  readonly reading: string;
}

const MANNERS: readonly Manner[] = [
  { pad: "restart", junk: "skip", reading: "base64/restart-at-padding" },
  { pad: "stop", junk: "skip", reading: "base64/stop-at-padding" },
  { pad: "skip", junk: "skip", reading: "base64/skip-padding" },
  { pad: "stop", junk: "stop", reading: "base64/stop-at-junk" },
  { pad: "restart", junk: "line", reading: "base64/skip-bad-lines" },
];

/** Every reading of base64 that is not well-formed, one after the other; they may be equal. */
export function* base64Readings(octets: Uint8Array): Generator<PartContent, void> {
  // manners that differ in what does not occur give the same octets: each takes as long as the first
  const pads = octets.includes(61);
  const padsInside = pads && hasDataBehindPadding(octets);
  const junk = hasJunk(octets);
  for (const manner of MANNERS) {
    if (!junk && manner.junk !== "skip") continue;
    if (!padsInside && manner.junk === "skip" && manner.pad !== "restart") continue;
    yield { octets: decodeWith(octets, manner), reading: manner.reading };
  }
  yield { octets: decodeByLine(octets), reading: "base64/each-line" };
  if (pads) {
    yield { octets: decodePadAsZero(octets, false), reading: "base64/padding-is-zero" };
    yield { octets: decodePadAsZero(octets, true), reading: "base64/padding-shortens" };
  }
  // Words or padding before the data: readers that look for the first full line of base64.
  const start = firstFullLine(octets);
  if (start > 0) {
    yield {
      octets: decodeWith(octets.subarray(start), MANNERS[0]!),
      reading: "base64/from-first-line",
    };
  }
}

function hasDataBehindPadding(octets: Uint8Array): boolean {
  for (let i = octets.indexOf(61); i < octets.length; i++) {
    if (TABLE[octets[i]!]! < PAD) return true;
  }
  return false;
}

function hasJunk(octets: Uint8Array): boolean {
  for (let i = 0; i < octets.length; i++) if (TABLE[octets[i]!] === JUNK) return true;
  return false;
}

/** The one reading that most readers share: skip what is no base64, begin anew at padding. */
export function lenientBase64(octets: Uint8Array): Uint8Array {
  return decodeWith(octets, MANNERS[0]!);
}

function decodeWith(octets: Uint8Array, manner: Manner): Uint8Array {
  const out = new Uint8Array(Math.ceil(octets.length * 3 / 4) + 3);
  let size = 0, bits = 0, count = 0, lineOut = 0;
  let lineBits = 0, lineCount = 0;
  let bad = false;
  for (let i = 0; i < octets.length; i++) {
    const octet = octets[i]!;
    const value = TABLE[octet]!;
    if (value < PAD) {
      if (bad) continue;
      bits = bits << 6 | value;
      if (++count === 4) {
        out[size++] = bits >> 16;
        out[size++] = bits >> 8;
        out[size++] = bits;
        bits = count = 0;
      }
    } else if (value === PAD) {
      if (bad || manner.pad === "skip" || count === 0 && manner.pad === "restart") continue;
      if (count === 0 && size === 0) continue; // padding before any data
      size = flush(out, size, bits, count);
      bits = count = 0;
      if (manner.pad === "stop") return out.subarray(0, size);
    } else if (octet === 10) {
      bad = false;
      lineOut = size;
      lineBits = bits;
      lineCount = count;
    } else if (value === JUNK) {
      if (manner.junk === "stop") break;
      if (manner.junk === "line" && !bad) { // back to where the line began
        bad = true;
        size = lineOut;
        bits = lineBits;
        count = lineCount;
      }
    }
  }
  return out.subarray(0, flush(out, size, bits, count));
}

/** What is left of a quantum of 1 to 3 characters. */
function flush(out: Uint8Array, size: number, bits: number, count: number): number {
  if (count === 2) out[size++] = bits >> 4;
  else if (count === 3) {
    out[size++] = bits >> 10;
    out[size++] = bits >> 2;
  }
  return size;
}

/** Each line for itself, as readers do that decode line by line: a line's incomplete quantum is dropped or padded. */
function decodeByLine(octets: Uint8Array): Uint8Array {
  const out = new Uint8Array(Math.ceil(octets.length * 3 / 4) + 3);
  let size = 0, bits = 0, count = 0;
  let padded = false;
  for (let i = 0; i <= octets.length; i++) {
    const octet = i < octets.length ? octets[i]! : 10;
    const value = TABLE[octet]!;
    if (octet === 10) {
      size = flush(out, size, bits, count);
      bits = count = 0;
      padded = false;
    } else if (value === PAD) padded = true;
    else if (value < PAD && !padded) {
      bits = bits << 6 | value;
      if (++count === 4) {
        out[size++] = bits >> 16;
        out[size++] = bits >> 8;
        out[size++] = bits;
        bits = count = 0;
      }
    }
  }
  return out.subarray(0, size);
}

/** Readers that look up `=` in their table and find 0; with `shorten`, each one in a quantum takes an octet from its result. */
function decodePadAsZero(octets: Uint8Array, shorten: boolean): Uint8Array {
  const out = new Uint8Array(Math.ceil(octets.length * 3 / 4) + 3);
  let size = 0, bits = 0, count = 0, pads = 0;
  for (let i = 0; i < octets.length; i++) {
    const value = TABLE[octets[i]!]!;
    if (value > PAD) continue;
    if (value === PAD) pads++;
    bits = bits << 6 | (value === PAD ? 0 : value);
    if (++count < 4) continue;
    const from = size;
    out[size++] = bits >> 16;
    out[size++] = bits >> 8;
    out[size++] = bits;
    if (shorten) size = Math.max(from, size - pads);
    bits = count = pads = 0;
  }
  return out.subarray(0, flush(out, size, bits, count));
}

/** Offset of the first line of 16 or more characters, all of them base64; 0 if it is the first or there is none. */
function firstFullLine(octets: Uint8Array): number {
  for (let start = 0; start < octets.length;) {
    let next = octets.indexOf(10, start);
    if (next < 0) next = octets.length;
    let letters = 0;
    let i = start;
    for (; i < next; i++) {
      const value = TABLE[octets[i]!]!;
      if (value < PAD) letters++;
      else if (value === JUNK || octets[i] === 32 && letters > 0) break;
    }
    if (i === next && letters >= 16) return start;
    start = next + 1;
  }
  return 0;
}

/** Octets in which undeclared base64 has no blanks: text does. */
const BLANK_FREE = 4096;

/** Whether a body that no field calls base64 is base64 throughout: at least 32 characters, whole quanta, no blanks within lines. */
export function looksLikeBase64(octets: Uint8Array): boolean {
  let letters = 0;
  let pads = 0;
  for (let i = 0; i < octets.length; i++) {
    const value = TABLE[octets[i]!]!;
    if (value < PAD) {
      if (pads > 0) return false;
      letters++;
    } else if (value === PAD) pads++;
    else if (value === JUNK || (octets[i] === 32 && i < BLANK_FREE)) return false;
  }
  return letters >= 32 && (letters + pads) % 4 === 0;
}
