/** Sub-signatures that are looked at once octets were found: kept as the text that they were written in, and read when one is needed. */
import { parseOffset } from "../sources/pattern_source.ts";
import { type ByteCompare, isByteCompare, parseByteCompare } from "./byte_compare.ts";
import { isRegex, parseRegexSubsignature, type RegexSubsignature } from "./regex_subsignature.ts";

/** One of them, read. */
export type Later = ByteCompare | RegexSubsignature;

/** One of a signature. */
export interface LaterSubsignature {
  /** Number of the sub-signature. */
  readonly sub: number;
  readonly later: Later;
}

/** Words of an entry: signature, sub-signature, first octet of the text and how many. Entries are in the order of their signatures. */
export const LATER_WORDS = 4;

/** Signatures whose sub-signatures are kept read. */
const KEPT = 4096;

/** Whether a sub-signature is one of these. */
export function isLater(text: string): boolean {
  return isRegex(text) || isByteCompare(text);
}

/** Reads one; a few words where something in it is not supported. */
export function parseLater(text: string): Later | string {
  return isRegex(text) ? parseRegexSubsignature(text, parseOffset) : parseByteCompare(text);
}

/** Those of a set of patterns. */
export class Laters {
  readonly #entries: Uint32Array;
  readonly #texts: Uint8Array;
  readonly #read = new Map<number, readonly LaterSubsignature[]>();

  constructor(entries: Uint32Array, texts: Uint8Array) {
    this.#entries = entries;
    this.#texts = texts;
  }

  /** Whether a signature has any. */
  has(signature: number): boolean {
    return this.#first(signature) >= 0;
  }

  /** Those of a signature, comparisons before expressions: what these wait for may be a comparison. */
  of(signature: number): readonly LaterSubsignature[] {
    const known = this.#read.get(signature);
    if (known) return known;
    const found: LaterSubsignature[] = [];
    const entries = this.#entries;
    const first = this.#first(signature);
    for (let at = first; at >= 0 && entries[at] === signature; at += LATER_WORDS) {
      const [, sub = 0, start = 0, length = 0] = entries.subarray(at, at + LATER_WORDS);
      const later = parseLater(new TextDecoder("latin1").decode(
        this.#texts.subarray(start, start + length),
      ));
      if (typeof later !== "string") found.push({ sub, later });
    }
    found.sort((a, b) =>
      Number(a.later.kind === "regex") - Number(b.later.kind === "regex") || a.sub - b.sub
    );
    if (this.#read.size >= KEPT) this.#read.clear();
    this.#read.set(signature, found);
    return found;
  }

  /** Place of the first entry of a signature; -1. */
  #first(signature: number): number {
    const entries = this.#entries;
    let low = 0;
    let high = entries.length / LATER_WORDS;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((entries[middle * LATER_WORDS] ?? 0) < signature) low = middle + 1;
      else high = middle;
    }
    return entries[low * LATER_WORDS] === signature ? low * LATER_WORDS : -1;
  }
}
