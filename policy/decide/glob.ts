/** Matching of texts with `*` (any characters) and `?` (one UTF-16 unit). */
import { fold } from "./key_table.ts";

const STAR = 42;
const ANY = 63;

/**
 * @param pattern In lower case.
 * @param text Of which `[from..to)` is compared, ASCII letters in any case.
 */
export function matchesGlob(pattern: string, text: string, from: number, to: number): boolean {
  let p = 0;
  let t = from;
  let star = -1;
  let resume = from;
  while (t < to) {
    const unit = p < pattern.length ? pattern.charCodeAt(p) : -1;
    if (unit === STAR) {
      star = ++p;
      resume = t;
    } else if (unit === ANY || unit === fold(text.charCodeAt(t))) {
      p++;
      t++;
    } else if (star >= 0) {
      p = star;
      t = ++resume;
    } else return false;
  }
  while (p < pattern.length && pattern.charCodeAt(p) === STAR) p++;
  return p === pattern.length;
}

/** Units that stand for begin and end of the text in grams. */
const BEGIN = 1;
const END = 2;

/** An octet for a unit: what is above Latin-1 is folded into its upper half. */
function octetOf(unit: number): number {
  return unit < 256 ? unit : (unit & 0x7f) | 0x80;
}

/** Globs found by one gram length. */
interface GramTable {
  /** Octets of a gram: 1 to 4. */
  readonly length: number;
  /** Open addressing, pairs: a gram, and where its globs begin in {@link globs} (0: free). */
  readonly slots: Int32Array;
  readonly mask: number;
  /** Bit set for hashes of grams that are there. */
  readonly filter: Int32Array;
  readonly filterMask: number;
  /**
   * Runs of triples, each ended by -1; the first place is not used. A triple is the number of a glob, and a second gram of the
   * same run that settles most doubts without a look at the glob: how many octets further on it ends (0: none), and itself.
   */
  readonly globs: Int32Array;
}

/**
 * All globs of an attribute at once: each is filed under the rarest run of four octets (fewer where it has no longer one) that a
 * match must contain, begin and end of the text counted in. One pass over the text looks each run up and compares only the globs
 * filed there.
 */
export class GlobTable {
  readonly #globs: readonly string[];
  readonly #tables: readonly GramTable[];
  /** Globs without any run. */
  readonly #others: readonly number[];

  constructor(globs: readonly string[]) {
    this.#globs = globs;
    const others: number[] = [];
    const uses = new Map<number, number>();
    const grams = globs.map(gramsOf);
    for (const { length, runs } of grams) {
      if (length === 4) {
        for (const run of runs) for (const gram of run) uses.set(gram, (uses.get(gram) ?? 0) + 1);
      }
    }
    const byLength = new Map<number, Map<number, number[]>>();
    grams.forEach(({ length, runs }, number) => {
      if (length === 0) return void others.push(number);
      let gram = runs[0]![0]!;
      let delta = 0;
      let second = 0;
      let rarest = Infinity;
      for (const run of runs) {
        run.forEach((one, place) => {
          const use = uses.get(one) ?? 0;
          if (use >= rarest) return;
          rarest = use;
          gram = one;
          const farthest = place > run.length / 2 ? 0 : run.length - 1;
          delta = farthest - place;
          second = run[farthest]!;
        });
      }
      const table = byLength.get(length) ?? new Map<number, number[]>();
      byLength.set(length, table);
      const filed = table.get(gram);
      if (filed) filed.push(number, delta, second);
      else table.set(gram, [number, delta, second]);
    });
    this.#others = others;
    this.#tables = [...byLength].map(([length, found]) => gramTable(length, found));
  }

