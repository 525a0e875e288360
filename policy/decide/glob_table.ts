/** All globs of an attribute at once. */
import { matchesGlob } from "./glob.ts";
import { BEGIN, END, type Gram, gramHash, gramsOf, octetOf } from "./grams.ts";
import { fold, powerOfTwo } from "./key_table.ts";

/** Words of a slot: a gram's hash, and where its globs begin in {@link GramTable.filed} (0: free). */
const SLOT_WORDS = 2;

/**
 * Words of a glob that is filed: its number; octets of the run before the gram's end; the run's length with the flags below; and the
 * run's own units. A number of -1 ends the globs of a gram.
 */
const FILED_WORDS = 3;
const ENDS = 1;
const BEGINS = 2;
const SINGLE = 4;
const LENGTH_SHIFT = 3;

/**
 * Globs by their grams. Grams of six and of four octets share a table and a pass over the text; shorter ones, which few globs
 * need, have one each.
 */
interface GramTable {
  /** Octets of the longest grams that may be in it. */
  readonly length: number;
  readonly hasFour: boolean;
  readonly hasSix: boolean;
  /** A bit for the last four octets of each gram, found by {@link nearBit}: small enough to stay near. */
  readonly near: Int32Array;
  readonly nearShift: number;
  /** A bit for the hash of each gram. */
  readonly filter: Int32Array;
  /** Open addressing. */
  readonly slots: Int32Array;
  readonly mask: number;
  readonly filed: Int32Array;
}

/** A glob and the gram it is filed under. */
interface Filed {
  readonly glob: number;
  readonly single: boolean;
  readonly gram: Gram;
}

/**
 * All globs of an attribute: each is filed under the rarest gram (run of six octets, fewer where it has no longer run) that a match
 * must contain. One pass over the text looks each gram up; of the globs filed there those match whose run stands there and, where
 * they ask more than one run, that match as a whole.
 */
export class GlobTable {
  readonly #globs: readonly string[];
  readonly #tables: readonly GramTable[];
  /** Globs without any run. */
  readonly #others: readonly number[];
  readonly #hit: (glob: number) => void;

  /** @param hit Called by {@link scan} with the number of each glob that matches, maybe more than once. */
  constructor(globs: readonly string[], hit: (glob: number) => void) {
    this.#globs = globs;
    this.#hit = hit;
    const others: number[] = [];
    const uses = new Map<number, number>();
    const grams = globs.map(gramsOf);
    for (const one of grams) {
      for (const { hash } of one.grams) uses.set(hash, (uses.get(hash) ?? 0) + 1);
    }
    const tables = new Map<number, Filed[]>();
    const lengths = new Set<number>();
    grams.forEach(({ length, grams, single }, glob) => {
      if (length === 0) return void others.push(glob);
      const gram = grams.reduce((a, b) => uses.get(b.hash)! < uses.get(a.hash)! ? b : a);
      lengths.add(length);
      const shared = length >= 4 ? 6 : length;
      const filed = tables.get(shared);
      if (filed) filed.push({ glob, single, gram });
      else tables.set(shared, [{ glob, single, gram }]);
    });
    this.#others = others;
    this.#tables = [...tables].map(([length, filed]) => gramTable(length, lengths, filed));
  }

