/** What was found in parts of messages before: bounded, for one set of modules, in one scanner. */
import type { MadePath, PartPaths } from "./part_paths.ts";
import type { Finding, PartReport } from "./types.ts";

/** Bounds of a cache. */
export interface PartCacheLimits {
  /** Most parts. */
  readonly parts: number;
  /** Most characters of all records together, roughly. */
  readonly characters: number;
}

/** In each scanner; what comes twice comes soon as a rule. */
export const PART_CACHE_LIMITS: PartCacheLimits = { parts: 1000, characters: 2 << 20 };

/** Parts below this are scanned as fast as they are looked up, octets. */
export const MIN_PART_OCTETS = 2048;
/** Nodes below one part that are kept, so that no part crowds out all others. */
export const MAX_NODES = 400;

/** Octets below a part that were looked at, so that the same octets elsewhere are known again. */
export interface SeenBelow {
  /** What the walk remembers them by. */
  readonly seenAs: string;
  /** Place in {@link PartRecord.reports}; -1: the report was taken out of the list again. */
  readonly report: number;
  readonly unlisted?: PartReport;
  /** Places in {@link PartRecord.findings}. */
  readonly from: number;
  readonly to: number;
}

/** Everything that looking at a part did, besides its own report. Paths are those of then; they are made anew. */
export interface PartRecord {
  /** Path and depth of the part then. */
  readonly path: string;
  readonly depth: number;
  readonly paths: readonly MadePath[];
  readonly reports: readonly PartReport[];
  readonly findings: readonly Finding[];
  readonly symptoms: readonly string[];
  readonly seen: readonly SeenBelow[];
  readonly files: number;
  readonly octets: number;
  /** Octets that were used when it began. */
  readonly began: number;
  /** Octets from the beginning of it that some limit of an unpacker would have reached to. */
  readonly reach: number;
  /** Deepest nesting that was asked for. */
  readonly deepest: number;
}

/** A cache of records, those used last kept longest. */
export class PartCache {
  readonly #limits: PartCacheLimits;
  readonly #records = new Map<
    string,
    { readonly record: PartRecord; readonly characters: number }
  >();
  #characters = 0;
  /** How often something was found, and how often not. */
  readonly counters = { hits: 0, misses: 0 };

  constructor(limits: PartCacheLimits = PART_CACHE_LIMITS) {
    this.#limits = limits;
  }

  /** Parts kept now. */
  get size(): number {
    return this.#records.size;
  }

  get(key: string): PartRecord | undefined {
    const entry = this.#records.get(key);
    if (!entry) {
      this.counters.misses++;
      return undefined;
    }
    this.counters.hits++;
    this.#records.delete(key);
    this.#records.set(key, entry);
    return entry.record;
  }

  set(key: string, record: PartRecord): void {
    const characters = key.length + charactersOf(record);
    if (characters > this.#limits.characters / 8) return;
    this.#remove(key);
    this.#records.set(key, { record, characters });
    this.#characters += characters;
    for (const oldest of this.#records.keys()) {
      const isFull = this.#records.size > this.#limits.parts ||
        this.#characters > this.#limits.characters;
      if (!isFull) break;
      this.#remove(oldest);
    }
  }

  #remove(key: string): void {
    const entry = this.#records.get(key);
    if (!entry) return;
    this.#records.delete(key);
    this.#characters -= entry.characters;
  }
}

function charactersOf({ reports, findings, paths, seen }: PartRecord): number {
  let sum = 200 + seen.length * 150;
  for (const { path, names, type } of reports) {
    sum += 200 + 2 * path.length + type.length + names.join().length;
  }
  for (const { name, part } of findings) sum += 100 + name.length + part.length;
  for (const { path, base, name } of paths) {
    sum += 60 + path.length + base.length + (name ?? "").length;
  }
  return sum;
}

/** Makes the paths of a record anew, in the order in which they were made; old ones to new ones. */
export function pathsAnew(
  record: PartRecord,
  path: string,
  paths: PartPaths,
): ReadonlyMap<string, string> {
  const anew = new Map([[record.path, path]]);
  for (const made of record.paths) {
    anew.set(made.path, paths.entry(anew.get(made.base) ?? made.base, made.name, made.index));
  }
  return anew;
}
