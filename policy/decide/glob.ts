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
  /** Bit set for hashes of grams that are there. */
  readonly filter: Int32Array;
  readonly filterMask: number;
  readonly globs: ReadonlyMap<number, readonly number[]>;
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
    for (const { length, values } of grams) {
      if (length === 4) { for (const value of values) uses.set(value, (uses.get(value) ?? 0) + 1); }
    }
    const byLength = new Map<number, Map<number, number[]>>();
    grams.forEach(({ length, values }, number) => {
      if (length === 0) return void others.push(number);
      const rarest = values.reduce((a, b) => (uses.get(b) ?? 0) < (uses.get(a) ?? 0) ? b : a);
      const table = byLength.get(length) ?? new Map<number, number[]>();
      byLength.set(length, table);
      table.set(rarest, [...(table.get(rarest) ?? []), number]);
    });
    this.#others = others;
    this.#tables = [...byLength].map(([length, found]) => {
      let bits = 1024;
      while (bits < found.size * 16) bits *= 2;
      const filter = new Int32Array(bits / 32);
      for (const gram of found.keys()) {
        const bit = gramHash(gram) & (bits - 1);
        filter[bit >> 5]! |= 1 << (bit & 31);
      }
      return { length, filter, filterMask: bits - 1, globs: found };
    });
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
    if (length === 1) this.#look(table, gram, text, from, to, hit);
    for (let i = from, seen = 2; i <= to; i++, seen++) {
      const octet = i === to ? END : octetOf(fold(text.charCodeAt(i)));
      gram = ((gram << 8) | octet) & keep;
      if (seen < length) continue;
      const bit = gramHash(gram) & filterMask;
      if ((filter[bit >> 5]! & (1 << (bit & 31))) !== 0) {
        this.#look(table, gram, text, from, to, hit);
      }
    }
  }

  #look(
    table: GramTable,
    gram: number,
    text: string,
    from: number,
    to: number,
    hit: (glob: number) => void,
  ): void {
    const globs = table.globs.get(gram);
    if (!globs) return;
    for (let i = 0; i < globs.length; i++) {
      const number = globs[i]!;
      if (matchesGlob(this.#globs[number]!, text, from, to)) hit(number);
    }
  }
}

function gramHash(gram: number): number {
  const hash = Math.imul(gram, 0x9e3779b1);
  return hash ^ (hash >>> 15);
}

/** The longest runs (at most 4 octets) that every match of a glob contains. */
function gramsOf(glob: string): { length: number; values: number[] } {
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
  if (useful.length === 0) return { length: 0, values: [] };
  const values = useful.flatMap((one) =>
    Array.from(
      { length: one.length - length + 1 },
      (_, start) =>
        one.slice(start, start + length).reduce((value, octet) => (value << 8) | octet, 0),
    )
  );
  return { length, values };
}
