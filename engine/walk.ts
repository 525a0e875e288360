/**
 * The walk through an object: every reading of every part, depth first, under one budget. The same octets are looked at once.
 */
import type { Budget } from "./budget.ts";
import { contentHeuristics } from "./detect/content_heuristics.ts";
import { innermost, layerWithin } from "./detect/container_layers.ts";
import { detectContent, type Detection, detectNames } from "./detect/detect.ts";
import { fileType, fileTypeGroup, furtherTypes } from "./detect/file_type.ts";
import { ContentHashes } from "./detect/hash_list.ts";
import type { HeuristicName } from "./detect/heuristic_table.ts";
import { macroHeuristics } from "./detect/macro_heuristics.ts";
import type { Modules } from "./detect/modules.ts";
import { readMessage } from "./message/read.ts";
import type { MessageReading, PartReading } from "./message/types.ts";
import { PartPaths } from "./part_paths.ts";
import type { Ambiguity, Finding, NotScannedReason, PartReport } from "./types.ts";
import type { PartCache } from "./part_cache.ts";
import { SearchedOctets } from "./searched.ts";
import { distinct } from "./unpack/octets.ts";
import type { Entry, UnpackContext, Unpacker } from "./unpack/unpacker.ts";
import { type VolumeSet, volumeSets } from "./unpack/volumes.ts";
import { Found } from "./walk_findings.ts";
import { keepTexts, partItem, partVolumes, pathBelow } from "./walk_mail.ts";
import { WalkMemory } from "./walk_memory.ts";
import { openingsOf } from "./walk_openings.ts";
import {
  type Container,
  type Draft,
  draftOf,
  entryFacts,
  type HeldEntry,
  isSameGood,
  type Item,
  type ItemReading,
  mayBeVolume,
  readingByMime,
  type Seen,
  seenKey,
  type Volume,
  volumeReading,
} from "./walk_items.ts";

/** One walk, for one object. */
export class Walk {
  readonly reports: PartReport[] = [];
  readonly ambiguities: Ambiguity[] = [];
  /** Milliseconds. */
  readonly costs = { parse: 0, unpack: 0, detect: 0 };
  /** The object itself read as mail, if it was. */
  message: MessageReading | undefined;
  readonly #found = new Found();
  readonly #budget: Budget;
  readonly #modules: Modules;
  readonly #detects: boolean;
  readonly #opening: Pick<UnpackContext, "tools" | "passwords">;
  readonly #seen = new Map<string, Seen>();
  readonly #searched = new SearchedOctets();
  readonly #paths = new PartPaths();
  /** Types of each node and of what it lies in, the outermost first, by its path. */
  readonly #types = new Map<string, string>();
  readonly #memory: WalkMemory | undefined;

  /**
   * @param detects False: the parts of a message are listed; nothing is looked for, nothing opened.
   * @param cache What was found in parts before, with the same modules and tools.
   */
  constructor(
    budget: Budget,
    modules: Modules,
    detects: boolean,
    opening: Pick<UnpackContext, "tools" | "passwords">,
    cache?: PartCache,
  ) {
    this.#memory = cache && detects
      ? new WalkMemory(cache, {
        budget,
        reports: this.reports,
        found: this.#found,
        seen: this.#seen,
        paths: this.#paths,
        passwords: opening.passwords,
      })
      : undefined;
    this.#opening = opening;
    this.#budget = budget;
    this.#modules = modules;
    this.#detects = detects;
  }

  /** In the order found. */
  get findings(): readonly Finding[] {
    return this.#found.findings;
  }

  /** Names of spam patterns that were found. */
  get symptoms(): ReadonlySet<string> {
    return this.#found.symptoms;
  }