  /**
   * Tells the globs that `text[from..to)` matches.
   *
   * @param last Last unit that stands for itself.
   * @returns false for a text with others, of which nothing was told.
   */
  scan(text: string, from: number, to: number, last = 0xffff): boolean {
    if (this.#others.length > 0) {
      if (!isPlain(text, from, to, last)) return false;
      for (const glob of this.#others) {
        if (matchesGlob(this.#globs[glob]!, text, from, to)) this.#hit(glob);
      }
    }
    const tables = this.#tables;
    for (let i = 0; i < tables.length; i++) {
      const table = tables[i]!;
      const plain = table.length === 6
        ? this.#scanLong(table, text, from, to, last)
        : this.#scanShort(table, text, from, to, last);
      if (!plain) return false;
    }
    return true;
  }

  /** Grams of six and of four octets, by their last four. */
  #scanLong(table: GramTable, text: string, from: number, to: number, last: number): boolean {
    const { near, nearShift } = table;
    let gram = BEGIN;
    for (let i = from; i < to; i++) {
      const unit = text.charCodeAt(i);
      if (unit > last) return false;
      gram = (gram << 8) | octetOf(unit);
      const bit = nearBit(gram, nearShift);
      if ((near[bit >>> 5]! & (1 << bit)) !== 0) {
        if (!this.#lookLong(table, gram, i, text, from, to, last)) return false;
      }
    }
    return this.#lookLong(table, (gram << 8) | END, to, text, from, to, last);
  }

  /** @param end Where in the text the gram has its last octet. */
  #lookLong(
    table: GramTable,
    gram: number,
    end: number,
    text: string,
    from: number,
    to: number,
    last: number,
  ): boolean {
    const known = end - from + 2; // octets up to here, with the begin
    if (table.hasFour && known >= 4) {
      if (!this.#look(table, gramHash(gram, 0), end, text, from, to, last)) return false;
    }
    if (!table.hasSix || known < 6) return true;
    const first = known === 6 ? BEGIN : octetOf(text.charCodeAt(end - 5));
    const before = (first << 8) | octetOf(text.charCodeAt(end - 4));
    return this.#look(table, gramHash(gram, before), end, text, from, to, last);
  }

  #scanShort(table: GramTable, text: string, from: number, to: number, last: number): boolean {
    const { length } = table;
    const keep = (1 << (8 * length)) - 1;
    let gram = BEGIN;
    for (let i = from, seen = 2; i <= to; i++, seen++) {
      const unit = i === to ? -1 : text.charCodeAt(i);
      if (unit > last) return false;
      gram = ((gram << 8) | (unit < 0 ? END : octetOf(unit))) & keep;
      if (seen < length) continue;
      if (!this.#look(table, gramHash(gram, 0), i, text, from, to, last)) return false;
    }
    return true;
  }

  /** Tells the globs of a gram. @returns false for a text that is not plain. */
  #look(
    table: GramTable,
    hash: number,
    end: number,
    text: string,
    from: number,
    to: number,
    last: number,
  ): boolean {
    const { filter, slots, mask } = table;
    if ((filter[hash >>> 5 & (filter.length - 1)]! & (1 << hash)) === 0) return true;
    for (let slot = hash >>> 8 & mask;; slot = (slot + 1) & mask) {
      const at = slots[slot * SLOT_WORDS + 1]!;
      if (at === 0) return true;
      if (slots[slot * SLOT_WORDS] === hash) {
        return this.#compare(table.filed, at, end, text, from, to, last);
      }
    }
  }

  #compare(
    filed: Int32Array,
    begin: number,
    end: number,
    text: string,
    from: number,
    to: number,
    last: number,
  ): boolean {
    let plain = false;
    for (let at = begin; filed[at]! >= 0;) {
      const glob = filed[at]!;
      const flags = filed[at + 2]!;
      const place = end - filed[at + 1]! + ((flags & BEGINS) >> 1);
      if (isRunAt(filed, at, place, text, from, to)) {
        plain ||= isPlain(text, from, to, last);
        if (!plain) return false;
        if ((flags & SINGLE) !== 0 || matchesGlob(this.#globs[glob]!, text, from, to)) {
          this.#hit(glob);
        }
      }
      at += FILED_WORDS + (flags >> LENGTH_SHIFT);
    }
    return true;
  }
}

/** Whether the run of a filed glob stands at a place of the text, at its begin or end where it must. */
function isRunAt(
  filed: Int32Array,
  at: number,
  place: number,
  text: string,
  from: number,
  to: number,
): boolean {
  const flags = filed[at + 2]!;
  const end = place + (flags >> LENGTH_SHIFT);
  if (place < from || end > to) return false;
  if ((flags & BEGINS) !== 0 && place !== from || (flags & ENDS) !== 0 && end !== to) return false;
  for (let i = place, k = at + FILED_WORDS; i < end; i++, k++) {
    if (filed[k] !== fold(text.charCodeAt(i))) return false;
  }
  return true;
}

function isPlain(text: string, from: number, to: number, last: number): boolean {
  for (let i = from; i < to; i++) if (text.charCodeAt(i) > last) return false;
  return true;
}

/** The bit of a gram's last four octets in a filter of `2 ** (32 - shift)` bits. */
function nearBit(last: number, shift: number): number {
  return Math.imul(last, 0x9e3779b1) >>> shift;
}

function gramTable(
  length: number,
  lengths: ReadonlySet<number>,
  filed: readonly Filed[],
): GramTable {
  const byHash = new Map<number, Filed[]>();
  for (const one of filed) {
    const same = byHash.get(one.gram.hash);
    if (same) same.push(one);
    else byHash.set(one.gram.hash, [one]);
  }
  const bits = powerOfTwo(1024, byHash.size * 16);
  const size = powerOfTwo(8, byHash.size * 2);
  const nearShift = 32 - Math.log2(bits);
  const near = new Int32Array(bits / 32);
  const filter = new Int32Array(bits / 32);
  const slots = new Int32Array(size * SLOT_WORDS);
  const words = [-1];
  for (const [hash, same] of byHash) {
    filter[hash >>> 5 & (filter.length - 1)]! |= 1 << hash;
    let slot = hash >>> 8 & (size - 1);
    while (slots[slot * SLOT_WORDS + 1] !== 0) slot = (slot + 1) & (size - 1);
    slots[slot * SLOT_WORDS] = hash;
    slots[slot * SLOT_WORDS + 1] = words.length;
    for (const { glob, single, gram } of same) {
      const { text, begins, ends } = gram.run;
      const bit = nearBit(gram.last, nearShift);
      near[bit >>> 5]! |= 1 << bit;
      words.push(
        glob,
        gram.before,
        (text.length << LENGTH_SHIFT) | (single ? SINGLE : 0) | (begins ? BEGINS : 0) |
          (ends ? ENDS : 0),
      );
      for (let i = 0; i < text.length; i++) words.push(text.charCodeAt(i));
    }
    words.push(-1);
  }
  return {
    length,
    hasFour: lengths.has(4),
    hasSix: lengths.has(6),
    near,
    nearShift,
    filter,
    slots,
    mask: size - 1,
    filed: Int32Array.from(words),
  };
}
