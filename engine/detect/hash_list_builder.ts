/** Makes the flat form of a list of hashes; see hash_list.ts for its sections. Made for millions of rows. */
import { DIGEST_OCTETS, HASH_ALGORITHMS, type HashAlgorithm } from "./content_hashes.ts";
import { MAX_NAME_OCTETS } from "./limits.ts";
import type { ModuleSections } from "./module_file.ts";

/** Stands for "any size". */
export const ANY_SIZE = 0xffffffff;
/** Words of a row. */
export const ROW_WORDS = 2;
/** Set in the place of a name: the row is a suspicion. */
export const SUSPICIOUS_BIT = 0x80000000;

/** One row of a list. */
export interface HashRow {
  readonly name: string;
  /** Hex. */
  readonly digest: string;
  /** Octets; absent: any. */
  readonly size?: number;
}

/** Bits by which rows are first sorted. */
const RADIX_BITS = 16;
/** Rows that one slot of the index leads to, about. */
const ROWS_PER_SLOT = 8;
/** Bits of the filter of sizes for each row. */
const SIZE_BITS_PER_ROW = 8;
/** Largest such filter, bits: half a megabyte stays in the cache of most processors. */
const MAX_SIZE_BITS = 22;

/** Octets and numbers that grow. */
export class Growing<T extends Uint8Array | Uint32Array> {
  array: T;
  length = 0;
  readonly #make: (length: number) => T;

  constructor(make: (length: number) => T) {
    this.#make = make;
    this.array = make(256);
  }

  /** Makes room for so many more, and says where they begin. */
  extend(count: number): number {
    const at = this.length;
    this.length += count;
    if (this.length > this.array.length) {
      const larger = this.#make(Math.max(this.length, this.array.length * 2));
      larger.set(this.array);
      this.array = larger;
    }
    return at;
  }

  push(...values: number[]): number {
    const at = this.extend(values.length);
    for (const [i, value] of values.entries()) this.array[at + i] = value;
    return at;
  }

  /** What is there, without the room behind it. */
  trimmed(): T {
    return this.array.slice(0, this.length) as T;
  }
}

/** Names, each once. */
export class NamePool {
  readonly #octets = new Growing((length) => new Uint8Array(length));
  readonly #places = new Map<string, number>();

  /** Where the name stands; its length is in the octet before it. */
  add(name: string): number {
    const known = this.#places.get(name);
    if (known !== undefined) return known;
    const at = this.#octets.extend(1 + MAX_NAME_OCTETS);
    const room = this.#octets.array.subarray(at + 1, at + 1 + MAX_NAME_OCTETS);
    const { written } = new TextEncoder().encodeInto(name, room);
    this.#octets.array[at] = written;
    this.#octets.length = at + 1 + written;
    this.#places.set(name, at);
    return at;
  }

  octets(): Uint8Array {
    return this.#octets.trimmed();
  }
}

/** Values of hexadecimal digits by character. */
const DIGITS = new Uint8Array(128);
for (const [value, digit] of [..."0123456789abcdef"].entries()) {
  DIGITS[digit.charCodeAt(0)] = value;
  DIGITS[digit.toUpperCase().charCodeAt(0)] = value;
}

class TableBuilder {
  readonly #algorithm: HashAlgorithm;
  readonly #width: number;
  readonly #digests = new Growing((length) => new Uint8Array(length));
  readonly #rows = new Growing((length) => new Uint32Array(length));
  readonly #names = new NamePool();

  constructor(algorithm: HashAlgorithm) {
    this.#algorithm = algorithm;
    this.#width = DIGEST_OCTETS[algorithm];
  }

  add(digest: string, size: number, name: string, suspicious: boolean): void {
    const at = this.#digests.extend(this.#width);
    const { array } = this.#digests;
    for (let i = 0; i < this.#width; i++) {
      array[at + i] = ((DIGITS[digest.charCodeAt(2 * i)] ?? 0) << 4) |
        (DIGITS[digest.charCodeAt(2 * i + 1)] ?? 0);
    }
    const place = this.#names.add(name) | (suspicious ? SUSPICIOUS_BIT : 0);
    this.#rows.push(size, place);
  }

