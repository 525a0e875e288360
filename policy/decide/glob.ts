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

/** Globs found by one gram length. */
interface GramTable {
  readonly length: number;
  /** Open addressing, pairs: a gram's hash, and where its globs begin in {@link globs} (0: free). */
  readonly slots: Int32Array;
  readonly mask: number;
  /** Bit set for hashes of grams that are there. */
  readonly filter: Int32Array;
  readonly filterMask: number;
  /** Runs of glob numbers, each ended by -1; the first place is not used. */
  readonly globs: Int32Array;
}

/**
 * All globs of an attribute at once: each is filed under the rarest gram (run of six octets, fewer where it has no longer run)
 * that a match must contain, begin and end of the text counted in. One pass over the text looks each gram up and compares only
 * the globs filed there.
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
    for (const { hashes } of grams) {
      for (const hash of hashes) uses.set(hash, (uses.get(hash) ?? 0) + 1);
    }
    const byLength = new Map<number, Map<number, number[]>>();
    grams.forEach(({ length, hashes }, number) => {
      if (length === 0) return void others.push(number);
      const rarest = hashes.reduce((a, b) => uses.get(b)! < uses.get(a)! ? b : a);
      const table = byLength.get(length) ?? new Map<number, number[]>();
      byLength.set(length, table);
      const filed = table.get(rarest);
      if (filed) filed.push(number);
      else table.set(rarest, [number]);
    });
    this.#others = others;
    this.#tables = [...byLength].map(([length, found]) => gramTable(length, found));
  }

  /** Tells the globs that `text[from..to)` matches. */
  scan(text: string, from: number, to: number): void {
    const others = this.#others;
    for (let i = 0; i < others.length; i++) this.#compare(others[i]!, text, from, to);
    for (let i = 0; i < this.#tables.length; i++) this.#scan(this.#tables[i]!, text, from, to);
  }

  #scan(table: GramTable, text: string, from: number, to: number): void {
    const { length, filter, filterMask } = table;
    // Six octets are four, and the two before them.
    const keep = length >= 4 ? -1 : (1 << (8 * length)) - 1;
    const older = length === 6 ? 0xffff : 0;
    let gram = BEGIN;
    let before = 0;
    for (let i = from, seen = 2; i <= to; i++, seen++) {
      const octet = i === to ? END : octetOf(text.charCodeAt(i));
      before = ((before << 8) | (gram >>> 24)) & older;
      gram = ((gram << 8) | octet) & keep;
      if (seen < length) continue;
      const hash = gramHash(gram, before);
      if ((filter[(hash & filterMask) >> 5]! & (1 << (hash & 31))) !== 0) {
        this.#look(table, hash, text, from, to);
      }
    }
  }

  #look(table: GramTable, hash: number, text: string, from: number, to: number): void {
    const { slots, mask, globs } = table;
    let slot = hash >>> 8 & mask;
    for (;;) {
      let at = slots[slot * 2 + 1]!;
      if (at === 0) return;
      if (slots[slot * 2] === hash) {
        for (; globs[at]! >= 0; at++) this.#compare(globs[at]!, text, from, to);
        return;
      }
      slot = (slot + 1) & mask;
    }
  }

  #compare(number: number, text: string, from: number, to: number): void {
    if (matchesGlob(this.#globs[number]!, text, from, to)) this.#hit(number);
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
  for (const [hash, numbers] of found) {
    filter[(hash & (bits - 1)) >> 5]! |= 1 << (hash & 31);
    let slot = hash >>> 8 & (size - 1);
    while (slots[slot * 2 + 1] !== 0) slot = (slot + 1) & (size - 1);
    slots[slot * 2] = hash;
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

/** Of up to four octets, and the two before them where the gram has six. */
function gramHash(gram: number, before: number): number {
  const hash = Math.imul(gram, 0x9e3779b1) ^ Math.imul(before, 0x85ebca6b);
  return hash ^ (hash >>> 15);
}

/** The hashes of the longest grams that every match of a glob contains. */
function gramsOf(glob: string): { length: number; hashes: number[] } {
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
      Array.from({ length: one.length - length + 1 }, (_, start) => {
        let gram = 0;
        let before = 0;
        for (let i = start; i < start + length; i++) {
          before = ((before << 8) | (gram >>> 24)) & 0xffff;
          gram = (gram << 8) | one[i]!;
        }
        return gramHash(gram, length === 6 ? before : 0);
      })
    ),
  };
}
