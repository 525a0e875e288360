/**
 * Searches for many patterns at once.
 *
 * Of each pattern one window of seven fixed octets is chosen, the rarest it has. Whatever its place, such a window holds one
 * four-octet group that is aligned in memory, so only every fourth place is looked at: one load, one multiplication, one bit of a
 * filter. Only where the bit is set a hash table names the patterns, and these are verified. The cost for clean data does not
 * grow with the number of patterns until the filter leaves the cache. Patterns whose longest fixed run has four to six octets
 * are looked for at every place, in a second filter that is skipped when there are none.
 */
import { type BytePattern, matchAround, offsetAllows } from "./pattern.ts";

/** A pattern that was found. */
export interface PatternMatch {
  /** Which one. */
  readonly pattern: BytePattern;
  /** Where it starts. */
  readonly offset: number;
}

/** What a search gives. */
export interface PatternMatches {
  /** Each pattern at most once, at its first place. */
  readonly matches: readonly PatternMatch[];
  /** Whether any pattern's octets were there at all, even of a wrong place or type. If not, no part of these octets can match. */
  readonly touched: boolean;
}

const GRAM = 4;
const WINDOW = 7;
const MULTIPLIER = 0x9e3779b1;
const CROWD_BITS = 18;
const NO_MATCHES: PatternMatches = { matches: [], touched: false };

/** How common an octet is in mail and programs, roughly; the higher the worse as a sign. */
const COMMON = new Uint8Array(256).fill(2);
for (let octet = 0x21; octet < 0x7f; octet++) COMMON[octet] = 5;
for (const letter of "etaoinsrhldcum<>=/\"'0123ATEI") COMMON[letter.charCodeAt(0)] = 9;
for (const octet of [0x00, 0x20, 0x0a, 0x0d, 0x09, 0xff, 0x41]) COMMON[octet] = 14;

/** The chosen window of a pattern: run `piece`, from octet `start` of it. */
interface Anchor {
  readonly piece: number;
  readonly start: number;
  readonly cost: number;
}

function bestAnchor(
  pattern: BytePattern,
  length: number,
  crowd: (gram: number) => number,
): Anchor | undefined {
  let best: Anchor | undefined;
  for (const [piece, run] of pattern.pieces.entries()) {
    if (run.kind !== "run") continue;
    const costs = gramCosts(run.values, run.masks, crowd);
    for (let start = 0; start + length <= run.values.length; start++) {
      let cost = 0;
      for (let i = start; i + GRAM <= start + length; i++) {
        cost = Math.max(cost, costs[i] ?? Infinity);
      }
      if (cost < (best?.cost ?? Infinity)) best = { piece, start, cost };
    }
  }
  return best;
}

/** What each gram of a run would cost: how common its octets are, and how many patterns have it already; Infinity if not fixed. */
function gramCosts(
  values: Uint8Array,
  masks: Uint8Array,
  crowd: (gram: number) => number,
): Float64Array {
  const costs = new Float64Array(Math.max(0, values.length - GRAM + 1));
  for (let at = 0; at < costs.length; at++) {
    const gram = gramAt(values, at);
    const first = values[at] ?? 0;
    let cost = (gram === Math.imul(first, 0x01010101) >>> 0 ? 40 : 0) + 4 * crowd(gram);
    for (let i = at; i < at + GRAM; i++) {
      cost += masks[i] === 0xff ? COMMON[values[i] ?? 0] ?? 0 : Infinity;
    }
    costs[at] = cost;
  }
  return costs;
}

function gramAt(octets: Uint8Array, at: number): number {
  return ((octets[at] ?? 0) | ((octets[at + 1] ?? 0) << 8) | ((octets[at + 2] ?? 0) << 16) |
    ((octets[at + 3] ?? 0) << 24)) >>> 0;
}

/** Grams, each with its patterns: a bit filter in front of an open-addressed table of chains. */
class GramTable {
  readonly #patterns: number[] = [];
  readonly #pieces: number[] = [];
  readonly #places: number[] = [];
  readonly #grams: number[] = [];
  /** About how many patterns have a gram, by its hash; only wanted while the table is built. */
  #crowds = new Uint8Array(1 << CROWD_BITS);
  shift = 32;
  filter = new Uint32Array(1);
  #slotShift = 32;
  #keys = new Uint32Array(1);
  #heads = new Int32Array(1);
  #next = new Int32Array(0);

  get size(): number {
    return this.#grams.length;
  }

  crowd(gram: number): number {
    return this.#crowds[Math.imul(gram, MULTIPLIER) >>> (32 - CROWD_BITS)] ?? 0;
  }

  add(gram: number, pattern: number, piece: number, place: number): void {
    this.#grams.push(gram);
    this.#patterns.push(pattern);
    this.#pieces.push(piece);
    this.#places.push(place);
    const crowd = Math.imul(gram, MULTIPLIER) >>> (32 - CROWD_BITS);
    this.#crowds[crowd] = Math.min(255, (this.#crowds[crowd] ?? 0) + 1);
  }

