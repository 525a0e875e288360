/**
 * The walk through an object: every reading of every part, depth first, under one budget. The same octets are looked at once.
 */
import type { Budget } from "./budget.ts";
import { contentHeuristics } from "./detect/content_heuristics.ts";
import { detectContent, type Detection, detectNames } from "./detect/detect.ts";
import { fileType, fileTypeGroup } from "./detect/file_type.ts";
import { ContentHashes } from "./detect/hash_list.ts";
import type { HeuristicName } from "./detect/heuristic_table.ts";
import type { HeuristicMatch } from "./detect/heuristics.ts";
import { macroHeuristics } from "./detect/macro_heuristics.ts";
import type { Modules } from "./detect/modules.ts";
import { readMessage } from "./message/read.ts";
import type { MessageReading, PartReading } from "./message/types.ts";
import { PartPaths } from "./part_paths.ts";
import type { Ambiguity, Finding, NotScannedReason, PartReport } from "./types.ts";
import { findEmbedded } from "./unpack/embedded.ts";
import { isUnopened, mayCarryArchive, unpackerFor } from "./unpack/formats.ts";
import { distinct } from "./unpack/octets.ts";
import type { Entry, UnpackContext, Unpacker } from "./unpack/unpacker.ts";

/** Something to look at. */
export interface Item {
  readonly octets: Uint8Array;
  readonly path: string;
  readonly parent?: string;
  readonly kind: PartReport["kind"];
  readonly names: readonly string[];
  readonly declaredType?: string;
  readonly reading?: string;
  readonly depth: number;
  readonly encrypted?: boolean;
  readonly notScanned?: NotScannedReason;
  /** Type by content, where the caller knows it already. */
  readonly type?: string;
}

/** How an item is to be read. */
export interface ItemReading {
  /** As mail, whatever it looks like. */
  readonly asMail?: boolean;
  /** What it looks like by content: containers are opened. */
  readonly asFile?: boolean;
}

/** A report that is still being written. */
type Draft = { -readonly [Key in keyof PartReport]: PartReport[Key] };

/** What is known of octets that were seen; their findings stand between two places of the list. */
interface Seen {
  readonly report: Draft;
  readonly from: number;
  /** Absent while still inside: octets that hold themselves. */
  to?: number;
}

/** What entries lie in. */
interface Container {
  readonly type: string;
  /** Octets. */
  readonly size: number;
  readonly path: string;
}

/** Octets in which no octet of any pattern was found. */
interface Searched {
  readonly buffer: ArrayBufferLike;
  readonly start: number;
  readonly end: number;
}

/** Whether what the content holds comes as children of the part: the MIME reader opens messages and files within text itself. */
function isReadByMime(part: PartReading, type: string): boolean {
  if (type === "uuencode" || type === "yenc" || type === "binhex") return true;
  return part.children.length > 0 && unpackerFor(type) === undefined;
}

/** One walk, for one object. */
export class Walk {
  readonly reports: PartReport[] = [];
  readonly findings: Finding[] = [];
  readonly ambiguities: Ambiguity[] = [];
  /** Names of spam patterns that were found. */
  readonly symptoms = new Set<string>();
  /** Milliseconds. */
  readonly costs = { parse: 0, unpack: 0, detect: 0 };
  /** The object itself read as mail, if it was. */
  message: MessageReading | undefined;
  readonly #budget: Budget;
  readonly #modules: Modules;
  readonly #detects: boolean;
  readonly #opening: Pick<UnpackContext, "tools" | "passwords">;
  readonly #seen = new Map<string, Seen>();
  readonly #searched: Searched[] = [];
  readonly #paths = new PartPaths();
  /** Type of each node by its path. */
  readonly #types = new Map<string, string>();

  /** @param detects False: the parts of a message are listed; nothing is looked for, nothing opened. */
  constructor(
    budget: Budget,
    modules: Modules,
    detects: boolean,
    opening: Pick<UnpackContext, "tools" | "passwords">,
  ) {
    this.#opening = opening;
    this.#budget = budget;
    this.#modules = modules;
    this.#detects = detects;
  }

