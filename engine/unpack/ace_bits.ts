/** Bits and Huffman's codes as ACE has them. */
import { u32 } from "./octets.ts";

/** Bits of words of 32 bits, little-endian, most significant bit first. Past the end come zeros. */
export class AceBits {
  readonly #octets: Uint8Array;
  #at = 0;

  constructor(octets: Uint8Array) {
    this.#octets = octets;
  }

  /** Whether bits were taken that are not there. */
  get isOver(): boolean {
    return this.#at > 8 * Math.ceil(this.#octets.length / 4) * 4;
  }

  /** Looks at up to 24 bits. */
  peek(count: number): number {
    const word = (this.#at >> 5) * 4;
    const shift = this.#at & 31;
    const high = u32(this.#octets, word);
    if (shift + count <= 32) return (high << shift) >>> (32 - count);
    const low = u32(this.#octets, word + 4);
    return ((high << shift) | (low >>> (32 - shift))) >>> (32 - count);
  }

  skip(count: number): void {
    this.#at += count;
  }

  /** Takes up to 24 bits. */
  take(count: number): number {
    if (count === 0) return 0;
    const value = this.peek(count);
    this.#at += count;
    return value;
  }
}

/** Sorts both by falling keys; equal ones end in the order that the format's own sort gives them, which is not a stable one. */
function sortTogether(keys: number[], values: number[], from: number, to: number): void {
  const swap = (a: number, b: number) => {
    [keys[a], keys[b]] = [keys[b]!, keys[a]!];
    [values[a], values[b]] = [values[b]!, values[a]!];
  };
  const middle = keys[to]!;
  let left = from;
  let right = to;
  do {
    while (keys[left]! > middle) left++;
    while (keys[right]! < middle) right--;
    if (left <= right) {
      swap(left, right);
      left++;
      right--;
    }
  } while (left < right);
  if (from < right) {
    if (from < right - 1) sortTogether(keys, values, from, right);
    else if (keys[from]! < keys[right]!) swap(from, right);
  }
  if (to > left) {
    if (left < to - 1) sortTogether(keys, values, left, to);
    else if (keys[left]! < keys[to]!) swap(left, to);
  }
}

/** Codes of one alphabet. */
export class AceCodes {
  readonly #symbols: Uint16Array;
  readonly #widths: readonly number[];
  readonly #maxWidth: number;

  private constructor(symbols: Uint16Array, widths: readonly number[], maxWidth: number) {
    this.#symbols = symbols;
    this.#widths = widths;
    this.#maxWidth = maxWidth;
  }

  /**
   * Makes the codes of given widths.
   *
   * @param count How many of the widths count.
   * @returns `undefined` where there are more codes than fit.
   */
  static of(given: readonly number[], count: number, maxWidth: number): AceCodes | undefined {
    const widths = [...given];
    const sorted = [...given];
    const symbols = given.map((_, symbol) => symbol);
    if (count > 1) sortTogether(sorted, symbols, 0, count - 1);
    let used = sorted.findIndex((width) => width === 0);
    if (used < 0) used = sorted.length;
    if (used < 2) {
      widths[symbols[0] ?? 0] = 1;
      used = Math.max(used, 1);
    }
    const table = new Uint16Array(1 << maxWidth);
    let at = 0;
    for (let i = used - 1; i >= 0 && at < table.length; i--) {
      const width = sorted[i] ?? 0;
      if (width > maxWidth) return undefined;
      const end = at + (1 << (maxWidth - width));
      if (end > table.length) return undefined;
      table.fill(symbols[i] ?? 0, at, end);
      at = end;
    }
    return new AceCodes(table, widths, maxWidth);
  }

  /** Reads the widths, which are coded themselves. */
  static read(bits: AceBits, maxWidth: number, symbols: number): AceCodes | undefined {
    const count = Math.min(symbols + 1, bits.take(9) + 1);
    const lower = bits.take(4);
    const upper = bits.take(4);
    const saved = new Array<number>(16).fill(0);
    for (let i = 0; i <= upper; i++) saved[i] = bits.take(3);
    const codes = AceCodes.of(saved, upper + 1, 7);
    if (!codes) return undefined;
    const widths = new Array<number>(symbols + 1).fill(0);
    for (let at = 0; at < count;) {
      const value = codes.next(bits);
      if (value < upper) widths[at++] = value;
      else at += bits.take(4) + 4; // so many zeros
      if (bits.isOver) return undefined;
    }
    for (let i = 1; i < count && upper > 0; i++) {
      widths[i] = ((widths[i] ?? 0) + (widths[i - 1] ?? 0)) % upper;
    }
    const whole = widths.map((width, i) => i < count && width > 0 ? width + lower : width);
    return AceCodes.of(whole, count, maxWidth);
  }

  /** Takes one symbol. */
  next(bits: AceBits): number {
    const symbol = this.#symbols[bits.peek(this.#maxWidth)] ?? 0;
    bits.skip(this.#widths[symbol] ?? 0);
    return symbol;
  }
}