  /** Calls `hit` with the number of each glob that matches, maybe more than once. */
  scan(text: string, from: number, to: number, hit: (glob: number) => void): void {
    for (const number of this.#others) {
      if (matchesGlob(this.#globs[number]!, text, from, to)) hit(number);
    }
    for (const table of this.#tables) this.#scan(table, text, from, to, hit);
  }

  #scan(
    table: GramTable,
    text: string,
    from: number,
    to: number,
    hit: (glob: number) => void,
  ): void {
    const { length, filter, filterMask } = table;
    const keep = length === 4 ? -1 : (1 << (8 * length)) - 1;
    let gram = BEGIN;
    for (let i = from, seen = 2; i <= to; i++, seen++) {
      const octet = i === to ? END : octetOf(fold(text.charCodeAt(i)));
      gram = ((gram << 8) | octet) & keep;
      if (seen < length) continue;
      const bit = gramHash(gram) & filterMask;
      if ((filter[bit >> 5]! & (1 << (bit & 31))) !== 0) {
        this.#look(table, gram, text, from, to, i, hit);
      }
    }
  }

  #look(
    table: GramTable,
    gram: number,
    text: string,
    from: number,
    to: number,
    end: number,
    hit: (glob: number) => void,
  ): void {
    const { slots, mask, globs } = table;
    let slot = gramHash(gram) >>> 8 & mask;
    for (;;) {
      let at = slots[slot * 2 + 1]!;
      if (at === 0) return;
      if (slots[slot * 2] === gram) {
        for (; globs[at]! >= 0; at += 3) {
          const delta = globs[at + 1]!;
          if (delta !== 0 && gramAt(text, from, to, end + delta, table.length) !== globs[at + 2]) {
            continue;
          }
          if (matchesGlob(this.#globs[globs[at]!]!, text, from, to)) hit(globs[at]!);
        }
        return;
      }
      slot = (slot + 1) & mask;
    }
  }
}

function gramTable(length: number, found: ReadonlyMap<number, readonly number[]>): GramTable {
  let bits = 1024;
  while (bits < found.size * 16) bits *= 2;
  let size = 8;
  while (size < found.size * 2) size *= 2;
  const filter = new Int32Array(bits / 32);
  const slots = new Int32Array(size * 2);
  const globs = [-1];
  for (const [gram, numbers] of found) {
    const hash = gramHash(gram);
    const bit = hash & (bits - 1);
    filter[bit >> 5]! |= 1 << (bit & 31);
    let slot = hash >>> 8 & (size - 1);
    while (slots[slot * 2 + 1] !== 0) slot = (slot + 1) & (size - 1);
    slots[slot * 2] = gram;
    slots[slot * 2 + 1] = globs.length;
    for (const number of numbers) globs.push(number);
    globs.push(-1);
  }
  return {
    length,
    slots,
    mask: size - 1,
    filter,
    filterMask: bits - 1,
    globs: Int32Array.from(globs),
  };
}

function gramHash(gram: number): number {
  const hash = Math.imul(gram, 0x9e3779b1);
  return hash ^ (hash >>> 15);
}

/** The gram that ends at a place of a text, its begin and end counted in; 0 where it would reach beyond them. */
function gramAt(text: string, from: number, to: number, end: number, length: number): number {
  if (end > to || end - length + 1 < from - 1) return 0;
  let gram = 0;
  for (let i = end - length + 1; i <= end; i++) {
    const octet = i < from ? BEGIN : i === to ? END : octetOf(fold(text.charCodeAt(i)));
    gram = (gram << 8) | octet;
  }
  return gram;
}

/** The grams (4 octets where there are any) that every match of a glob contains, by run. */
function gramsOf(glob: string): { length: number; runs: number[][] } {
  const runs: number[][] = [];
  let run = [BEGIN];
  for (let i = 0; i < glob.length; i++) {
    const unit = glob.charCodeAt(i);
    if (unit === STAR || unit === ANY) {
      runs.push(run);
      run = [];
    } else run.push(octetOf(unit));
  }
  run.push(END);
  runs.push(run);
  const length = Math.min(4, Math.max(...runs.map((one) => one.length)));
  // Begin or end alone says nothing.
  const useful = runs.filter((one) => one.length >= length && !(length === 1 && one[0]! <= END));
  if (useful.length === 0) return { length: 0, runs: [] };
  return {
    length,
    runs: useful.map((one) =>
      Array.from(
        { length: one.length - length + 1 },
        (_, start) =>
          one.slice(start, start + length).reduce((gram, octet) => (gram << 8) | octet, 0),
      )
    ),
  };
}
