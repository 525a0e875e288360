/**
 * LZMA and LZMA2: a range coder over literals and matches.
 *
 * @see LZMA specification (Igor Pavlov, lzma-specification.txt); for LZMA2 the xz format's documents
 */
import type { InflateEnd } from "./inflate.ts";
import { u16be, u32be } from "./octets.ts";
import { Output } from "./output.ts";

const PROBABILITY = 1024;
const STATES = 12;
const POSITION_STATES = 16;

/** What came out. */
export interface Unpacked {
  readonly octets: Uint8Array;
  /** Input octets used, when complete. */
  readonly used: number;
  readonly end: InflateEnd;
}

/** Probabilities of one length coder: choice, second choice, low, middle, high. */
function lengthCoder(): Uint16Array<ArrayBuffer> {
  return new Uint16Array(2 + 2 * (POSITION_STATES << 3) + 256).fill(PROBABILITY);
}

/** One LZMA decoder: state survives between the chunks of LZMA2. */
export class LzmaDecoder {
  readonly #output: Output;
  #input: Uint8Array = new Uint8Array(0);
  #at = 0;
  #range = 0;
  #code = 0;
  #lc = 0;
  #lpMask = 0;
  #pbMask = 0;
  #literals = new Uint16Array(0);
  #isMatch = new Uint16Array(0);
  #isRep = new Uint16Array(0);
  #isRepG0 = new Uint16Array(0);
  #isRepG1 = new Uint16Array(0);
  #isRepG2 = new Uint16Array(0);
  #isRep0Long = new Uint16Array(0);
  #slots = new Uint16Array(0);
  #special = new Uint16Array(0);
  #align = new Uint16Array(0);
  #lengths = new Uint16Array(0);
  #repLengths = new Uint16Array(0);
  #state = 0;
  #rep0 = 0;
  #rep1 = 0;
  #rep2 = 0;
  #rep3 = 0;
  /** Where the dictionary begins in the output. */
  #origin = 0;

  constructor(output: Output) {
    this.#output = output;
  }

  /** Sets the properties octet (lc, lp, pb) and forgets everything; false if it is none. */
  setProperties(octet: number): boolean {
    if (octet >= 225) return false;
    const lc = octet % 9;
    const lp = Math.floor(octet / 9) % 5;
    const pb = Math.floor(octet / 45);
    this.#lc = lc;
    this.#lpMask = (1 << lp) - 1;
    this.#pbMask = (1 << pb) - 1;
    this.resetState();
    return true;
  }

  /** Begins with all probabilities even. */
  resetState(): void {
    const fresh = (size: number) => new Uint16Array(size).fill(PROBABILITY);
    const lp = 32 - Math.clz32(this.#lpMask);
    this.#literals = fresh(0x300 << (this.#lc + lp));
    this.#isMatch = fresh(STATES << 4);
    this.#isRep = fresh(STATES);
    this.#isRepG0 = fresh(STATES);
    this.#isRepG1 = fresh(STATES);
    this.#isRepG2 = fresh(STATES);
    this.#isRep0Long = fresh(STATES << 4);
    this.#slots = fresh(4 << 6);
    this.#special = fresh(128);
    this.#align = fresh(16);
    this.#lengths = lengthCoder();
    this.#repLengths = lengthCoder();
    this.#state =
      this.#rep0 =
      this.#rep1 =
      this.#rep2 =
      this.#rep3 =
        0;
  }

  /** Matches do not reach before this place. */
  resetDictionary(): void {
    this.#origin = this.#output.length;
  }

  #bit(table: Uint16Array, index: number): number {
    const probability = table[index] ?? 0;
    const bound = (this.#range >>> 11) * probability;
    let bit: number;
    if ((this.#code >>> 0) < bound) {
      this.#range = bound;
      table[index] = probability + ((2048 - probability) >> 5);
      bit = 0;
    } else {
      this.#range = (this.#range - bound) >>> 0;
      this.#code = (this.#code - bound) >>> 0;
      table[index] = probability - (probability >> 5);
      bit = 1;
    }
    if (this.#range < 0x1000000) {
      this.#range = (this.#range << 8) >>> 0;
      this.#code = ((this.#code << 8) | (this.#input[this.#at++] ?? 0)) >>> 0;
    }
    return bit;
  }

  #tree(table: Uint16Array, offset: number, bits: number): number {
    let node = 1;
    for (let i = 0; i < bits; i++) node = node << 1 | this.#bit(table, offset + node);
    return node - (1 << bits);
  }

  #reverseTree(table: Uint16Array, offset: number, bits: number): number {
    let node = 1;
    let value = 0;
    for (let i = 0; i < bits; i++) {
      const bit = this.#bit(table, offset + node);
      node = node << 1 | bit;
      value |= bit << i;
    }
    return value;
  }