  /** Builds filter and table; nothing is added afterwards. */
  seal(): void {
    this.#crowds = new Uint8Array(0);
    // 32 bits of filter for each gram keep false hits at 3 %; 2^15 bits fit any first-level cache
    const bits = Math.min(27, Math.max(15, Math.ceil(Math.log2(this.size * 32 + 1))));
    this.shift = 32 - bits;
    this.filter = new Uint32Array((1 << bits) >>> 5);
    const slotBits = Math.max(2, Math.ceil(Math.log2(this.size * 2 + 1)));
    this.#slotShift = 32 - slotBits;
    this.#keys = new Uint32Array(1 << slotBits);
    this.#heads = new Int32Array(1 << slotBits).fill(-1);
    this.#next = new Int32Array(this.size);
    for (const [entry, gram] of this.#grams.entries()) {
      const hash = Math.imul(gram, MULTIPLIER) >>> this.shift;
      this.filter[hash >>> 5] = (this.filter[hash >>> 5] ?? 0) | (1 << (hash & 31));
      const slot = this.#slot(gram);
      this.#keys[slot] = gram;
      this.#next[entry] = this.#heads[slot] ?? -1;
      this.#heads[slot] = entry;
    }
  }

  #slot(gram: number): number {
    const mask = this.#keys.length - 1;
    let slot = Math.imul(gram, MULTIPLIER) >>> this.#slotShift;
    while ((this.#heads[slot] ?? -1) >= 0 && this.#keys[slot] !== gram) slot = (slot + 1) & mask;
    return slot;
  }

  /** Calls `visit` for each pattern that has the gram, with the run and how far into it the gram is. */
  lookup(gram: number, visit: (pattern: number, piece: number, place: number) => void): void {
    let entry = this.#heads[this.#slot(gram)] ?? -1;
    while (entry >= 0) {
      visit(this.#patterns[entry] ?? 0, this.#pieces[entry] ?? 0, this.#places[entry] ?? 0);
      entry = this.#next[entry] ?? -1;
    }
  }
}

/** A set of patterns, made once, searched often. */
export class PatternSet {
  readonly #patterns: readonly BytePattern[];
  readonly #aligned = new GramTable();
  readonly #short = new GramTable();
  /** Patterns that this search cannot look for, with the reason. */
  readonly rejected: readonly { readonly name: string; readonly why: string }[];

  /** Builds filter and tables; a hundred thousand patterns take about a second. */
  constructor(patterns: readonly BytePattern[]) {
    this.#patterns = patterns;
    const rejected: { name: string; why: string }[] = [];
    for (const [index, pattern] of patterns.entries()) {
      const long = bestAnchor(pattern, WINDOW, (gram) => this.#aligned.crowd(gram));
      const short = long ? undefined : bestAnchor(pattern, GRAM, (gram) => this.#short.crowd(gram));
      const anchor = long ?? short;
      const run = anchor && pattern.pieces[anchor.piece];
      if (!anchor || run?.kind !== "run") {
        rejected.push({ name: pattern.name, why: "no four fixed octets in a row" });
        continue;
      }
      const table = long ? this.#aligned : this.#short;
      for (let i = 0; i < (long ? WINDOW - GRAM + 1 : 1); i++) {
        const place = anchor.start + i;
        table.add(gramAt(run.values, place), index, anchor.piece, place);
      }
    }
    this.#aligned.seal();
    this.#short.seal();
    this.rejected = rejected;
  }

  /** Number of patterns that are looked for. */
  get size(): number {
    return this.#patterns.length - this.rejected.length;
  }

  /**
   * Finds every pattern of the set in `octets`.
   *
   * @param type Type of the content, for patterns that are for some types only.
   */
  search(octets: Uint8Array, type: string): PatternMatches {
    const hits = new Map<number, number>();
    let touched = false;
    const verify = (gram: number, at: number, table: GramTable) =>
      table.lookup(gram, (index, piece, place) => {
        if (hits.has(index)) return;
        const pattern = this.#patterns[index];
        if (!pattern) return;
        const start = matchAround(octets, pattern.pieces, piece, at - place);
        if (start < 0) return;
        touched = true;
        if (pattern.types && !pattern.types.has(type)) return;
        if (offsetAllows(pattern.offset, start, octets.length)) hits.set(index, start);
      });
    if (this.#aligned.size > 0) this.#searchAligned(octets, verify);
    if (this.#short.size > 0) this.#searchEverywhere(octets, verify);
    if (!touched) return NO_MATCHES;
    const matches: PatternMatch[] = [];
    for (const [index, offset] of hits) {
      const pattern = this.#patterns[index];
      if (pattern) matches.push({ pattern, offset });
    }
    return { matches, touched };
  }

  #searchAligned(
    octets: Uint8Array,
    verify: (gram: number, at: number, table: GramTable) => void,
  ): void {
    const table = this.#aligned;
    const { filter, shift } = table;
    const lead = (GRAM - octets.byteOffset % GRAM) % GRAM;
    const count = (octets.length - lead) >> 2;
    if (count <= 0) return;
    const words = new Uint32Array(octets.buffer, octets.byteOffset + lead, count);
    for (let i = 0; i < count; i++) {
      const word = words[i] ?? 0;
      const hash = Math.imul(word, MULTIPLIER) >>> shift;
      if (((filter[hash >>> 5] ?? 0) >>> (hash & 31)) & 1) verify(word, lead + (i << 2), table);
    }
  }

  #searchEverywhere(
    octets: Uint8Array,
    verify: (gram: number, at: number, table: GramTable) => void,
  ): void {
    const table = this.#short;
    const { filter, shift } = table;
    let word = gramAt(octets, 0) << 8;
    for (let at = 0, end = octets.length - GRAM; at <= end; at++) {
      word = (word >>> 8) | ((octets[at + 3] ?? 0) << 24);
      const hash = Math.imul(word, MULTIPLIER) >>> shift;
      if (((filter[hash >>> 5] ?? 0) >>> (hash & 31)) & 1) verify(word >>> 0, at, table);
    }
  }
}
