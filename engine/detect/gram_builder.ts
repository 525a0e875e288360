/** Chooses by which grams patterns are found, and makes the tables of these; see pattern_tables.ts. */
import { gramCost } from "./gram_costs.ts";
import { Growing } from "./hash_list_builder.ts";
import type { ModuleSections } from "./module_file.ts";
import { LOWER, type PatternPiece } from "./pattern.ts";
import {
  ENTRY_WORDS,
  type GRAMS,
  MULTIPLIER,
  NEAR_BIT,
  NEAR_FOLDED_BIT,
  NEAR_OCTETS,
  SECOND_SHIFT,
} from "./pattern_tables.ts";

/** What each pattern costs that has the gram already; and by what share the gram then costs more. */
const CROWD_COST = 1;
const CROWD_SHARE = 0.25;
/** What each way to write the gram in upper and lower case costs. */
const VARIANT_COST = 2;
/** Windows looked at in one run; further ones are hardly better. */
const MAX_WINDOWS = 256;
/** Pieces and places have sixteen bits. */
const MAX_PLACE = 0xffff;
/** Bits of filter for each gram, of which two are set: false hits are one in a hundred. */
const FILTER_BITS_PER_GRAM = 16;
/** 2^17 bits fit any first-level cache. */
const MIN_FILTER_BITS = 17;
/** The place of the second bit takes the product's bits 2 to 6: the first has those above. */
const MAX_FILTER_BITS = 25;

/** Grams are counted by so many bits of their hash, up to so many. */
const CROWD_BITS = 20;
const MAX_CROWD = 255;

function crowdOf(gram: number): number {
  return Math.imul(gram, MULTIPLIER) >>> (32 - CROWD_BITS);
}

/** The chosen window of a pattern: run `piece`, from octet `start` of it. */
export interface Anchor {
  readonly piece: number;
  readonly start: number;
}

function gramAt(octets: Uint8Array, at: number, length: number): number {
  let gram = 0;
  for (let i = 0; i < length; i++) gram |= (octets[at + i] ?? 0) << (8 * i);
  return gram >>> 0;
}

/** The octets of a window of seven from `start` on that are not in the gram of four at `at`. */
function nearOctets(values: Uint8Array, start: number, at: number, folded: boolean): number {
  const before = at - start;
  let near = NEAR_BIT | (folded ? NEAR_FOLDED_BIT : 0) | (before << 24);
  for (let i = 0; i < NEAR_OCTETS; i++) {
    near |= (values[i < before ? start + i : start + 4 + i] ?? 0) << (8 * i);
  }
  return near;
}

function isLetter(octet: number): boolean {
  return octet >= 0x61 && octet <= 0x7a;
}

/** The gram in every mixture of upper and lower case. */
function variants(gram: number, length: number): readonly number[] {
  let all = [gram];
  for (let i = 0; i < length; i++) {
    if (isLetter((gram >>> (8 * i)) & 0xff)) {
      all = all.flatMap((one) => [one, (one ^ (0x20 << (8 * i))) >>> 0]);
    }
  }
  return all;
}

/** Grams of one way of searching, each with its patterns. */
export class GramTableBuilder {
  readonly #way: (typeof GRAMS)[number];
  readonly #entries = new Growing((length) => new Uint32Array(length));
  /** About how many patterns have a gram, by its hash. */
  #crowds = new Uint8Array(0);

  constructor(way: (typeof GRAMS)[number]) {
    this.#way = way;
  }

  /** The cheapest window of the pattern; `undefined` where no run of it is long enough. */
  anchor(pieces: readonly PatternPiece[], folded: boolean): Anchor | undefined {
    const { window } = this.#way;
    let best: (Anchor & { readonly cost: number }) | undefined;
    for (const [piece, run] of pieces.entries()) {
      if (run.kind !== "run" || piece > MAX_PLACE) continue;
      const last = Math.min(run.values.length - window, MAX_WINDOWS);
      let fixed = 0;
      for (let end = 0; end < last + window; end++) {
        fixed = run.masks[end] === 0xff ? fixed + 1 : 0;
        const start = end - window + 1;
        if (fixed < window) continue;
        const cost = this.#cost(run.values, start, folded);
        if (!best || cost < best.cost) best = { piece, start, cost };
      }
    }
    return best;
  }

