/** All globs of an attribute at once. */
import { matchesGlob } from "./glob.ts";
import {
  BEGIN,
  END,
  type GlobGrams,
  type Gram,
  GRAM_LENGTHS,
  gramHash,
  gramsOf,
  octetOf,
} from "./grams.ts";
import { CASE_BIT, FOLDED, powerOfTwo } from "./key_table.ts";
import { WordBuilder } from "./words.ts";

/**
 * Words of a slot: a gram's hash, and the glob filed there where it is the only one and short enough; else, below zero, the address
 * of the globs; 0: free.
 */
const SLOT_WORDS = 8;
// Names of other modules are looked up wherever they are used, which counts in a loop over a text.
const CASE = CASE_BIT;
const OCTETS = FOLDED;

/** The golden ratio: spreads grams over a filter. */
const NEAR = 0x9e3779b1;
/** Octets of the longest grams. */
const LONGEST = GRAM_LENGTHS[0];

/**
 * Words of a glob that is filed: the length of its run with the flags below; what it stands for where {@link SINGLE} is set, else its
 * number; octets of the run before the gram's end; and the run's own octets, four a word.
 */
const FILED_WORDS = 3;
const ENDS = 1;
const BEGINS = 2;
/** Nothing is asked but the run, which has no units above Latin-1. */
const SINGLE = 4;
/** The last glob of its gram. */
const LAST = 8;
/** Set in all, so that none are 0. */
const FILED = 16;
const LENGTH_SHIFT = 5;
/** Octets of a run for which a slot has room. */
const SLOT_OCTETS = (SLOT_WORDS - 1 - FILED_WORDS) * 4;

/**
 * Globs by their grams. Grams of eight, six and four octets share a table and a pass over the text; shorter ones, which few globs
 * need, have one each.
 */
interface GramTable {
  /** Octets of the longest grams that may be in it. */
  readonly length: number;
  readonly hasFour: boolean;
  readonly hasSix: boolean;
  readonly hasEight: boolean;
  /**
   * Words found by the product of the last octets of each gram, four at most, with {@link NEAR}; in them a bit for the two octets
   * before these, all bits where the gram has no more. Small enough to stay near.
   */
  readonly near: Int32Array;
  readonly nearShift: number;
  /** Two bits of a word for the hash of each gram. */
  readonly filter: Int32Array;
  /** Slots with open addressing, and behind them the globs that lie in no slot. */
  readonly words: Int32Array;
  readonly mask: number;
}

/** A glob and the gram it is filed under. */
interface Filed {
  readonly glob: number;
  readonly single: boolean;
  readonly gram: Gram;
}

/**
 * All globs of an attribute: each is filed under the rarest gram (run of eight octets, fewer where it has no longer run) that a
 * match must contain. One pass over the text looks each gram up; of the globs filed there those match whose run stands there and, where
 * they ask more than one run, that match as a whole.
 */
export class GlobTable {
  readonly #globs: readonly string[];
  readonly #tables: readonly GramTable[];
  /** Globs without any run. */
  readonly #others: readonly number[];
  readonly #values: ArrayLike<number>;
  readonly #hit: (value: number) => void;

  /**
   * @param hit Called by {@link scan} with what each glob that matches stands for, maybe more than once.
   * @param values What the globs stand for; their numbers where it is left out.
   */
  constructor(
    globs: readonly string[],
    hit: (value: number) => void,
    values: ArrayLike<number> = globs.map((_, number) => number),
  ) {
    this.#globs = globs;
    this.#values = values;
    this.#hit = hit;
    const others: number[] = [];
    const globGrams = globs.map(gramsOf);
    const rarer = rarity(globGrams);
    const tables = new Map<number, Filed[]>();
    const lengths = new Set<number>();
    globGrams.forEach(({ length, grams, single }, glob) => {
      if (length === 0) return void others.push(glob);
      const gram = grams.reduce((a, b) => rarer(b, a) ? b : a);
      lengths.add(length);
      const shared = length >= 4 ? LONGEST : length;
      const filed = tables.get(shared);
      if (filed) filed.push({ glob, single, gram });
      else tables.set(shared, [{ glob, single, gram }]);
    });
    this.#others = others;
    this.#tables = [...tables].map(([length, filed]) => gramTable(length, lengths, filed, values));
  }

