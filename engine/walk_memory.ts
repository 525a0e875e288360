/**
 * Lets a walk do again what looking at the same part did before, without looking. Exact: what is kept is kept only where nothing
 * of the message around it could have made a difference, and used only where nothing can.
 *
 * Not kept: parts that are or hold a message (whose words are passwords for what comes later), in which something was encrypted,
 * not looked at whole, or seen in the message before.
 */
import type { Budget } from "./budget.ts";
import {
  MAX_NODES,
  MIN_PART_OCTETS,
  type PartCache,
  type PartRecord,
  pathsAnew,
  type SeenBelow,
} from "./part_cache.ts";
import type { PartPaths } from "./part_paths.ts";
import type { Passwords } from "./unpack/passwords.ts";
import type { Found } from "./walk_findings.ts";
import type { Draft, Item, ItemReading, Seen } from "./walk_items.ts";

/** What of a walk is recorded and done again. */
export interface WalkState {
  readonly budget: Budget;
  readonly reports: Draft[];
  readonly found: Found;
  readonly seen: Map<string, Seen>;
  readonly paths: PartPaths;
  readonly passwords: Passwords;
}

/** What besides the octets decides what is found in a part. */
export interface PartContext {
  readonly item: Item;
  readonly reading: ItemReading;
  readonly sha256: string;
  /** What the walk remembers them by. */
  readonly seenAs: string;
  /** The part's own, as it is before the part is looked at. */
  readonly report: Draft;
  /** Types of what it lies in, the outermost first. */
  readonly container: string | undefined;
  /** Whether its octets lie in some that were searched and hold no octets of a pattern. */
  readonly searched: boolean;
}

interface Recording {
  readonly key: string;
  readonly item: Item;
  /** The part's own report, before. */
  readonly report: string;
  readonly reports: number;
  readonly findings: number;
  readonly symptoms: ReadonlySet<string>;
  readonly passwords: number;
  readonly began: number;
  /** What was new to the walk since it began, by what it is remembered by, the part's own included. */
  readonly fresh: Set<string>;
  spoiled: boolean;
}

/** The memory of one walk, over a cache that outlives it. */
export class WalkMemory {
  readonly #cache: PartCache;
  readonly #state: WalkState;
  #recording: Recording | undefined;

  constructor(cache: PartCache, state: WalkState) {
    this.#cache = cache;
    this.#state = state;
  }