  sections(): ModuleSections {
    const order = this.#sorted();
    const count = order.length;
    const digests = new Uint8Array(count * this.#width);
    const rows = new Uint32Array(count * ROW_WORDS);
    const indexBits = Math.max(0, Math.ceil(Math.log2(count / ROWS_PER_SLOT + 1)));
    const index = new Uint32Array((1 << indexBits) + 1);
    const sizeBits = Math.ceil(Math.log2(count * SIZE_BITS_PER_ROW + 1024));
    const sizes = new Uint32Array((1 << Math.min(MAX_SIZE_BITS, sizeBits)) >>> 5);
    const sizeMask = sizes.length * 32 - 1;
    for (let row = 0; row < count; row++) {
      const from = order[row] ?? 0;
      const digest = this.#digest(from);
      digests.set(digest, row * this.#width);
      const size = this.#rows.array[from * ROW_WORDS] ?? 0;
      rows[row * ROW_WORDS] = size;
      rows[row * ROW_WORDS + 1] = this.#rows.array[from * ROW_WORDS + 1] ?? 0;
      const bit = (size & sizeMask) >>> 0;
      sizes[bit >>> 5] = (sizes[bit >>> 5] ?? 0) | (1 << (bit & 31));
      const first = firstWord(digest);
      const slot = indexBits === 0 ? 0 : first >>> (32 - indexBits);
      index[slot + 1] = row + 1;
    }
    for (let slot = 1; slot < index.length; slot++) {
      index[slot] = Math.max(index[slot] ?? 0, index[slot - 1] ?? 0);
    }
    const name = this.#algorithm;
    return {
      [`${name}.digests`]: digests,
      [`${name}.rows`]: rows,
      [`${name}.index`]: index,
      [`${name}.sizes`]: sizes,
      [`${name}.names`]: this.#names.octets(),
    };
  }

  #digest(row: number): Uint8Array {
    return this.#digests.array.subarray(row * this.#width, (row + 1) * this.#width);
  }

  /** Numbers of the rows in the order of their digests, each digest and size once. */
  #sorted(): Uint32Array {
    const count = this.#rows.length / ROW_WORDS;
    const starts = new Uint32Array((1 << RADIX_BITS) + 1);
    const bucket = (row: number) => {
      const at = row * this.#width;
      return ((this.#digests.array[at] ?? 0) << 8) | (this.#digests.array[at + 1] ?? 0);
    };
    for (let row = 0; row < count; row++) {
      const next = bucket(row) + 1;
      starts[next] = (starts[next] ?? 0) + 1;
    }
    for (let i = 1; i < starts.length; i++) starts[i] = (starts[i] ?? 0) + (starts[i - 1] ?? 0);
    const order = new Uint32Array(count);
    const free = starts.slice();
    for (let row = 0; row < count; row++) {
      const b = bucket(row);
      const at = free[b] ?? 0;
      order[at] = row;
      free[b] = at + 1;
    }
    for (let b = 0; b + 1 < starts.length; b++) {
      const end = starts[b + 1] ?? 0;
      const start = starts[b] ?? 0;
      if (end - start > 1) order.subarray(start, end).sort((x, y) => this.#compare(x, y));
    }
    return order.filter((row, i) => i === 0 || this.#compare(order[i - 1] ?? 0, row) !== 0);
  }

  #compare(a: number, b: number): number {
    const { array } = this.#digests;
    const one = a * this.#width;
    const other = b * this.#width;
    for (let i = 0; i < this.#width; i++) {
      const difference = (array[one + i] ?? 0) - (array[other + i] ?? 0);
      if (difference !== 0) return difference;
    }
    return (this.#rows.array[a * ROW_WORDS] ?? 0) - (this.#rows.array[b * ROW_WORDS] ?? 0);
  }
}

function firstWord(digest: Uint8Array): number {
  return (((digest[0] ?? 0) << 24) | ((digest[1] ?? 0) << 16) | ((digest[2] ?? 0) << 8) |
    (digest[3] ?? 0)) >>> 0;
}

/** A list in the making. */
export class HashListBuilder {
  readonly #tables = new Map<HashAlgorithm, TableBuilder>();
  /** Rows added. */
  count = 0;

  /** Adds a row; its algorithm is told by the length of the digest. @throws {TypeError} where it is none of these. */
  add({ digest, size = ANY_SIZE, name }: HashRow, suspicious = false): void {
    const algorithm = HASH_ALGORITHMS.find((one) => digest.length === 2 * DIGEST_OCTETS[one]);
    if (algorithm === undefined) throw new TypeError("A digest of another length");
    let table = this.#tables.get(algorithm);
    if (!table) this.#tables.set(algorithm, table = new TableBuilder(algorithm));
    table.add(digest, size, name, suspicious);
    this.count++;
  }

  /** The sections of a module. */
  sections(): ModuleSections {
    return Object.assign({}, ...Array.from(this.#tables.values(), (table) => table.sections()));
  }
}