  /** Looks at an item and all that is in it. */
  visit(item: Item, { asMail = false, asFile = true }: ItemReading = {}): void {
    const { octets } = item;
    if (!this.#budget.depth(item.depth) || !this.#budget.time()) return;
    const start = performance.now();
    const hashes = new ContentHashes(octets);
    const sha256 = hashes.hex();
    const known = this.#seen.get(sha256);
    const type = item.type ?? known?.report.type ?? fileType(octets);
    const report = this.#report(item, asMail ? "message" : type, sha256);
    if (known) {
      this.#repeat(known, report);
      this.costs.detect += performance.now() - start;
      return;
    }
    // what the name gave was reported above, and is this one's alone
    const seen: Seen = { report, from: this.findings.length };
    this.#seen.set(sha256, seen);
    const ranges = this.#searched.length;
    const later = this.#detects ? this.#detect(octets, report, hashes) : [];
    this.costs.detect += performance.now() - start;
    if (asMail || (asFile && type === "message")) this.#readMail(item, report);
    if (this.#detects && asFile) this.#open(item, report, type);
    this.#settle(later, report, seen.from);
    this.#searched.length = ranges;
    seen.to = this.findings.length;
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
    const { path, parent, kind, names, declaredType, reading, depth, encrypted, notScanned } = item;
    const report: Draft = {
      path,
      ...(parent === undefined ? {} : { parent }),
      kind,
      ...(reading === undefined ? {} : { reading }),
      type,
      ...(declaredType === undefined ? {} : { declaredType }),
      names,
      size: item.octets.length,
      sha256,
      depth,
      ...(encrypted ? { encrypted } : {}),
      ...(notScanned === undefined ? {} : { notScanned }),
    };
    this.reports.push(report);
    this.#types.set(path, type);
    if (this.#detects) this.#add(detectNames(names, type, encrypted ?? false), report);
    return report;
  }

  /** Octets that were seen before: what was found in them is found here too. */
  #repeat({ report, from, to = from }: Seen, here: Draft): void {
    if (report.encrypted) here.encrypted = true;
    if (report.notScanned) here.notScanned ??= report.notScanned;
    for (const finding of this.findings.slice(from, to)) {
      this.findings.push({ ...finding, part: here.path });
    }
  }

  /**
   * Looks for signatures.
   *
   * @returns What was found by pattern: reported only where no part inside says the same.
   */
  #detect(octets: Uint8Array, report: Draft, hashes: ContentHashes): readonly Detection[] {
    const start = octets.byteOffset;
    const end = start + octets.length;
    const searched = this.#searched.some((range) =>
      range.buffer === octets.buffer && range.start <= start && end <= range.end
    );
    const container = report.parent === undefined ? undefined : this.#types.get(report.parent);
    const found = detectContent(octets, report.type, hashes, this.#modules, {
      searched,
      ...(container === undefined ? {} : { container }),
    });
    if (found.exhausted) this.#notScanned(report, "time");
    if (!found.touched && !searched) this.#searched.push({ buffer: octets.buffer, start, end });
    this.#add(found.detections.filter(({ engine }) => engine === "hash"), report);
    const { type, names } = report;
    const where = container === undefined ? {} : { container };
    this.#suspect(contentHeuristics({ octets, type, names, ...where }), report.path);
    return found.detections.filter(({ engine }) => engine !== "hash");
  }

  #settle(later: readonly Detection[], report: Draft, from: number): void {
    if (later.length === 0) return;
    const inside = new Set(this.findings.slice(from).map(({ name }) => name));
    this.#add(later.filter(({ name }) => !inside.has(name)), report);
  }

  #add(detections: readonly Detection[], { path }: Draft): void {
    for (const { name, severity, engine, offset } of detections) {
      if (severity === "spam") this.symptoms.add(name);
      else {
        const place = offset === undefined ? {} : { offset };
        this.findings.push({ name, severity, part: path, engine, ...place });
      }
    }
  }

  #readMail({ octets, path, depth }: Item, report: Draft): void {
    const start = performance.now();
    const isObject = path === "" && report.kind === "root";
    const inside = isObject ? depth : depth + 1;
    // what the MIME reader left closed because it lies too deep must not begin at the same depth again
    if (!this.#budget.depth(inside)) return this.#notScanned(report, "depth");
    const message = readMessage(octets, this.#budget, inside);
    this.costs.parse += performance.now() - start;
    if (isObject) this.message = message;
    this.#keepTexts(message);
    for (const { name, part } of message.ambiguities) {
      this.ambiguities.push({ name, part: this.#below(path, part) });
    }
    this.#readPart(message.root, path, path);
  }

  /** Words of the message may be the passwords of its archives. */
  #keepTexts({ subject, parts }: MessageReading): void {
    const { passwords } = this.#opening;
    if (subject !== undefined) passwords.addText(subject);
    for (const { declaredTypes: [type = "text/plain"], contents: [content] } of parts) {
      if (content && type.startsWith("text/")) passwords.addText(content.octets);
    }
  }

  #below(base: string, part: string): string {
    return base === "" || part === "" ? base + part : `${base}/${part}`;
  }

  /**
   * @param base Path of the message that the part's own path counts in.
   * @param parent Path of the nearest node that is in the tree.
   */
  #readPart(part: PartReading, base: string, parent: string): void {
    let own = parent;
    for (const [index, { octets, reading }] of part.contents.entries()) {
      const path = this.#paths.part(base, part.path, index + 1);
      if (index === 0) own = path;
      const [declaredType] = part.declaredTypes;
      const type = fileType(octets);
      this.visit({
        octets,
        path,
        parent: index === 0 ? parent : own,
        kind: index === 0 ? "part" : "reading",
        names: part.names,
        ...(declaredType === undefined ? {} : { declaredType }),
        ...(reading === "identity" ? {} : { reading }),
        depth: part.depth,
        type,
      }, { asFile: !isReadByMime(part, type) });
    }
    if (part.kind === "message" && part.contents.length === 0) {
      // its content is its child; the names that it goes by are its own
      const { source, bodyRange: { start, end } } = part;
      const [declaredType] = part.declaredTypes;
      own = this.#paths.part(base, part.path, 1);
      this.list({
        octets: source.subarray(start, end),
        path: own,
        parent,
        kind: "part",
        names: part.names,
        ...(declaredType === undefined ? {} : { declaredType }),
        depth: part.depth,
      }, "message");
    }
    for (const child of part.children) this.#readPart(child, base, own);
  }

  #open(item: Item, report: Draft, type: string): void {
    const unpacker = unpackerFor(type);
    if (unpacker) this.#unpack(item, report, unpacker);
    else if (isUnopened(type)) this.#notScanned(report, "unsupported");
    // an archive behind or inside something else; what its own format holds was opened above
    if (!mayCarryArchive(type)) return;
    const start = performance.now();
    const group = fileTypeGroup(type);
    const isText = group === "markup" || group === "mail" || type === "text";
    const embedded = findEmbedded(item.octets, isText);
    this.costs.unpack += performance.now() - start;
    for (const { type: inner, offset } of embedded) {
      if (inner === type) continue;
      const opener = unpackerFor(inner);
      const octets = inner === "zip" ? item.octets : item.octets.subarray(offset);
      if (opener) this.#unpack({ ...item, octets }, report, opener);
      else this.#notScanned(report, "unsupported");
    }
  }

  #notScanned(report: Draft, reason: NotScannedReason): void {
    report.notScanned ??= reason;
    this.#budget.breach(reason);
  }

  /** Entries are looked at as they come, so that one at a time is in memory. */
  #unpack({ octets, path, names, depth }: Item, report: Draft, unpacker: Unpacker): void {
    const note = (reason: NotScannedReason) => this.#notScanned(report, reason);
    const suspect = (name: HeuristicName) => this.#suspect([{ name }], path);
    let total = 0;
    let index = 0;
    let start = performance.now();
    const entries = unpacker(octets, {
      budget: this.#budget,
      ...this.#opening,
      names,
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
      if (!next.value.quiet && !this.#budget.file()) return note("files");
      const container = { type: report.type, size: octets.length, path };
      this.#entry(next.value, container, depth + 1, ++index);
      total += next.value.content?.length ?? 0;
      if (!this.#budget.ratio(octets.length, total)) return note("ratio");
      if (!this.#budget.time()) return;
      start = performance.now();
    }
  }

  /** What the container says of an entry may be a finding, whether the entry can be read or not. */
  #matchEntry(
    entry: Entry,
    container: Container,
    { names, path, index }: {
      readonly names: readonly string[];
      readonly path: string;
      readonly index: number;
    },
  ): void {
    const facts = {
      container: container.type,
      containerSize: container.size,
      names,
      ...(entry.packedSize === undefined ? {} : { packedSize: entry.packedSize }),
      size: entry.content?.length ?? entry.size ?? 0,
      position: index,
      encrypted: entry.encrypted ?? false,
    };
    for (const name of this.#modules.containers.flatMap((set) => set.match(facts))) {
      this.findings.push({ name, severity: "infected", part: path, engine: "container" });
    }
  }

  /** Takes a small piece of a document out of the list again, if it was nothing but data. */
  #unlist(listed: number, found: number): void {
    const report = this.reports[listed];
    if (this.reports.length !== listed + 1 || this.findings.length !== found || !report) return;
    const group = fileTypeGroup(report.type);
    const isData = group === "media" || group === "other" || group === "markup";
    if (isData && report.notScanned === undefined) this.reports.pop();
  }

  #suspect(matches: readonly HeuristicMatch[], path: string): void {
    for (const { name, offset } of matches) {
      const place = offset === undefined ? {} : { offset };
      this.findings.push({
        name,
        severity: "suspicious",
        part: path,
        engine: "heuristic",
        ...place,
      });
    }
  }

  /** An unpacker that fails has a mistake of ours in it, or is out of memory: then this container is not scanned, the rest is. */
  #next(entries: Iterator<Entry>): IteratorResult<Entry, unknown> | "failed" {
    try {
      return entries.next();
    } catch {
      return "failed";
    }
  }

  #entry(entry: Entry, container: Container, depth: number, index: number): void {
    const { content, encrypted, notScanned } = entry;
    const names = distinct(entry.names);
    const path = this.#paths.entry(container.path, names[0], index);
    this.#matchEntry(entry, container, { names, path, index });
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
      const found = this.findings.length;
      this.visit({ ...item, octets: content }, { asFile: !entry.isText });
      if (entry.macro) this.#suspect(macroHeuristics(content), item.path);
      if (entry.quiet) this.#unlist(listed, found);
      return;
    }
    const report: Draft = { ...item, type: "binary", size: entry.size ?? 0, sha256: "" };
    this.reports.push(report);
    this.#add(detectNames(names, report.type, encrypted ?? false), report);
  }
}