  #cost(values: Uint8Array, start: number, folded: boolean): number {
    const { octets, window } = this.#way;
    let cost = 0;
    for (let at = start; at + octets <= start + window; at++) {
      let ways = 1;
      for (let i = at; i < at + octets; i++) if (folded && isLetter(values[i] ?? 0)) ways *= 2;
      const crowd = this.#crowds[crowdOf(gramAt(values, at, octets))] ?? 0;
      cost += gramCost(values, at, octets) * (1 + crowd * CROWD_SHARE) + CROWD_COST * crowd +
        VARIANT_COST * (ways - 1);
    }
    return cost;
  }

  /** Adds the grams of a window. */
  add(pieces: readonly PatternPiece[], anchor: Anchor, body: number, folded: boolean): void {
    const { octets, window } = this.#way;
    const run = pieces[anchor.piece];
    if (run?.kind !== "run") return;
    if (this.#crowds.length === 0) this.#crowds = new Uint8Array(1 << CROWD_BITS);
    const values = folded ? run.values.map((value) => LOWER[value] ?? 0) : run.values;
    for (let at = anchor.start; at + octets <= anchor.start + window; at++) {
      const gram = gramAt(values, at, octets);
      const crowd = crowdOf(gram);
      this.#crowds[crowd] = Math.min(MAX_CROWD, (this.#crowds[crowd] ?? 0) + 1);
      const near = window > octets ? nearOctets(values, anchor.start, at, folded) : 0;
      for (const variant of folded ? variants(gram, octets) : [gram]) {
        this.#entries.push(variant, body, ((anchor.piece << 16) | at) >>> 0, near);
      }
    }
  }

  /**
   * None where no pattern is searched in this way.
   *
   * @param prefix Of the sections' names.
   */
  sections(prefix: string): ModuleSections {
    const count = this.#entries.length / ENTRY_WORDS;
    if (count === 0) return {};
    const entries = this.#entries.array;
    const filterBits = Math.min(
      MAX_FILTER_BITS,
      Math.max(MIN_FILTER_BITS, Math.ceil(Math.log2(count * FILTER_BITS_PER_GRAM))),
    );
    const filter = new Uint32Array((1 << filterBits) >>> 5);
    const slotBits = Math.max(1, Math.ceil(Math.log2(count)));
    const starts = new Uint32Array((1 << slotBits) + 1);
    const slot = (entry: number) =>
      Math.imul(entries[entry * ENTRY_WORDS] ?? 0, MULTIPLIER) >>> (32 - slotBits);
    for (let entry = 0; entry < count; entry++) {
      const product = Math.imul(entries[entry * ENTRY_WORDS] ?? 0, MULTIPLIER);
      const hash = product >>> (32 - filterBits);
      const bits = (1 << hash) | (1 << (product >>> SECOND_SHIFT)); // shifts count by their last five bits
      filter[hash >>> 5] = (filter[hash >>> 5] ?? 0) | bits;
      starts[slot(entry) + 1] = (starts[slot(entry) + 1] ?? 0) + 1;
    }
    for (let i = 1; i < starts.length; i++) starts[i] = (starts[i] ?? 0) + (starts[i - 1] ?? 0);
    const sorted = new Uint32Array(count * ENTRY_WORDS);
    const free = starts.slice();
    for (let entry = 0; entry < count; entry++) {
      const at = free[slot(entry)] ?? 0;
      free[slot(entry)] = at + 1;
      const from = entry * ENTRY_WORDS;
      sorted.set(entries.subarray(from, from + ENTRY_WORDS), at * ENTRY_WORDS);
    }
    const name = `${prefix}${this.#way.name}`;
    return { [`${name}.filter`]: filter, [`${name}.starts`]: starts, [`${name}.entries`]: sorted };
  }
}