  /**
   * Looks at an item and all that is in it.
   *
   * @returns Its report; `undefined` where the octets were read as something else before, and no more is to be done.
   */
  visit(
    item: Item,
    { asMail = false, asFile = true, asVolume = false }: ItemReading = {},
  ): Draft | undefined {
    const { octets } = item;
    if (!this.#budget.depth(item.depth) || !this.#budget.time()) return undefined;
    const start = performance.now();
    const hashes = new ContentHashes(octets);
    const sha256 = hashes.hex();
    const reading = { asMail, asFile, asVolume };
    const seenAs = seenKey(sha256, item, reading);
    const known = this.#seen.get(seenAs);
    if (item.again && isSameGood(item, known)) {
      this.#memory?.repeated(seenAs);
      return undefined;
    }
    const type = asMail && !asFile
      ? "message" // and nobody asks what else it could be
      : item.type ?? known?.report.type ?? fileType(octets);
    const report = this.#report(item, asMail ? "message" : type, sha256);
    if (known) {
      this.#memory?.repeated(seenAs);
      this.#repeat(known, report);
      // what unpacks to what it lies in goes on for ever, for who comes after us, too
      if (known.to === undefined && item.kind === "entry") this.#notScanned(report, "depth");
      this.costs.detect += performance.now() - start;
      return item.again ? undefined : report;
    }
    // what the name gave was reported above, and is this one's alone
    const seen: Seen = { report, from: this.#found.count };
    if (!asVolume) this.#seen.set(seenAs, seen);
    const searched = this.#searched.has(octets);
    const container = this.#containerOf(report);
    if (this.#memory?.begin({ item, report, reading, sha256, seenAs, searched, container })) {
      seen.to = this.#found.count;
      this.costs.detect += performance.now() - start;
      return report;
    }
    const ranges = this.#searched.count;
    const later = this.#detects ? this.#detect(octets, report, hashes) : [];
    this.costs.detect += performance.now() - start;
    const further = this.#detects && asFile ? furtherTypes(octets, type) : [];
    if (asMail || (asFile && type === "message")) this.#readMail(item, report);
    else if (further.includes("message")) this.#readMail(item, report, true);
    if (this.#detects && asFile) this.#open(item, report, type, further);
    this.#found.settle(later, report, seen.from);
    this.#searched.backTo(ranges);
    seen.to = this.#found.count;
    this.#memory?.end(item, report);
    return report;
  }

  /** Puts an item into the tree that is not looked at. */
  list(item: Item, type: string | undefined, reason?: NotScannedReason): void {
    const { octets } = item;
    this.#report(
      reason === undefined ? item : { ...item, notScanned: reason },
      type ?? fileType(octets),
      new ContentHashes(octets).hex(),
    );
  }

  #report(item: Item, type: string, sha256: string): Draft {
    const report = draftOf(item, type, sha256);
    const { path, names, encrypted } = report;
    this.reports.push(report);
    this.#types.set(path, layerWithin(this.#containerOf(report), type));
    if (this.#detects) this.#found.add(detectNames(names, type, encrypted ?? false), report);
    return report;
  }

  /** Types of what a node lies in, the outermost first. */
  #containerOf({ parent }: Draft): string | undefined {
    return parent === undefined ? undefined : this.#types.get(parent);
  }

  /** Octets that were seen before: what was found in them is found here too. */
  #repeat({ report, from, to }: Seen, here: Draft): void {
    if (report.encrypted) here.encrypted = true;
    if (report.notScanned) here.notScanned ??= report.notScanned;
    this.#found.repeat(from, to, here.path);
  }