  /**
   * Tells the globs that `text[from..to)` matches.
   *
   * @param last Last unit that stands for itself.
   * @returns false for a text with others, of which nothing was told.
   */
  scan(text: string, from: number, to: number, last = 0xffff): boolean {
    // A short text is found to be plain while its grams are gathered.
    const short = to - from <= GATHERED;
    if ((!short || this.#others.length > 0) && !isPlain(text, from, to, last)) return false;
    const tables = this.#tables;
    for (let i = 0; i < tables.length; i++) {
      const table = tables[i]!;
      for (let begin = from; begin < to || begin === from; begin += GATHERED) {
        const found = gather(table, text, from, begin, to, last);
        if (found < 0) return false;
        for (let k = 0; k < found; k++) this.#lookAt(table, grams[k]!, ends[k]!, text, from, to);
      }
    }
    for (let i = 0; i < this.#others.length; i++) {
      const glob = this.#others[i]!;
      if (matchesGlob(this.#globs[glob]!, text, from, to)) this.#hit(this.#values[glob]!);
    }
    return true;
  }

  /** @param gram The last octets, four at most, up to `end`. */
  #lookAt(
    table: GramTable,
    gram: number,
    end: number,
    text: string,
    from: number,
    to: number,
  ): void {
    const known = end - from + 2; // octets up to here, with the begin
    if (known < 4 || table.length < 4) {
      if (known >= table.length) this.#look(table, gramHash(gram, 0), end, text, from, to);
      return;
    }
    if (table.hasFour) this.#look(table, gramHash(gram, 0), end, text, from, to);
    if (known < 6) return;
    const two = known === 6
      ? (BEGIN << 8) | octetOf(text.charCodeAt(from))
      : (octetOf(text.charCodeAt(end - 5)) << 8) | octetOf(text.charCodeAt(end - 4));
    if (table.hasSix) this.#look(table, gramHash(gram, two), end, text, from, to);
    if (!table.hasEight || known < 8) return;
    const four = known === 8
      ? (BEGIN << 8) | octetOf(text.charCodeAt(from))
      : (octetOf(text.charCodeAt(end - 7)) << 8) | octetOf(text.charCodeAt(end - 6));
    this.#look(table, gramHash(gram, (four << 16) | two), end, text, from, to);
  }

  /** Tells the globs of a gram. */
  #look(table: GramTable, hash: number, end: number, text: string, from: number, to: number): void {
    const { filter } = table;
    const bits = filter[hash >>> 10 & (filter.length - 1)]!;
    if (((bits >>> hash) & (bits >>> (hash >>> 5)) & 1) === 0) return;
    const at = findGram(table, hash);
    if (at !== 0) this.#compare(table.words, at, end, text, from, to);
  }

  #compare(
    words: Int32Array,
    begin: number,
    end: number,
    text: string,
    from: number,
    to: number,
  ): void {
    for (let at = begin, flags = 0; (flags & LAST) === 0;) {
      flags = words[at]!;
      const place = end - words[at + 2]! + ((flags & BEGINS) >> 1);
      if (isRunAt(words, at, place, text, from, to)) {
        const one = words[at + 1]!;
        if ((flags & SINGLE) !== 0) this.#hit(one);
        else if (matchesGlob(this.#globs[one]!, text, from, to)) this.#hit(this.#values[one]!);
      }
      at += FILED_WORDS + ((flags >> LENGTH_SHIFT) + 3 >> 2);
    }
  }
}

/** Places of a text that {@link gather} takes at once. */
const GATHERED = 256;
/** Places where a gram may end, gathered first so that the pass over the text is a loop without branches. */
const ends = new Int32Array(GATHERED + 1);
/** The last octets up to there. */
const grams = new Int32Array(GATHERED + 1);

/**
 * Gathers the next places from `begin` on of `text[from..to)` where a gram may end.
 *
 * The loop stands for itself, without calls: it is most of what a text costs.
 *
 * @returns how many there are; -1 for a text that has units above `last`.
 */
function gather(
  { near, nearShift, length }: GramTable,
  text: string,
  from: number,
  begin: number,
  to: number,
  last: number,
): number {
  const end = to - begin < GATHERED ? to : begin + GATHERED;
  const keep = length < 4 ? (1 << (8 * length)) - 1 : -1;
  let gram = begin === from ? BEGIN : octetsUpTo(text, from, begin - 1);
  // The octets up to one place less, and to two: the first two of these stand before the last four.
  let gram1 = begin === from ? 0 : octetsUpTo(text, from, begin - 2);
  let all = 0;
  let found = 0;
  for (let i = begin; i < end; i++) {
    const unit = text.charCodeAt(i);
    const gram2 = gram1;
    gram1 = gram;
    all |= unit;
    gram = ((gram << 8) | (unit & 255) | CASE) & keep;
    const word = near[Math.imul(gram, NEAR) >>> nearShift]!;
    const before = gram2 >>> 16;
    if (((word >>> (before ^ (before >>> 6))) & 1) !== 0) {
      ends[found] = i;
      grams[found++] = gram;
    }
  }
  if (end === to) {
    gram = ((gram << 8) | END) & keep;
    ends[found] = to;
    grams[found] = gram;
    const before = gram1 >>> 16;
    found += (near[Math.imul(gram, NEAR) >>> nearShift]! >>> (before ^ (before >>> 6))) & 1;
  }
  return all > last ? -1 : found;
}

/** The last octets, four at most, of `text[from..place]` with its begin. */
function octetsUpTo(text: string, from: number, place: number): number {
  let gram = place - from < 3 ? BEGIN : 0;
  for (let i = Math.max(from, place - 3); i <= place; i++) {
    gram = (gram << 8) | octetOf(text.charCodeAt(i));
  }
  return gram;
}

/** Where the globs of a gram begin; 0: there are none. */
function findGram({ words, mask }: GramTable, hash: number): number {
  for (let slot = hash >>> 8 & mask;; slot = (slot + 1) & mask) {
    const at = slot * SLOT_WORDS;
    const filed = words[at + 1]!;
    if (filed === 0) return 0;
    if (words[at] === hash) return filed < 0 ? -filed : at + 1;
  }
}

/**
 * Whether the run of a filed glob stands at a place of the text, at its begin or end where it must. Where more than the run is
 * asked, units above Latin-1 are left to be compared with that.
 */
function isRunAt(
  words: Int32Array,
  at: number,
  place: number,
  text: string,
  from: number,
  to: number,
): boolean {
  const flags = words[at]!;
  const end = place + (flags >> LENGTH_SHIFT);
  if (place < from || end > to) return false;
  if ((flags & BEGINS) !== 0 && place !== from || (flags & ENDS) !== 0 && end !== to) return false;
  let all = 0;
  for (let i = place, k = (at + FILED_WORDS) * 4; i < end; i++, k++) {
    const unit = text.charCodeAt(i);
    all |= unit;
    if (((words[k >> 2]! >>> ((k & 3) << 3)) & 255) !== OCTETS[unit & 255]) return false;
  }
  return all < 256 || (flags & SINGLE) === 0;
}

function isPlain(text: string, from: number, to: number, last: number): boolean {
  for (let i = from; i < to; i++) if (text.charCodeAt(i) > last) return false;
  return true;
}

/** Whether a gram is rarer than another among some globs; of those as rare, the one whose ends are. */
function rarity(globs: readonly GlobGrams[]): (gram: Gram, than: Gram) => boolean {
  const uses = new Map<number, number>();
  const parts = new Map<number, number>();
  for (const { grams } of globs) {
    for (const { hash, first, last } of grams) {
      uses.set(hash, (uses.get(hash) ?? 0) + 1);
      parts.set(first, (parts.get(first) ?? 0) + 1);
      parts.set(last, (parts.get(last) ?? 0) + 1);
    }
  }
  return (gram, than) => {
    const difference = uses.get(gram.hash)! - uses.get(than.hash)!;
    if (difference !== 0) return difference < 0;
    return parts.get(gram.first)! * parts.get(gram.last)! <
      parts.get(than.first)! * parts.get(than.last)!;
  };
}

function gramTable(
  length: number,
  lengths: ReadonlySet<number>,
  filed: readonly Filed[],
  values: ArrayLike<number>,
): GramTable {
  const byHash = new Map<number, Filed[]>();
  for (const one of filed) {
    const same = byHash.get(one.gram.hash);
    if (same) same.push(one);
    else byHash.set(one.gram.hash, [one]);
  }
  const bits = powerOfTwo(1024, byHash.size * 32);
  const nearWords = powerOfTwo(64, byHash.size * 2);
  const size = powerOfTwo(8, byHash.size * 2);
  const nearShift = 32 - Math.log2(nearWords);
  const near = new Int32Array(nearWords);
  const filter = new Int32Array(bits / 32);
  const used = new Uint8Array(size);
  const words = new WordBuilder();
  words.reserve(size * SLOT_WORDS);
  for (const [hash, same] of byHash) {
    filter[hash >>> 10 & (filter.length - 1)]! |= (1 << hash) | (1 << (hash >>> 5));
    let slot = hash >>> 8 & (size - 1);
    while (used[slot] === 1) slot = (slot + 1) & (size - 1);
    used[slot] = 1;
    const at = slot * SLOT_WORDS;
    words.set(at, hash);
    const fits = same.length === 1 && same[0]!.gram.run.text.length <= SLOT_OCTETS;
    if (!fits) words.set(at + 1, -words.length);
    for (const one of same) {
      const { glob, single, gram } = one;
      const { text, begins, ends } = gram.run;
      near[Math.imul(gram.last, NEAR) >>> nearShift]! |= gram.length <= 4
        ? -1
        : 1 << (gram.two ^ (gram.two >>> 6));
      const isSingle = single && [...text].every((unit) => unit <= "\xff");
      const row = fits ? at + 1 : words.reserve(FILED_WORDS + (text.length + 3 >> 2));
      words.set(
        row,
        (text.length << LENGTH_SHIFT) | FILED | (isSingle ? SINGLE : 0) | (begins ? BEGINS : 0) |
          (ends ? ENDS : 0) | (one === same.at(-1) ? LAST : 0),
      );
      words.set(row + 1, isSingle ? values[glob]! : glob);
      words.set(row + 2, gram.before);
      for (let i = 0; i < text.length; i += 4) {
        let octets = 0;
        for (let k = Math.min(3, text.length - 1 - i); k >= 0; k--) {
          octets = (octets << 8) | FOLDED[text.charCodeAt(i + k) & 255]!;
        }
        words.set(row + FILED_WORDS + (i >> 2), octets);
      }
    }
  }
  return {
    length,
    hasFour: lengths.has(4),
    hasSix: lengths.has(6),
    hasEight: lengths.has(8),
    near,
    nearShift,
    filter,
    words: words.finish(),
    mask: size - 1,
  };
}