  /** Octets came again. What they gave was found in this very part, or it is not this part's alone. */
  repeated(seenAs: string): void {
    if (this.#recording && !this.#recording.fresh.has(seenAs)) this.#recording.spoiled = true;
  }

  /** Something happens that is not recorded. */
  spoil(): void {
    if (this.#recording) this.#recording.spoiled = true;
  }

  /**
   * A part whose own report is in the list is about to be looked at, or something in one.
   *
   * @returns true where all that it does has been done: it need not be looked at.
   */
  begin(context: PartContext): boolean {
    const { seenAs, reading } = context;
    if (this.#recording) {
      if (reading.asVolume) this.spoil(); // nobody remembers its octets
      else this.#recording.fresh.add(seenAs);
      return false;
    }
    if (!isKept(context)) return false;
    const key = this.#key(context);
    const record = this.#cache.get(key);
    if (record && this.#fits(record, context.item)) {
      this.#replay(record, context.item);
      return true;
    }
    const { reports, found, budget, passwords, paths } = this.#state;
    budget.note();
    paths.note();
    this.#recording = {
      key,
      item: context.item,
      report: JSON.stringify(context.report),
      reports: reports.length,
      findings: found.count,
      symptoms: new Set(found.symptoms),
      passwords: passwords.asked,
      began: budget.used.octets,
      fresh: new Set([seenAs]),
      spoiled: false,
    };
    return false;
  }

  /** The part that the recording began with has been looked at. */
  end(item: Item, report: Draft): void {
    const recording = this.#recording;
    if (!recording || recording.item !== item) return;
    this.#recording = undefined;
    const { budget, paths } = this.#state;
    const used = budget.noted();
    const made = paths.noted();
    const reach = recording.began + used.reach <= budget.limits.octets;
    if (JSON.stringify(report) !== recording.report) return;
    if (recording.spoiled || used.breaches > 0 || made.length > MAX_NODES) return;
    if (recording.fresh.size > MAX_NODES || this.#state.passwords.asked > recording.passwords) {
      return;
    }
    const { found, reports } = this.#state;
    const below = reports.slice(recording.reports);
    if (below.some(({ notScanned, encrypted }) => notScanned !== undefined || encrypted)) return;
    this.#cache.set(recording.key, {
      path: item.path,
      depth: item.depth,
      paths: made,
      reports: below.map((report) => ({ ...report })),
      findings: found.findings.slice(recording.findings),
      symptoms: [...found.symptoms].filter((symptom) => !recording.symptoms.has(symptom)),
      seen: this.#seenBelow(recording),
      files: used.files,
      octets: used.octets,
      began: recording.began,
      reach: reach ? used.reach : Infinity,
      deepest: used.deepest,
    });
  }

  #key({ item: { names }, report: { type }, ...context }: PartContext): string {
    const { reading, sha256, container, searched } = context;
    const { ratio, files, octets } = this.#state.budget.limits;
    const asFile = reading.asFile ?? true;
    return JSON.stringify([sha256, type, asFile, container, searched, names, ratio, files, octets]);
  }

  #seenBelow({ fresh, reports: first, findings, item }: Recording): SeenBelow[] {
    const { seen, reports } = this.#state;
    const below: SeenBelow[] = [];
    for (const seenAs of fresh) {
      const one = seen.get(seenAs);
      if (!one || one.report.path === item.path) continue; // the part itself is the walk's business
      const place = reports.indexOf(one.report, first);
      below.push({
        seenAs,
        report: place < 0 ? -1 : place - first,
        ...(place < 0 ? { unlisted: { ...one.report } } : {}),
        from: one.from - findings,
        to: (one.to ?? one.from) - findings,
      });
    }
    return below;
  }

  /** Whether the walk is where nothing of it could make what is recorded come out otherwise. */
  #fits(record: PartRecord, item: Item): boolean {
    const { budget, seen } = this.#state;
    const { limits, used } = budget;
    const same = used.octets === record.began;
    return used.files + record.files <= limits.files &&
      used.octets + record.octets <= limits.octets &&
      (same || used.octets + record.reach <= limits.octets) &&
      record.deepest - record.depth + item.depth <= limits.depth &&
      !record.seen.some(({ seenAs }) => seen.has(seenAs));
  }

  #replay(record: PartRecord, item: Item): void {
    const { budget, found, reports, seen, paths } = this.#state;
    const anew = pathsAnew(record, item.path, paths);
    const deeper = item.depth - record.depth;
    const first = reports.length;
    const findings = found.count;
    const again = (report: PartRecord["reports"][number]): Draft => ({
      ...report,
      path: anew.get(report.path) ?? report.path,
      ...(report.parent === undefined ? {} : { parent: anew.get(report.parent) ?? report.parent }),
      depth: report.depth + deeper,
    });
    for (const report of record.reports) reports.push(again(report));
    found.again(record.findings, anew, record.symptoms);
    budget.charge(record.files, record.octets, record.deepest + deeper);
    for (const { seenAs, report, unlisted, from, to } of record.seen) {
      const draft = unlisted ? again(unlisted) : reports[first + report];
      if (draft) seen.set(seenAs, { report: draft, from: findings + from, to: findings + to });
    }
  }
}

/** Whether a part is of the kind that is kept. */
function isKept({ item, reading, report: { type } }: PartContext): boolean {
  const { kind, octets, encrypted, notScanned, volumes } = item;
  return (kind === "part" || kind === "reading") && octets.length >= MIN_PART_OCTETS &&
    type !== "message" && !reading.asMail && !reading.asVolume && !encrypted &&
    notScanned === undefined && volumes === undefined;
}
