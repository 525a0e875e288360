/**
 * Inflate in TypeScript: bounded output, keeps what was read before an error or the limit, tells how much it used, and knows
 * Deflate64. node:zlib does none of these reliably in every supported runtime; where it is safe it is faster, see decompress.ts.
 *
 * @see RFC 1951
 */

import { grownOctets } from "./limits.ts";

/** How reading ended. */
export type InflateEnd = "complete" | "truncated" | "corrupt" | "limit";

/** What came out. */
export interface Inflated {
  /** Everything up to the end, the error or the limit. */
  readonly octets: Uint8Array;
  /** Input octets used, when complete. */
  readonly used: number;
  readonly end: InflateEnd;
}

/** Tables of RFC 1951, section 3.2.5, and those of Deflate64 (PKWARE APPNOTE 4.4.5, method 9). */
interface Variant {
  readonly lengthBase: Uint16Array;
  readonly lengthExtra: Uint8Array;
  readonly distanceBase: Uint32Array;
  readonly distanceExtra: Uint8Array;
}

function variant(deflate64: boolean): Variant {
  const lengthBase = new Uint16Array(29);
  const lengthExtra = new Uint8Array(29);
  for (let i = 0, base = 3; i < 29; i++) {
    lengthExtra[i] = i < 8 ? 0 : (i - 4) >> 2;
    lengthBase[i] = base;
    base += 1 << (lengthExtra[i] ?? 0);
  }
  lengthBase[28] = deflate64 ? 3 : 258;
  lengthExtra[28] = deflate64 ? 16 : 0;
  const distances = deflate64 ? 32 : 30;
  const distanceBase = new Uint32Array(distances);
  const distanceExtra = new Uint8Array(distances);
  for (let i = 0, base = 1; i < distances; i++) {
    distanceExtra[i] = i < 4 ? 0 : (i - 2) >> 1;
    distanceBase[i] = base;
    base += 1 << (distanceExtra[i] ?? 0);
  }
  return { lengthBase, lengthExtra, distanceBase, distanceExtra };
}

const NO_DICTIONARY = new Uint8Array(0);
const DEFLATE = variant(false);
const DEFLATE64 = variant(true);
const CODE_LENGTH_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/** A code as one table of 2^bits cells: symbol << 4 | length; 0 is no code. */
interface Code {
  readonly cells: Uint16Array;
  readonly bits: number;
}

/** @returns `undefined` for lengths that are no prefix code; incomplete codes are allowed, their holes are errors when met. */
function makeCode(lengths: Uint8Array): Code | undefined {
  const counts = new Uint16Array(16);
  let bits = 0;
  for (const length of lengths) {
    counts[length] = (counts[length] ?? 0) + 1;
    if (length > bits) bits = length;
  }
  const next = new Uint16Array(17);
  let code = 0;
  let left = 1;
  counts[0] = 0;
  for (let length = 1; length <= 15; length++) {
    left = (left << 1) - (counts[length] ?? 0);
    if (left < 0) return undefined; // more codes than fit
    code = (code + (counts[length - 1] ?? 0)) << 1;
    next[length] = code;
  }
  const cells = new Uint16Array(1 << bits);
  for (let symbol = 0; symbol < lengths.length; symbol++) {
    const length = lengths[symbol] ?? 0;
    if (length === 0) continue;
    const value = next[length] ?? 0;
    next[length] = value + 1;
    let reversed = 0;
    for (let i = 0; i < length; i++) reversed |= ((value >> i) & 1) << (length - 1 - i);
    const cell = symbol << 4 | length;
    for (let at = reversed; at < cells.length; at += 1 << length) cells[at] = cell;
  }
  return { cells, bits };
}

function fixedCodes(): { literals: Code; distances: Code } {
  const lengths = new Uint8Array(288);
  lengths.fill(8, 0, 144).fill(9, 144, 256).fill(7, 256, 280).fill(8, 280);
  const literals = makeCode(lengths);
  const distances = makeCode(new Uint8Array(32).fill(5));
  if (!literals || !distances) throw new RangeError("The fixed codes are prefix codes");
  return { literals, distances };
}
const FIXED = fixedCodes();

class Inflater {
  readonly #input: Uint8Array;
  readonly #maxOctets: number;
  readonly #variant: Variant;
  #output: Uint8Array;
  #length = 0;
  #at = 0;
  #hold = 0;
  #held = 0;

  readonly #start: number;

