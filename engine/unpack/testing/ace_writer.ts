/** Writes ACE archives for tests: LZ77 with codes of one width, which every reader has to give their places by itself. */
import { AceBits, AceCodes } from "../ace_bits.ts";
import { crc32 } from "../crc32.ts";
import { concat } from "../octets.ts";
import { ascii, numbers } from "./open.ts";

/** Bits as {@link AceBits} reads them. */
class BitWriter {
  readonly #bits: number[] = [];

  put(value: number, count: number): void {
    for (let i = count - 1; i >= 0; i--) this.#bits.push(Math.floor(value / 2 ** i) & 1);
  }

  /** Whole words of 32 bits, least significant octet first. */
  get octets(): Uint8Array {
    const octets = new Uint8Array(Math.ceil(this.#bits.length / 32) * 4);
    for (const [i, bit] of this.#bits.entries()) {
      const place = (i >> 5) * 4 + 3 - ((i >> 3) & 3);
      octets[place] = (octets[place] ?? 0) | (bit << (7 - (i & 7)));
    }
    return octets;
  }
}

/** Code of each symbol where all have one width, found by asking the reader for every code. */
function codesOf(count: number, width: number, maxWidth: number): ReadonlyMap<number, number> {
  const codes = AceCodes.of(new Array<number>(count).fill(width), count, maxWidth);
  const found = new Map<number, number>();
  for (let code = 0; code < 1 << width; code++) {
    const octets = numbers([(code << (32 - width)) >>> 0, 4]);
    const symbol = codes?.next(new AceBits(octets)) ?? 0;
    if (!found.has(symbol)) found.set(symbol, code);
  }
  return found;
}

/** Widths of `count` symbols, all the same: the first as it is, and no difference from then on. */
function putTree(bits: BitWriter, count: number, width: number): void {
  bits.put(count - 1, 9);
  bits.put(width - 1, 4);
  bits.put(2, 4); // widths are 0 and 1, and 2 would be a run of zeros
  for (const saved of [1, 1, 0]) bits.put(saved, 3);
  const codes = AceCodes.of([1, 1, 0], 3, 7);
  const one = codes?.next(new AceBits(numbers([0, 4]))) === 1 ? 0 : 1;
  bits.put(one, 1);
  for (let i = 1; i < count; i++) bits.put(1 - one, 1);
}

const MAIN = { count: 284, width: 9 };
const LENGTHS = { count: 255, width: 8 };

/** What a stream is made of: a literal, a copy, or a change of mode with the numbers behind it (value and width in bits). */
export type AceSymbol =
  | number
  | { readonly distance: number; readonly length: number }
  | { readonly again: number; readonly length: number }
  | { readonly mode: readonly (readonly [value: number, bits: number])[] };

/** One block of LZ77. */
export function aceStream(symbols: readonly AceSymbol[]): Uint8Array {
  const bits = new BitWriter();
  const main = codesOf(MAIN.count, MAIN.width, 11);
  const lengths = codesOf(LENGTHS.count, LENGTHS.width, 11);
  putTree(bits, MAIN.count, MAIN.width);
  putTree(bits, LENGTHS.count, LENGTHS.width);
  bits.put(symbols.length, 15);
  const put = (symbol: number) => bits.put(main.get(symbol) ?? 0, MAIN.width);
  const putLength = (length: number) => bits.put(lengths.get(length) ?? 0, LENGTHS.width);
  for (const symbol of symbols) {
    if (typeof symbol === "number") put(symbol);
    else if ("mode" in symbol) {
      put(283);
      for (const [value, count] of symbol.mode) bits.put(value, count);
    } else if ("again" in symbol) {
      put(256 + symbol.again);
      putLength(symbol.length - (symbol.again > 1 ? 3 : 2));
    } else {
      const distance = symbol.distance - 1;
      const width = distance.toString(2).length;
      put(260 + (distance === 0 ? 0 : width));
      if (distance > 1) bits.put(distance - 2 ** (width - 1), width - 1);
      putLength(symbol.length - (distance <= 255 ? 2 : distance <= 8191 ? 3 : 4));
    }
  }
  return bits.octets;
}

/** Octets as symbols: copies of what stood before, from three octets on. */
export function aceSymbols(octets: Uint8Array): readonly AceSymbol[] {
  const symbols: AceSymbol[] = [];
  const places = new Map<string, number>();
  for (let at = 0; at < octets.length;) {
    const key = octets.subarray(at, at + 5).join();
    const before = places.get(key);
    let length = 0;
    if (before !== undefined && at + 5 <= octets.length) {
      while (length < 200 && octets[before + length] === octets[at + length]) length++;
    }
    places.set(key, at);
    if (before !== undefined && length >= 5) {
      symbols.push({ distance: at - before, length });
      at += length;
    } else symbols.push(octets[at++] ?? 0);
  }
  return symbols;
}

/** A file of an archive. */
export interface AceSource {
  readonly name: string;
  readonly plain: Uint8Array;
  readonly packed: Uint8Array;
  /** 0 stored, 1 LZ77, 2 with modes. */
  readonly method: number;
  readonly flags?: number;
}

function header(fields: Uint8Array): Uint8Array {
  return concat([numbers([~crc32(fields) & 0xffff, 2], [fields.length, 2]), fields]);
}

/** An archive. */
export function makeAce(files: readonly AceSource[], isSolid = false): Uint8Array {
  const main = concat([
    numbers([0, 1], [isSolid ? 0x8000 : 0, 2]),
    ascii("**ACE**"),
    numbers([10, 1], [10, 1], [0, 1], [0, 1], [0x5a216000, 4], [0, 8], [0, 1]),
  ]);
  return concat([
    header(main),
    ...files.flatMap(({ name, plain, packed, method, flags = 0 }) => [
      header(concat([
        numbers([1, 1], [1 | flags, 2], [packed.length, 4], [plain.length, 4], [0x5a216000, 4]),
        numbers([0x20, 4], [~crc32(plain) >>> 0, 4], [method, 1], [3, 1], [10, 2], [0, 2]),
        numbers([name.length, 2]),
        ascii(name),
      ])),
      packed,
    ]),
  ]);
}