  /**
   * Looks for signatures.
   *
   * @returns What was found by pattern: reported only where no part inside says the same.
   */
  #detect(octets: Uint8Array, report: Draft, hashes: ContentHashes): readonly Detection[] {
    const searched = this.#searched.has(octets);
    const container = this.#containerOf(report);
    const found = detectContent(octets, report.type, hashes, this.#modules, {
      searched,
      ...(container === undefined ? {} : { container }),
    });
    if (found.exhausted) this.#notScanned(report, "time");
    if (!found.touched && !searched) this.#searched.add(octets);
    this.#found.add(found.detections.filter(({ engine }) => engine === "hash"), report);
    const { type, names, path } = report;
    const facts = { octets, type, names, ...innermost(container) };
    this.#found.suspect(contentHeuristics(facts), path);
    return found.detections.filter(({ engine }) => engine !== "hash");
  }

  /** @param again Its octets were read as text: what came of them then is not listed again. */
  #readMail({ octets, path, depth }: Item, report: Draft, again = false): void {
    this.#memory?.spoil();
    const start = performance.now();
    const isObject = path === "" && report.kind === "root";
    const inside = isObject ? depth : depth + 1;
    // what the MIME reader left closed because it lies too deep must not begin at the same depth again
    if (!this.#budget.depth(inside)) return this.#notScanned(report, "depth");
    const message = readMessage(octets, this.#budget, inside);
    this.costs.parse += performance.now() - start;
    if (isObject) this.message = message;
    keepTexts(message, this.#opening.passwords);
    for (const { name, part } of message.ambiguities) {
      this.ambiguities.push({ name, part: pathBelow(path, part) });
    }
    this.#readParts(message, path, inside, again);
  }

  /** All parts; those that are volumes of a set are put together behind them. */
  #readParts({ root, parts }: MessageReading, path: string, depth: number, again: boolean): void {
    const { sets, volumes } = partVolumes(this.#detects ? parts : [], path);
    this.#readPart(root, path, path, volumes, again);
    for (const set of sets) {
      this.#join(set, set.places.map((at) => volumes.get(parts[at] ?? root)?.path ?? path), depth);
    }
  }

  /** Looks at a set of volumes as the one file that they make. What is found in it is found in each of them. */
  #join(set: VolumeSet, paths: readonly string[], depth: number): void {
    const [first = "", ...others] = paths;
    if (!this.#budget.unpacked(set.size)) return;
    const { name, type, volumes } = set;
    const from = this.#found.count;
    this.visit({
      octets: set.join(),
      path: this.#paths.entry(first, name, 1),
      parent: first,
      kind: "reading",
      names: [name],
      reading: "volumes",
      depth: depth + 1,
      ...(type ? { type } : {}),
      ...(volumes ? { volumes } : {}),
    });
    this.#found.repeatWorst(from, others);
  }

  /**
   * @param base Path of the message that the part's own path counts in.
   * @param parent Path of the nearest node that is in the tree.
   * @param volumes Parts that are volumes of a set; their paths are put in.
   */
  #readPart(
    part: PartReading,
    base: string,
    parent: string,
    volumes: ReadonlyMap<PartReading, Volume>,
    again: boolean,
  ): void {
    let own = parent;
    const mails: (() => void)[] = [];
    for (const [index, { octets, reading }] of part.contents.entries()) {
      const path = this.#paths.part(base, part.path, index + 1);
      if (index === 0) own = path;
      const volume = index === 0 ? volumes.get(part) : undefined;
      if (volume) volume.path = path;
      const type = fileType(octets);
      const how = readingByMime(part, type, octets);
      const place = { path, parent: index === 0 ? parent : own };
      const kind = index === 0 ? "part" : "reading";
      const item = { ...partItem(part, octets, place), kind, reading, type, again } as const;
      const report = this.visit(item, volume?.reading ?? { asFile: how === "open" });
      if (report && how === "closed, then as mail" && !volume) {
        mails.push(() => this.#readMail(item, report, true));
      }
    }
    if (part.kind === "message" && part.contents.length === 0) {
      // its content is its child; the names that it goes by are its own
      const { source, bodyRange: { start, end } } = part;
      own = this.#paths.part(base, part.path, 1);
      const item = partItem(part, source.subarray(start, end), { path: own, parent });
      this.list(item, "message");
    }
    for (const child of part.children) this.#readPart(child, base, own, volumes, again);
    for (const read of mails) read();
  }

  #open(item: Item, report: Draft, type: string, further: readonly string[]): void {
    const start = performance.now();
    const openings = openingsOf(item, type, further);
    this.costs.unpack += performance.now() - start;
    for (const { inside, unpacker } of openings) {
      if (unpacker) this.#unpack(inside, report, unpacker);
      else this.#notScanned(report, "unsupported");
    }
  }

  #notScanned(report: Draft, reason: NotScannedReason): void {
    report.notScanned ??= reason;
    this.#budget.breach(reason);
  }

  /** Looks at what a container holds; entries that are volumes of a set are put together behind them. */
  #unpack(item: Item, report: Draft, unpacker: Unpacker): void {
    const container = { type: report.type, size: item.octets.length, path: item.path };
    const held: HeldEntry[] = [];
    this.#unpackTo(held, container, item, report, unpacker);
    const pieces = held.map(({ entry: { names, content = new Uint8Array(0) } }) => ({
      names,
      octets: content,
    }));
    const readings = new Map<number, ItemReading>();
    const sets = volumeSets(pieces);
    for (const set of sets) {
      for (const [index, at] of set.places.entries()) {
        readings.set(at, volumeReading(set, index, pieces[at]));
      }
    }
    const paths = held.map(({ entry, index }, at) =>
      this.#entry(entry, container, item.depth + 1, index, readings.get(at))
    );
    for (const set of sets) {
      this.#join(set, set.places.map((at) => paths[at] ?? ""), item.depth + 1);
    }
  }

  /** Entries are looked at as they come, so that one at a time is in memory; what has the name of a volume is held back. */
  #unpackTo(
    held: HeldEntry[],
    container: Container,
    { octets, path, names, depth, volumes, embedded = false, amid = false, again = false }: Item,
    report: Draft,
    unpacker: Unpacker,
  ): void {
    const note = (reason: NotScannedReason) => this.#notScanned(report, reason);
    const suspect = (name: HeuristicName) => this.#found.suspect([{ name }], path);
    let total = 0;
    let index = 0;
    let start = performance.now();
    const entries = unpacker(octets, {
      budget: this.#budget,
      ...this.#opening,
      names,
      embedded,
      amid,
      ...(volumes ? { volumes } : {}),
      note,
      suspect,
    })
      [Symbol.iterator]();
    for (;;) {
      const next = this.#next(entries);
      this.costs.unpack += performance.now() - start;
      if (next === "failed") return note("crashed");
      if (next.done) return;
      if (!this.#budget.depth(depth + 1)) return note("depth");
      const entry = next.value;
      if ((again || entry.again) && this.#cameOut(entry)) continue;
      if (!entry.quiet && !this.#budget.file()) return note("files");
      index++;
      if (mayBeVolume(entry)) held.push({ entry, index });
      else this.#entry(entry, container, depth + 1, index);
      total += entry.content?.length ?? 0;
      if (!this.#budget.ratio(octets.length, total)) return note("ratio");
      if (!this.#budget.time()) return;
      start = performance.now();
    }
  }

  /** Whether the same file came out before and is good: it need not be listed twice. */
  #cameOut({ content, ...entry }: Entry): boolean {
    const sha256 = content ? new ContentHashes(content).hex() : "";
    if (!isSameGood(entry, this.#seen.get(sha256))) return false;
    this.#memory?.repeated(sha256);
    return true;
  }

  /** Takes a small piece of a document out of the list again, if it was nothing but data. */
  #unlist(listed: number, found: number): void {
    const report = this.reports[listed];
    if (this.reports.length !== listed + 1 || this.#found.count !== found || !report) return;
    const group = fileTypeGroup(report.type);
    const isData = group === "media" || group === "other" || group === "markup";
    if (isData && report.notScanned === undefined) this.reports.pop();
  }

  /** An unpacker that fails has a mistake of ours in it, or is out of memory: then this container is not scanned, the rest is. */
  #next(entries: Iterator<Entry>): IteratorResult<Entry, unknown> | "failed" {
    try {
      return entries.next();
    } catch {
      return "failed";
    }
  }

  /** @returns its path. */
  #entry(
    entry: Entry,
    container: Container,
    depth: number,
    index: number,
    reading: ItemReading = { asFile: !entry.isText },
  ): string {
    const { content, encrypted, notScanned } = entry;
    const names = distinct(entry.names);
    const path = this.#paths.entry(container.path, names[0], index);
    const facts = entryFacts(entry, container, names, index);
    this.#found.addContained(this.#modules.containers.flatMap((set) => set.match(facts)), path);
    const item = {
      path,
      parent: container.path,
      kind: "entry" as const,
      names,
      depth,
      ...(encrypted ? { encrypted } : {}),
      ...(notScanned === undefined ? {} : { notScanned }),
    };
    if (content) {
      const listed = this.reports.length;
      const found = this.#found.count;
      this.visit({ ...item, octets: content }, reading);
      if (entry.macro) this.#found.suspect(macroHeuristics(content), item.path);
      if (entry.quiet) this.#unlist(listed, found);
      return path;
    }
    const report: Draft = { ...item, type: "binary", size: entry.size ?? 0, sha256: "" };
    this.reports.push(report);
    this.#found.add(detectNames(names, report.type, encrypted ?? false), report);
    return path;
  }
}
