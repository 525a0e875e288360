/** Networks by search among sorted prefixes, each with the prefix around it, which is the path to the root of their trie. */
import { ipWords, maskOf, type Network, parseNetwork } from "../network.ts";
import { powerOfTwo } from "./key_table.ts";

/** Finds every network that an address is in. */
export class NetworkTable {
  readonly #v4: Family;
  readonly #v6: Family;

  /** @param values What the keys stand for; their numbers where it is left out. */
  constructor(
    keys: readonly string[],
    values: ArrayLike<number> = keys.map((_, number) => number),
  ) {
    const rows = keys.map((key, number) => ({
      value: values[number]!,
      network: parseNetwork(key)!,
    }));
    this.#v4 = new Family(rows.filter(({ network }) => network.family === 4), 1);
    this.#v6 = new Family(rows.filter(({ network }) => network.family === 6), 4);
  }

  /**
   * Looks up the address in {@link ipWords}.
   *
   * @returns a place in {@link value} and {@link around}, of the narrowest network that holds it; -1: none.
   */
  find(family: 4 | 6): number {
    return (family === 4 ? this.#v4 : this.#v6).find();
  }

  /** What the key at a place stands for. */
  value(family: 4 | 6, place: number): number {
    return (family === 4 ? this.#v4 : this.#v6).value(place);
  }

  /** Place of the next wider network that holds this one; -1: none. */
  around(family: 4 | 6, place: number): number {
    return (family === 4 ? this.#v4 : this.#v6).around(place);
  }
}

interface Row {
  readonly value: number;
  readonly network: Network;
}

/** Most bits of an address by which its stretch of the prefixes is found at once. */
const MAX_HEAD_BITS = 16;
/** Prefixes that are searched behind a head: about half a line of the processor's cache. */
const PREFIXES_BY_HEAD = 4;
/** Bits for each prefix of which one says whether an address may be in any. */
const MARKS_BY_PREFIX = 8;
/** Most bits of an address by which its mark is found: more marks would not stay near. */
const MAX_MARK_BITS = 19;
/** Bits of the last word of a record below the place of the prefix around it, which is shifted by one: 0 is none. */
const AROUND_SHIFT = 8;

/** Prefixes of one family. */
class Family {
  /** Records in order of their prefixes: the prefix's words; its bits and the place of the one around it. */
  readonly #records: Int32Array;
  /** What they stand for. */
  readonly #values: Int32Array;
  /** Words of a prefix. */
  readonly #width: number;
  /** By the first bits of an address: how many prefixes begin below them. */
  readonly #heads: Int32Array;
  readonly #headShift: number;
  /** By the first bits of an address, more than of a head, a bit: whether any prefix is there. It answers for most mail. */
  readonly #marks: Int32Array;
  readonly #markShift: number;

  constructor(rows: readonly Row[], width: number) {
    const order = orderOf(rows, width);
    this.#width = width;
    this.#records = new Int32Array(rows.length * (width + 1));
    this.#values = new Int32Array(rows.length);
    const heads = Math.min(powerOfTwo(2, rows.length / PREFIXES_BY_HEAD), 1 << MAX_HEAD_BITS);
    this.#headShift = 32 - Math.log2(heads);
    this.#heads = new Int32Array(heads + 1);
    const marks = Math.min(powerOfTwo(32, rows.length * MARKS_BY_PREFIX), 1 << MAX_MARK_BITS);
    this.#markShift = 32 - Math.log2(marks);
    this.#marks = new Int32Array(marks / 32);
    for (let place = 0; place < order.length; place++) {
      const { value, network } = rows[order[place]!]!;
      const at = place * (width + 1);
      for (let w = 0; w < width; w++) this.#records[at + w] = network.words[w]!;
      let around = place - 1;
      while (around >= 0 && !this.#holds(around, this.#records, at)) around = this.around(around);
      this.#records[at + width] = ((around + 1) << AROUND_SHIFT) | network.bits;
      this.#values[place] = value;
      this.#heads[(network.words[0] >>> this.#headShift) + 1]!++;
      this.#mark(network);
    }
    for (let head = 0; head < heads; head++) this.#heads[head + 1]! += this.#heads[head]!;
  }

  value(place: number): number {
    return this.#values[place]!;
  }

  around(place: number): number {
    return (this.#records[place * (this.#width + 1) + this.#width]! >>> AROUND_SHIFT) - 1;
  }

  #mark({ words, bits }: Network): void {
    const first = words[0] >>> this.#markShift;
    const last = ((words[0] | ~maskOf(Math.min(bits, 32))) >>> 0) >>> this.#markShift;
    for (let mark = first; mark <= last; mark++) this.#marks[mark >>> 5]! |= 1 << mark;
  }

  find(): number {
    const mark = ipWords[0]! >>> this.#markShift;
    if (((this.#marks[mark >>> 5]! >>> mark) & 1) === 0) return -1;
    const head = ipWords[0]! >>> this.#headShift;
    let low = this.#heads[head]!;
    let high = this.#heads[head + 1]!;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#notAbove(middle)) low = middle + 1;
      else high = middle;
    }
    let place = low - 1;
    while (place >= 0 && !this.#holds(place, ipWords, 0)) place = this.around(place);
    return place;
  }

  #notAbove(place: number): boolean {
    const at = place * (this.#width + 1);
    for (let w = 0; w < this.#width; w++) {
      const mine = this.#records[at + w]! >>> 0;
      const other = ipWords[w]!;
      if (mine !== other) return mine < other;
    }
    return true;
  }

  #holds(place: number, words: Int32Array | Uint32Array, from: number): boolean {
    const at = place * (this.#width + 1);
    let bits = this.#records[at + this.#width]! & ((1 << AROUND_SHIFT) - 1);
    for (let w = 0; bits > 0; w++, bits -= 32) {
      const mask = maskOf(bits < 32 ? bits : 32);
      if (((this.#records[at + w]! ^ words[from + w]!) & mask) !== 0) return false;
    }
    return true;
  }
}

/** The rows' numbers in order of their prefixes, wider ones before those inside. */
function orderOf(rows: readonly Row[], width: number): Uint32Array {
  const keys = new Float64Array(rows.length * (width + 1));
  rows.forEach(({ network }, number) => {
    const at = number * (width + 1);
    for (let w = 0; w < width; w++) keys[at + w] = network.words[w]!;
    keys[at + width] = network.bits;
  });
  return Uint32Array.from(rows.keys()).sort((a, b) => {
    for (let w = 0; w <= width; w++) {
      const difference = keys[a * (width + 1) + w]! - keys[b * (width + 1) + w]!;
      if (difference !== 0) return difference;
    }
    return 0;
  });
}
