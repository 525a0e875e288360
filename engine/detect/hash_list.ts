/** Lists of hashes of whole contents, made for a million rows: flat arrays, one probe for what is not in them. */
import type { Buffer } from "node:buffer";
import { createHash } from "node:crypto";

/** Algorithms of hash signatures. */
export const HASH_ALGORITHMS = ["md5", "sha1", "sha256"] as const;
/** One of {@link HASH_ALGORITHMS}. */
export type HashAlgorithm = (typeof HASH_ALGORITHMS)[number];

/** Digest sizes, octets. */
const DIGEST_OCTETS = { md5: 16, sha1: 20, sha256: 32 } as const satisfies Record<
  HashAlgorithm,
  number
>;
/** Stands for "any size". */
const ANY_SIZE = 0xffffffff;
/** Bits of the filter of sizes. */
const SIZE_BITS = 20;

/** One row of a list. */
export interface HashRow {
  /** What is found where a content has this hash. */
  readonly name: string;
  /** Hex. */
  readonly digest: string;
  /** Octets; absent: any. */
  readonly size?: number;
}

/** Rows of one algorithm. */
class Table {
  readonly #width: number;
  readonly #digests: Uint8Array;
  readonly #sizes: Uint32Array;
  readonly #sizeFilter = new Uint32Array((1 << SIZE_BITS) >>> 5);
  readonly #slots: Int32Array;
  readonly #names: Uint8Array;
  readonly #nameEnds: Uint32Array;
  #anySize = false;

  constructor(algorithm: HashAlgorithm, rows: readonly HashRow[]) {
    this.#width = DIGEST_OCTETS[algorithm];
    this.#digests = new Uint8Array(rows.length * this.#width);
    this.#sizes = new Uint32Array(rows.length);
    this.#nameEnds = new Uint32Array(rows.length);
    this.#slots = new Int32Array(1 << Math.ceil(Math.log2(rows.length * 2 + 2))).fill(-1);
    const encoder = new TextEncoder();
    const names = new Uint8Array(rows.reduce((sum, row) => sum + row.name.length * 3, 0));
    let end = 0;
    for (const [index, row] of rows.entries()) {
      for (let i = 0; i < this.#width; i++) {
        this.#digests[index * this.#width + i] = parseInt(row.digest.slice(2 * i, 2 * i + 2), 16);
      }
      const size = row.size ?? ANY_SIZE;
      this.#sizes[index] = size;
      if (row.size === undefined) this.#anySize = true;
      const bit = size & ((1 << SIZE_BITS) - 1);
      this.#sizeFilter[bit >>> 5] = (this.#sizeFilter[bit >>> 5] ?? 0) | (1 << (bit & 31));
      end += encoder.encodeInto(row.name, names.subarray(end)).written;
      this.#nameEnds[index] = end;
      this.#slots[this.#free(index)] = index;
    }
    this.#names = names.slice(0, end);
  }

  /** Whether a content of this size can be in the list at all, before anything is hashed. */
  mayHave(size: number): boolean {
    const bit = size & ((1 << SIZE_BITS) - 1);
    return this.#anySize || (((this.#sizeFilter[bit >>> 5] ?? 0) >>> (bit & 31)) & 1) === 1;
  }

  #free(index: number): number {
    const mask = this.#slots.length - 1;
    let slot = this.#start(this.#digests, index * this.#width) & mask;
    while ((this.#slots[slot] ?? -1) >= 0) slot = (slot + 1) & mask;
    return slot;
  }

  /** Digests are evenly spread: their first octets are hash enough. */
  #start(digest: Uint8Array, at: number): number {
    return ((digest[at] ?? 0) | ((digest[at + 1] ?? 0) << 8) | ((digest[at + 2] ?? 0) << 16) |
      ((digest[at + 3] ?? 0) << 24)) >>> 0;
  }

  find(digest: Uint8Array, size: number): string | undefined {
    const mask = this.#slots.length - 1;
    for (let slot = this.#start(digest, 0) & mask;; slot = (slot + 1) & mask) {
      const index = this.#slots[slot] ?? -1;
      if (index < 0) return undefined;
      const known = this.#sizes[index];
      if ((known === size || known === ANY_SIZE) && this.#equals(index, digest)) {
        const from = index === 0 ? 0 : this.#nameEnds[index - 1] ?? 0;
        return new TextDecoder().decode(this.#names.subarray(from, this.#nameEnds[index]));
      }
    }
  }

  #equals(index: number, digest: Uint8Array): boolean {
    const at = index * this.#width;
    for (let i = 0; i < this.#width; i++) if (this.#digests[at + i] !== digest[i]) return false;
    return true;
  }
}

/** Hashes of one content, each computed when first asked for. */
export class ContentHashes {
  readonly #octets: Uint8Array;
  readonly #digests = new Map<HashAlgorithm, Buffer>();

  /**
   * Hashes nothing yet.
   *
   * @param octets The content; not copied.
   */
  constructor(octets: Uint8Array) {
    this.#octets = octets;
  }

  /** Octets of the content. */
  get size(): number {
    return this.#octets.length;
  }

  /** SHA-256 in lower-case hex. */
  hex(): string {
    return this.digest("sha256").toString("hex");
  }

  /** The digest, computed at the first asking. */
  digest(algorithm: HashAlgorithm): Buffer {
    let digest = this.#digests.get(algorithm);
    if (!digest) {
      digest = createHash(algorithm).update(this.#octets).digest();
      this.#digests.set(algorithm, digest);
    }
    return digest;
  }
}

/** A list of hashes with names. */
export class HashList {
  readonly #tables: readonly (readonly [HashAlgorithm, Table])[];
  /** Number of rows. */
  readonly size: number;

  /**
   * Builds the tables.
   *
   * @param rows By the length of their digest; rows of other lengths are a programming error.
   */
  constructor(rows: readonly HashRow[]) {
    this.#tables = HASH_ALGORITHMS.flatMap((algorithm) => {
      const own = rows.filter((row) => row.digest.length === 2 * DIGEST_OCTETS[algorithm]);
      return own.length > 0 ? [[algorithm, new Table(algorithm, own)] as const] : [];
    });
    this.size = rows.length;
  }

  /** Name of the row that the content is, if any. Hashes that no row of its size needs are not computed. */
  find(content: ContentHashes): string | undefined {
    for (const [algorithm, table] of this.#tables) {
      if (!table.mayHave(content.size)) continue;
      const name = table.find(content.digest(algorithm), content.size);
      if (name !== undefined) return name;
    }
    return undefined;
  }
}
