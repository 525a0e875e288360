/** Matching of texts with `*` (any characters) and `?` (one UTF-16 unit). */
import { fold, FOLDED } from "./key_table.ts";

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

/** An octet for a unit: A–Z as a–z; what is above Latin-1 is folded into its upper half. */
function octetOf(unit: number): number {
  return unit < 256 ? FOLDED[unit]! : (unit & 0x7f) | 0x80;
}

/** Octets that a gram may have, longest first. */
const GRAM_LENGTHS = [6, 4, 3, 2, 1] as const;

/**
 * Globs by their grams. Grams of six and of four octets share a table and a pass over the text; shorter ones, which few globs
 * need, have one each.
 */
interface GramTable {
  /** Octets of the longest grams that may be in it. */
  readonly length: number;
  readonly hasFour: boolean;
  readonly hasSix: boolean;
  /** Open addressing, pairs: a gram's hash, and where its globs begin in {@link globs} (0: free). */
  readonly slots: Int32Array;
  readonly mask: number;
  /** Bit set for hashes of grams that are there. */
  readonly filter: Int32Array;
  readonly filterMask: number;
  /** Runs of pairs, each ended by -1: number of a glob, and octets of its run before the gram's end. */
  readonly globs: Int32Array;
}

/**
 * All globs of an attribute at once: each is filed under the rarest gram (run of six octets, fewer where it has no longer run)
 * that a match must contain, begin and end of the text counted in. One pass over the text looks each gram up and compares only
 * the globs filed there; one that is a single run between stars is compared just where the gram was found.
 */
export class GlobTable {
  readonly #globs: readonly string[];
  readonly #tables: readonly GramTable[];
  /** Globs without any run. */
  readonly #others: readonly number[];
  readonly #hit: (glob: number) => void;
  /** Runs of globs that are one run between stars, end to end; where each begins, and how long it is (0: another glob). */
  readonly #units: Uint16Array;
  readonly #begins: Int32Array;
  readonly #lengths: Int32Array;

  /** @param hit Called by {@link scan} with the number of each glob that matches, maybe more than once. */
  constructor(globs: readonly string[], hit: (glob: number) => void) {
    this.#globs = globs;
    this.#hit = hit;
    const others: number[] = [];
    const uses = new Map<number, number>();
    const grams = globs.map(gramsOf);
    for (const { hashes } of grams) {
      for (const { hash } of hashes) uses.set(hash, (uses.get(hash) ?? 0) + 1);
    }
    const byLength = new Map<number, Map<number, number[]>>();
    const units: number[] = [];
    this.#begins = new Int32Array(globs.length);
    this.#lengths = new Int32Array(globs.length);
    grams.forEach(({ length, hashes }, number) => {
      if (length === 0) return void others.push(number);
      const rarest = hashes.reduce((a, b) => uses.get(b.hash)! < uses.get(a.hash)! ? b : a);
      const shared = Math.max(length, 4) === length ? 6 : length;
      const table = byLength.get(shared) ?? new Map<number, number[]>();
      byLength.set(shared, table);
      const filed = table.get(rarest.hash);
      if (filed) filed.push(number, rarest.before);
      else table.set(rarest.hash, [number, rarest.before]);
      const single = /^\*([^*?]+)\*$/.exec(globs[number]!);
      if (single) {
        this.#begins[number] = units.length;
        this.#lengths[number] = single[1]!.length;
        for (let i = 0; i < single[1]!.length; i++) units.push(single[1]!.charCodeAt(i));
      }
    });
    this.#units = Uint16Array.from(units);
    this.#others = others;
    const lengths = new Set(grams.map(({ length }) => length));
    this.#tables = [...byLength].map(([length, found]) => ({
      ...gramTable(length, found),
      hasFour: lengths.has(4),
      hasSix: lengths.has(6),
    }));
  }

  /** Tells the globs that `text[from..to)` matches. */
  scan(text: string, from: number, to: number): void {
    const others = this.#others;
    for (let i = 0; i < others.length; i++) {
      if (matchesGlob(this.#globs[others[i]!]!, text, from, to)) this.#hit(others[i]!);
    }
    for (let i = 0; i < this.#tables.length; i++) {
      const table = this.#tables[i]!;
      if (table.length === 6) this.#scanLong(table, text, from, to);
      else this.#scanShort(table, text, from, to);
    }
  }

  /** Grams of six and of four octets: the last four, and the two before them. */
  #scanLong(table: GramTable, text: string, from: number, to: number): void {
    const { filter, filterMask, hasFour, hasSix } = table;
    let gram = BEGIN;
    let before = 0;
    for (let i = from, seen = 2; i <= to; i++, seen++) {
      const octet = i === to ? END : octetOf(text.charCodeAt(i));
      before = ((before << 8) | (gram >>> 24)) & 0xffff;
      gram = (gram << 8) | octet;
      if (seen < 4) continue;
      if (hasFour) {
        const four = gramHash(gram, 0);
        if ((filter[(four & filterMask) >> 5]! & (1 << (four & 31))) !== 0) {
          this.#look(table, four, i, text, from, to);
        }
      }
      if (hasSix && before !== 0) {
        const six = gramHash(gram, before);
        if ((filter[(six & filterMask) >> 5]! & (1 << (six & 31))) !== 0) {
          this.#look(table, six, i, text, from, to);
        }
      }
    }
  }

  #scanShort(table: GramTable, text: string, from: number, to: number): void {
    const { length, filter, filterMask } = table;
    const keep = (1 << (8 * length)) - 1;
    let gram = BEGIN;
    for (let i = from, seen = 2; i <= to; i++, seen++) {
      const octet = i === to ? END : octetOf(text.charCodeAt(i));
      gram = ((gram << 8) | octet) & keep;
      if (seen < length) continue;
      const hash = gramHash(gram, 0);
      if ((filter[(hash & filterMask) >> 5]! & (1 << (hash & 31))) !== 0) {
        this.#look(table, hash, i, text, from, to);
      }
    }
  }

  /** @param end Where in the text the gram has its last octet. */
  #look(table: GramTable, hash: number, end: number, text: string, from: number, to: number): void {
    const { slots, mask, globs } = table;
    let slot = hash >>> 8 & mask;
    for (;;) {
      let at = slots[slot * 2 + 1]!;
      if (at === 0) return;
      if (slots[slot * 2] === hash) {
        for (; globs[at]! >= 0; at += 2) {
          const number = globs[at]!;
          const matches = this.#lengths[number]! > 0
            ? this.#isRunAt(number, end - globs[at + 1]!, text, from, to)
            : matchesGlob(this.#globs[number]!, text, from, to);
          if (matches) this.#hit(number);
        }
        return;
      }
      slot = (slot + 1) & mask;
    }
  }

  /** Whether the run of a glob between stars stands at a place of the text. */
  #isRunAt(number: number, place: number, text: string, from: number, to: number): boolean {
    const length = this.#lengths[number]!;
    if (place < from || place + length > to) return false;
    const begin = this.#begins[number]!;
    for (let i = 0; i < length; i++) {
      if (this.#units[begin + i] !== fold(text.charCodeAt(place + i))) return false;
    }
    return true;
  }
}