  constructor(
    input: Uint8Array,
    maxOctets: number,
    variant: Variant,
    expected: number,
    dictionary: Uint8Array,
    scratch: Uint8Array | undefined,
  ) {
    this.#input = input;
    this.#start = this.#length = dictionary.length;
    this.#maxOctets = maxOctets + this.#start;
    this.#variant = variant;
    this.#output = scratch && scratch.length >= this.#maxOctets
      ? scratch
      : new Uint8Array(Math.min(this.#maxOctets, this.#start + Math.max(256, expected)));
    this.#output.set(dictionary);
  }

  run(): Inflated {
    let end: InflateEnd | "more" = "more";
    while (end === "more") end = this.#block();
    // octets that were taken into the hold whole are not used
    const used = this.#at - (this.#held >> 3);
    return { octets: this.#output.subarray(this.#start, this.#length), used, end };
  }

  /** Up to 16 bits; -1 past the end. */
  #bits(count: number): number {
    while (this.#held < count) {
      if (this.#at >= this.#input.length) return -1;
      this.#hold |= (this.#input[this.#at++] ?? 0) << this.#held;
      this.#held += 8;
    }
    const value = this.#hold & ((1 << count) - 1);
    this.#hold >>>= count;
    this.#held -= count;
    return value;
  }

  #symbol(code: Code): number {
    const { cells, bits } = code;
    while (this.#held < bits && this.#at < this.#input.length) {
      this.#hold |= (this.#input[this.#at++] ?? 0) << this.#held;
      this.#held += 8;
    }
    const cell = cells[this.#hold & ((1 << bits) - 1)] ?? 0;
    const length = cell & 15;
    if (length === 0) return -2;
    if (length > this.#held) return -1;
    this.#hold >>>= length;
    this.#held -= length;
    return cell >> 4;
  }

  /** Makes room; false when the limit forbids it. */
  #grow(wanted: number): boolean {
    if (wanted > this.#maxOctets) return false;
    if (wanted <= this.#output.length) return true;
    const larger = new Uint8Array(grownOctets(this.#output.length, wanted, this.#maxOctets));
    larger.set(this.#output.subarray(0, this.#length));
    this.#output = larger;
    return true;
  }

  #block(): InflateEnd | "more" {
    const head = this.#bits(3);
    if (head < 0) return "truncated";
    let end: InflateEnd | "more";
    if (head >> 1 === 0) end = this.#stored();
    else if (head >> 1 === 1) end = this.#codes(FIXED.literals, FIXED.distances);
    else if (head >> 1 === 2) end = this.#dynamic();
    else return "corrupt";
    return end === "more" && (head & 1) === 1 ? "complete" : end;
  }

  #stored(): InflateEnd | "more" {
    const drop = this.#held & 7;
    this.#hold >>>= drop;
    this.#held -= drop;
    this.#at -= this.#held >> 3;
    this.#hold = this.#held = 0;
    if (this.#at + 4 > this.#input.length) return "truncated";
    const size = (this.#input[this.#at] ?? 0) | ((this.#input[this.#at + 1] ?? 0) << 8);
    const check = (this.#input[this.#at + 2] ?? 0) | ((this.#input[this.#at + 3] ?? 0) << 8);
    if ((size ^ check) !== 0xffff) return "corrupt";
    this.#at += 4;
    const take = Math.min(size, this.#input.length - this.#at);
    const room = Math.min(take, this.#maxOctets - this.#length);
    if (this.#length + room > this.#output.length) this.#grow(this.#length + room);
    this.#output.set(this.#input.subarray(this.#at, this.#at + room), this.#length);
    this.#length += room;
    this.#at += take;
    if (room < take) return "limit";
    return take < size ? "truncated" : "more";
  }

  #dynamic(): InflateEnd | "more" {
    const counts = this.#bits(14);
    if (counts < 0) return "truncated";
    const literalCount = (counts & 31) + 257;
    const distanceCount = ((counts >> 5) & 31) + 1;
    const codeLengths = new Uint8Array(19);
    for (let i = 0; i < (counts >> 10) + 4; i++) {
      const length = this.#bits(3);
      if (length < 0) return "truncated";
      codeLengths[CODE_LENGTH_ORDER[i] ?? 0] = length;
    }
    const code = makeCode(codeLengths);
    if (!code) return "corrupt";
    const lengths = new Uint8Array(literalCount + distanceCount);
    for (let i = 0; i < lengths.length;) {
      const symbol = this.#symbol(code);
      if (symbol < 0) return symbol === -1 ? "truncated" : "corrupt";
      if (symbol < 16) {
        lengths[i++] = symbol;
        continue;
      }
      if (symbol === 16 && i === 0) return "corrupt";
      const more = this.#bits(symbol === 16 ? 2 : symbol === 17 ? 3 : 7);
      if (more < 0) return "truncated";
      const repeat = more + (symbol === 18 ? 11 : 3);
      if (i + repeat > lengths.length) return "corrupt";
      lengths.fill(symbol === 16 ? lengths[i - 1] ?? 0 : 0, i, i + repeat);
      i += repeat;
    }
    const literals = makeCode(lengths.subarray(0, literalCount));
    const distances = makeCode(lengths.subarray(literalCount));
    return literals && distances ? this.#codes(literals, distances) : "corrupt";
  }

  /** The inner loop, on locals: fields would be stored on each step. */
  #codes(literals: Code, distances: Code): InflateEnd | "more" {
    const input = this.#input;
    const { lengthBase, lengthExtra, distanceBase, distanceExtra } = this.#variant;
    const literalCells = literals.cells;
    const literalMask = (1 << literals.bits) - 1;
    const distanceCells = distances.cells;
    const distanceMask = (1 << distances.bits) - 1;
    let output = this.#output;
    let length = this.#length;
    let at = this.#at;
    let hold = this.#hold;
    let held = this.#held;
    let end: InflateEnd | "more" | undefined;
    while (end === undefined) {
      while (held < 15 && at < input.length) {
        hold |= (input[at++] ?? 0) << held;
        held += 8;
      }
      let cell = literalCells[hold & literalMask] ?? 0;
      let taken = cell & 15;
      if (taken === 0 || taken > held) {
        end = taken === 0 && held >= literals.bits ? "corrupt" : "truncated";
        break;
      }
      hold >>>= taken;
      held -= taken;
      let symbol = cell >> 4;
      if (symbol < 256) {
        if (length === output.length) {
          this.#length = length;
          if (!this.#grow(length + 1)) {
            end = "limit";
            break;
          }
          output = this.#output;
        }
        output[length++] = symbol;
        continue;
      }
      if (symbol === 256) {
        end = "more";
        break;
      }
      symbol -= 257;
      if (symbol > 28) {
        end = "corrupt";
        break;
      }
      let extra = lengthExtra[symbol] ?? 0;
      while (held < extra && at < input.length) {
        hold |= (input[at++] ?? 0) << held;
        held += 8;
      }
      if (held < extra) {
        end = "truncated";
        break;
      }
      let copy = (lengthBase[symbol] ?? 0) + (hold & ((1 << extra) - 1));
      hold >>>= extra;
      held -= extra;
      while (held < 15 && at < input.length) {
        hold |= (input[at++] ?? 0) << held;
        held += 8;
      }
      cell = distanceCells[hold & distanceMask] ?? 0;
      taken = cell & 15;
      if (taken === 0 || taken > held) {
        end = taken === 0 && held >= distances.bits ? "corrupt" : "truncated";
        break;
      }
      hold >>>= taken;
      held -= taken;
      symbol = cell >> 4;
      if (symbol >= distanceBase.length) {
        end = "corrupt";
        break;
      }
      extra = distanceExtra[symbol] ?? 0;
      while (held < extra && at < input.length) {
        hold |= (input[at++] ?? 0) << held;
        held += 8;
      }
      if (held < extra) {
        end = "truncated";
        break;
      }
      const distance = (distanceBase[symbol] ?? 0) + (hold & ((1 << extra) - 1));
      hold >>>= extra;
      held -= extra;
      if (distance > length) {
        end = "corrupt";
        break;
      }
      if (length + copy > output.length) {
        this.#length = length;
        if (!this.#grow(length + copy)) {
          this.#grow(this.#maxOctets);
          copy = this.#output.length - length;
          end = "limit";
        }
        output = this.#output;
      }
      if (copy > 64 && distance >= copy) {
        output.copyWithin(length, length - distance, length - distance + copy);
        length += copy;
      } else if (copy > 64 && distance === 1) {
        output.fill(output[length - 1] ?? 0, length, length + copy);
        length += copy;
      } else {
        for (let from = length - distance; copy > 0; copy--) output[length++] = output[from++] ?? 0;
      }
    }
    this.#length = length;
    this.#at = at;
    this.#hold = hold;
    this.#held = held;
    return end;
  }
}

/**
 * Inflates a raw deflate stream that starts at the first octet of `input`.
 *
 * @param maxOctets Output never grows past it; reaching for more ends with `limit`.
 * @param options `expected`: output size that a header claims (a hint, not trusted); `deflate64`: the 64 KiB window variant;
 * `dictionary`: octets before the output that matches may reach.
 */
export function inflate(
  input: Uint8Array,
  maxOctets: number,
  options: {
    readonly expected?: number;
    readonly deflate64?: boolean;
    readonly dictionary?: Uint8Array;
    /** Holds dictionary and output, if it is large enough; the output is good until it is used again. */
    readonly scratch?: Uint8Array;
  } = {},
): Inflated {
  const { expected = input.length * 3, deflate64 = false, dictionary = NO_DICTIONARY, scratch } =
    options;
  const claimed = Math.min(expected, input.length * 8 + 1024);
  const variant = deflate64 ? DEFLATE64 : DEFLATE;
  return new Inflater(input, maxOctets, variant, claimed, dictionary, scratch).run();
}
