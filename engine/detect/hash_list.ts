/**
 * Lists of hashes with names, made for a million rows: sorted digests of fixed width behind a small index, used where they lie in
 * a module. For each algorithm `A` there are the sections
 *
 * - `A.digests`: sorted; `A.rows`: for each the size (2^32-1: any) and the place of the name, its highest bit set if the row makes
 *   a content suspicious only
 * - `A.index`: for the first bits of a digest, where such digests begin
 * - `A.sizes`: a filter of the sizes, so that most contents need not be hashed
 * - `A.names`: each with its length before it
 */
import {
  type ContentHashes,
  DIGEST_OCTETS,
  HASH_ALGORITHMS,
  type HashAlgorithm,
} from "./content_hashes.ts";
import {
  ANY_SIZE,
  HashListBuilder,
  type HashRow,
  ROW_WORDS,
  SUSPICIOUS_BIT,
} from "./hash_list_builder.ts";
import { damaged, type ModuleFile, type ModuleSections } from "./module_file.ts";

export { ContentHashes, HASH_ALGORITHMS, type HashAlgorithm } from "./content_hashes.ts";
export { type HashRow } from "./hash_list_builder.ts";

/** What a list says of a content. */
export interface HashMatch {
  readonly name: string;
  readonly severity: "infected" | "suspicious";
}

/** Rows of one algorithm. */
class Table {
  readonly algorithm: HashAlgorithm;
  readonly length: number;
  readonly #width: number;
  readonly #digests: Uint8Array;
  readonly #rows: Uint32Array;
  readonly #index: Uint32Array;
  readonly #indexShift: number;
  readonly #sizes: Uint32Array;
  readonly #sizeMask: number;
  readonly #names: Uint8Array;

  constructor(algorithm: HashAlgorithm, sections: ModuleSections) {
    this.algorithm = algorithm;
    this.#width = DIGEST_OCTETS[algorithm];
    this.#digests = bytes(sections[`${algorithm}.digests`]);
    this.#rows = words(sections[`${algorithm}.rows`]);
    this.#index = words(sections[`${algorithm}.index`]);
    this.#sizes = words(sections[`${algorithm}.sizes`]);
    this.#names = bytes(sections[`${algorithm}.names`]);
    this.length = this.#rows.length / ROW_WORDS;
    const bits = Math.log2(this.#index.length - 1);
    this.#indexShift = 32 - bits;
    this.#sizeMask = this.#sizes.length * 32 - 1;
    if (
      this.#digests.length !== this.length * this.#width || !Number.isInteger(bits) ||
      !Number.isInteger(Math.log2(this.#sizes.length)) || this.#index.at(-1) !== this.length
    ) throw damaged(`the sections of ${algorithm} do not fit each other`);
  }

  /** Whether a content of this size can be in the list at all, before anything is hashed. */
  mayHave(size: number): boolean {
    return this.#hasSize(size) || this.#hasSize(ANY_SIZE);
  }

  #hasSize(size: number): boolean {
    const bit = (size & this.#sizeMask) >>> 0;
    return (((this.#sizes[bit >>> 5] ?? 0) >>> (bit & 31)) & 1) === 1;
  }

  find(digest: Uint8Array, size: number): HashMatch | undefined {
    const first = (((digest[0] ?? 0) << 24) | ((digest[1] ?? 0) << 16) | ((digest[2] ?? 0) << 8) |
      (digest[3] ?? 0)) >>> 0;
    const slot = this.#indexShift === 32 ? 0 : first >>> this.#indexShift;
    const end = this.#index[slot + 1] ?? 0;
    for (let row = this.#index[slot] ?? 0; row < end; row++) {
      if (!this.#equals(row, digest)) continue;
      const known = this.#rows[row * ROW_WORDS];
      if (known === size || known === ANY_SIZE) return this.#match(row);
    }
    return undefined;
  }

  #equals(row: number, digest: Uint8Array): boolean {
    const at = row * this.#width;
    for (let i = 0; i < this.#width; i++) if (this.#digests[at + i] !== digest[i]) return false;
    return true;
  }

  #match(row: number): HashMatch {
    const place = this.#rows[row * ROW_WORDS + 1] ?? 0;
    const at = place & ~SUSPICIOUS_BIT;
    const name = this.#names.subarray(at + 1, at + 1 + (this.#names[at] ?? 0));
    const severity = (place & SUSPICIOUS_BIT) === 0 ? "infected" : "suspicious";
    return { name: new TextDecoder().decode(name), severity };
  }
}

function bytes(section: Uint8Array | Uint32Array | undefined): Uint8Array {
  if (section instanceof Uint8Array) return section;
  throw damaged("a section is missing");
}

function words(section: Uint8Array | Uint32Array | undefined): Uint32Array {
  if (section instanceof Uint32Array) return section;
  throw damaged("a section is missing");
}

/** A list of hashes with names. */
export class HashList {
  readonly #tables: readonly Table[];
  /** Number of rows. */
  readonly size: number;

  /** @param rows Rows, by the length of their digest, or the sections of a module. */
  constructor(rows: readonly HashRow[] | ModuleSections) {
    const sections = isRows(rows) ? sectionsOf(rows) : rows;
    this.#tables = HASH_ALGORITHMS
      .filter((algorithm) => `${algorithm}.rows` in sections)
      .map((algorithm) => new Table(algorithm, sections));
    this.size = this.#tables.reduce((sum, { length }) => sum + length, 0);
  }

  /**
   * The list of a module.
   *
   * @throws {PosternError} `"module/damaged"`.
   */
  static open(file: ModuleFile): HashList {
    const sections: Record<string, Uint8Array | Uint32Array> = {};
    for (const algorithm of HASH_ALGORITHMS) {
      if (!file.has(`${algorithm}.rows`)) continue;
      for (const name of ["digests", "names"]) {
        sections[`${algorithm}.${name}`] = file.octets(`${algorithm}.${name}`);
      }
      for (const name of ["rows", "index", "sizes"]) {
        sections[`${algorithm}.${name}`] = file.numbers(`${algorithm}.${name}`);
      }
    }
    return new HashList(sections);
  }

  /** Whether a content of so many octets can be in the list. */
  mayHave(size: number): boolean {
    return this.#tables.some((table) => table.mayHave(size));
  }

  /** Name of the row that the content is, if any. Hashes that no row of its size needs are not computed. */
  find(content: ContentHashes): string | undefined {
    return this.match(content)?.name;
  }

  /** As {@link find}, with what the row makes of the content. */
  match(content: ContentHashes): HashMatch | undefined {
    for (const table of this.#tables) {
      if (!table.mayHave(content.size)) continue;
      const match = table.find(content.digest(table.algorithm), content.size);
      if (match !== undefined) return match;
    }
    return undefined;
  }
}

function isRows(rows: readonly HashRow[] | ModuleSections): rows is readonly HashRow[] {
  return Array.isArray(rows);
}

function sectionsOf(rows: readonly HashRow[]): ModuleSections {
  const builder = new HashListBuilder();
  for (const row of rows) builder.add(row);
  return builder.sections();
}