function gramTable(
  length: number,
  found: ReadonlyMap<number, readonly number[]>,
): Omit<GramTable, "hasFour" | "hasSix"> {
  let bits = 1024;
  while (bits < found.size * 16) bits *= 2;
  let size = 8;
  while (size < found.size * 2) size *= 2;
  const filter = new Int32Array(bits / 32);
  const slots = new Int32Array(size * 2);
  const globs = [-1];
  for (const [hash, filed] of found) {
    filter[(hash & (bits - 1)) >> 5]! |= 1 << (hash & 31);
    let slot = hash >>> 8 & (size - 1);
    while (slots[slot * 2 + 1] !== 0) slot = (slot + 1) & (size - 1);
    slots[slot * 2] = hash;
    slots[slot * 2 + 1] = globs.length;
    for (const one of filed) globs.push(one);
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

/** Of up to four octets, and the two before them where the gram has six. */
function gramHash(gram: number, before: number): number {
  const hash = Math.imul(gram, 0x9e3779b1) ^ Math.imul(before, 0x85ebca6b);
  return hash ^ (hash >>> 15);
}

/** A gram of a glob, and how many octets of its run come before its last one. */
interface Gram {
  readonly hash: number;
  readonly before: number;
}

/** The longest grams that every match of a glob contains. */
function gramsOf(glob: string): { length: number; hashes: Gram[] } {
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
  const longest = Math.max(...runs.map((one) => one.length));
  const length = GRAM_LENGTHS.find((one) => one <= longest) ?? 0;
  // Begin or end alone says nothing.
  const useful = runs.filter((one) => one.length >= length && !(length === 1 && one[0]! <= END));
  if (useful.length === 0) return { length: 0, hashes: [] };
  return {
    length,
    hashes: useful.flatMap((one) =>
      Array.from({ length: one.length - length + 1 }, (_, start): Gram => {
        let gram = 0;
        let before = 0;
        for (let i = start; i < start + length; i++) {
          before = ((before << 8) | (gram >>> 24)) & 0xffff;
          gram = (gram << 8) | one[i]!;
        }
        return { hash: gramHash(gram, length === 6 ? before : 0), before: start + length - 1 };
      })
    ),
  };
}