  #direct(bits: number): number {
    let value = 0;
    for (let i = 0; i < bits; i++) {
      this.#range >>>= 1;
      const below = (this.#code >>> 0) < this.#range;
      if (!below) this.#code = (this.#code - this.#range) >>> 0;
      if (this.#range < 0x1000000) {
        this.#range = (this.#range << 8) >>> 0;
        this.#code = ((this.#code << 8) | (this.#input[this.#at++] ?? 0)) >>> 0;
      }
      value = value * 2 + (below ? 0 : 1);
    }
    return value;
  }

  #length(table: Uint16Array, position: number): number {
    if (this.#bit(table, 0) === 0) return this.#tree(table, 2 + (position << 3), 3);
    if (this.#bit(table, 1) === 0) return 8 + this.#tree(table, 130 + (position << 3), 3);
    return 16 + this.#tree(table, 258, 8);
  }

  #literal(): boolean {
    const output = this.#output;
    const before = output.length > this.#origin ? output.back(1) : 0;
    const place = (output.length - this.#origin) & this.#lpMask;
    const offset = 0x300 * ((place << this.#lc) + (before >> (8 - this.#lc)));
    let symbol = 1;
    if (this.#state >= 7) {
      let match = output.back(this.#rep0 + 1);
      do {
        const matchBit = (match >> 7) & 1;
        match <<= 1;
        const bit = this.#bit(this.#literals, offset + ((1 + matchBit) << 8) + symbol);
        symbol = symbol << 1 | bit;
        if (matchBit !== bit) break;
      } while (symbol < 0x100);
    }
    while (symbol < 0x100) symbol = symbol << 1 | this.#bit(this.#literals, offset + symbol);
    this.#state = this.#state < 4 ? 0 : this.#state < 10 ? this.#state - 3 : this.#state - 6;
    return output.put(symbol & 0xff);
  }

  #distance(length: number): number {
    const slot = this.#tree(this.#slots, Math.min(length, 3) << 6, 6);
    if (slot < 4) return slot;
    const bits = (slot >> 1) - 1;
    const base = (2 | (slot & 1)) * 2 ** bits;
    if (slot < 14) return base + this.#reverseTree(this.#special, base - slot, bits);
    return base + this.#direct(bits - 4) * 16 + this.#reverseTree(this.#align, 0, 4);
  }

  /**
   * Decodes one range-coded piece.
   *
   * @param size Octets that come out; Infinity where an end mark says so.
   */
  decode(input: Uint8Array, start: number, size: number): { end: InflateEnd; used: number } {
    this.#input = input;
    this.#range = 0xffffffff;
    this.#code = u32be(input, start + 1);
    this.#at = start + 5;
    const output = this.#output;
    const until = output.length + size;
    const result = (end: InflateEnd) => ({ end, used: this.#at - start });
    if (start + 5 > input.length) return result("truncated");
    if (input[start] !== 0) return result("corrupt");
    while (output.length < until) {
      if (this.#at > input.length + 4) return result("truncated");
      const position = (output.length - this.#origin) & this.#pbMask;
      if (this.#bit(this.#isMatch, (this.#state << 4) + position) === 0) {
        if (!this.#literal()) return result("limit");
        continue;
      }
      let length: number;
      if (this.#bit(this.#isRep, this.#state) !== 0) {
        const short = this.#repeat(position);
        if (short) {
          if (this.#rep0 >= output.length - this.#origin) return result("corrupt");
          if (!output.copy(this.#rep0 + 1, 1)) return result("limit");
          continue;
        }
        length = this.#length(this.#repLengths, position);
        this.#state = this.#state < 7 ? 8 : 11;
      } else {
        this.#rep3 = this.#rep2;
        this.#rep2 = this.#rep1;
        this.#rep1 = this.#rep0;
        length = this.#length(this.#lengths, position);
        this.#state = this.#state < 7 ? 7 : 10;
        this.#rep0 = this.#distance(length);
        if (this.#rep0 === 0xffffffff) return result(size === Infinity ? "complete" : "corrupt");
      }
      if (this.#rep0 >= output.length - this.#origin) {
        return result(this.#at > input.length ? "truncated" : "corrupt");
      }
      const count = Math.min(length + 2, until - output.length);
      if (!output.copy(this.#rep0 + 1, count)) return result("limit");
    }
    return result(this.#at > input.length ? "truncated" : "complete");
  }

  /** Which of the last distances comes again; true for a single octet of the last one. */
  #repeat(position: number): boolean {
    const state = this.#state;
    if (this.#bit(this.#isRepG0, state) === 0) {
      if (this.#bit(this.#isRep0Long, (state << 4) + position) === 0) {
        this.#state = state < 7 ? 9 : 11;
        return true;
      }
      return false;
    }
    let distance = this.#rep1;
    if (this.#bit(this.#isRepG1, state) !== 0) {
      distance = this.#rep2;
      if (this.#bit(this.#isRepG2, state) !== 0) {
        distance = this.#rep3;
        this.#rep3 = this.#rep2;
      }
      this.#rep2 = this.#rep1;
    }
    this.#rep1 = this.#rep0;
    this.#rep0 = distance;
    return false;
  }
}

/** Decodes a raw LZMA stream with known properties; `size` Infinity where only the end mark tells. */
export function unlzmaRaw(
  input: Uint8Array,
  properties: number,
  size: number,
  maxOctets: number,
): Unpacked {
  const output = new Output(maxOctets, Math.min(size, input.length * 4));
  const { end, used } = unlzmaTo(input, properties, size, output);
  return { octets: output.octets, used, end };
}

/** The same behind what an output holds already. */
export function unlzmaTo(
  input: Uint8Array,
  properties: number,
  size: number,
  output: Output,
): { readonly end: InflateEnd; readonly used: number } {
  const decoder = new LzmaDecoder(output);
  decoder.resetDictionary();
  if (!decoder.setProperties(properties)) return { used: 0, end: "corrupt" };
  return decoder.decode(input, 0, size);
}

/** Decodes LZMA2: chunks that are copied or coded, ended by a zero octet. */
export function unlzma2(input: Uint8Array, output: Output): { end: InflateEnd; used: number } {
  const decoder = new LzmaDecoder(output);
  let hasProperties = false;
  for (let at = 0; at < input.length;) {
    const control = input[at] ?? 0;
    if (control === 0) return { end: "complete", used: at + 1 };
    if (control === 1 || control >= 0xe0) decoder.resetDictionary();
    if (control < 0x80) {
      if (control > 2) return { end: "corrupt", used: at };
      const size = u16be(input, at + 1) + 1;
      const piece = input.subarray(at + 3, at + 3 + size);
      if (!output.append(piece)) return { end: "limit", used: at };
      if (piece.length < size) return { end: "truncated", used: at };
      at += 3 + size;
      continue;
    }
    const size = ((control & 0x1f) << 16) + u16be(input, at + 1) + 1;
    const packed = u16be(input, at + 3) + 1;
    at += 5;
    if (control >= 0xc0) {
      if (!decoder.setProperties(input[at++] ?? 255)) return { end: "corrupt", used: at };
      hasProperties = true;
    } else if (control >= 0xa0) decoder.resetState();
    if (!hasProperties) return { end: "corrupt", used: at };
    const { end } = decoder.decode(input.subarray(0, at + packed), at, size);
    if (end !== "complete") return { end, used: at };
    at += packed;
  }
  return { end: "truncated", used: input.length };
}
