/** What is to be taken out of a message, from what was found in it. */
import { fileTypeGroup } from "../detect/file_type.ts";
import type { Finding, PartReport, Verdict } from "../types.ts";

/** Types by content of archives that can be written anew without an entry. */
export const REBUILDABLE_TYPES = ["zip", "tar", "gzip"] as const;

/** Whether archives of this type can be written anew. */
export function isRebuildable(type: string): boolean {
  return (REBUILDABLE_TYPES as readonly string[]).includes(type);
}

/** One MIME part, and what was found in it. */
export interface PlannedRemoval {
  /** MIME path: of {@link PartReport.path} what stands before the first entry, without the number of a reading. */
  readonly part: string;
  readonly report: PartReport | undefined;
  readonly findings: readonly Finding[];
  /** SHA-256 of entries that go; absent where the part goes whole. */
  readonly entries?: readonly string[];
}

/** How much is lost with what goes: `entries` as little as can be, `parts` whole attachments. */
export type Grain = "entries" | "parts";

/** MIME path of the part that an object came in. */
export function mimePath(path: string): string {
  const slash = path.indexOf("/");
  return (slash < 0 ? path : path.slice(0, slash)).replace(/#\d+$/, "").replace(/~\d+$/, "");
}

/**
 * Plans the removal.
 *
 * @param wanted Findings of the verdict that are to be gone afterwards.
 * @returns `whole` where nothing of what was sent would be left; undefined where something cannot be taken out with that grain: it is
 * in an archive that cannot be written anew and that holds other things, too.
 */
export function planRemovals(
  verdict: Verdict,
  wanted: readonly Finding[],
  grain: Grain,
): { readonly removals: readonly PlannedRemoval[]; readonly whole: boolean } | undefined {
  const tree = new Tree(verdict.parts, wanted);
  const plans = new Map<string, { findings: Finding[]; entries: Set<string> | undefined }>();
  for (const finding of wanted) {
    const part = mimePath(finding.part);
    const entry = grain === "parts" ? "whole" : tree.smallest(finding.part);
    if (entry === undefined) return undefined;
    let plan = plans.get(part);
    if (plan === undefined) plans.set(part, plan = { findings: [], entries: new Set() });
    plan.findings.push(finding);
    if (entry === "whole") plan.entries = undefined;
    else plan.entries?.add(entry);
  }
  const removals = [...plans].map(([part, { findings, entries }]): PlannedRemoval => ({
    part,
    report: tree.report(part === "" ? "~1" : part),
    findings,
    ...(entries === undefined ? {} : { entries: [...entries] }),
  }));
  const gone = removals.filter(({ entries }) => entries === undefined).map(({ part }) => part);
  return { removals, whole: nothingLeft(verdict.parts, gone) };
}

/** Whether no leaf of the MIME tree would stay. */
export function nothingLeft(parts: readonly PartReport[], gone: readonly string[]): boolean {
  if (gone.includes("")) return true;
  const mime = parts.filter((part) => part.kind === "part" && !part.path.includes("/"));
  const parents = new Set(mime.map((part) => part.parent));
  const leaves = mime.filter((part) => !parents.has(part.path));
  return leaves.length > 0 &&
    leaves.every(({ path }) =>
      gone.some((one) => mimePath(path) === one || path.startsWith(`${one}.`))
    );
}

/** Groups whose objects are one thing, whatever lies in them: a document with its macros, a page with its scripts, a program. */
const WHOLE_GROUPS: ReadonlySet<string> = new Set([
  "document",
  "markup",
  "executable",
  "script",
  "media",
]);

/** Whether what lies in it are things of their own, of which one may go without the others. */
function isCollection(type: string): boolean {
  return !WHOLE_GROUPS.has(fileTypeGroup(type)) && type !== "jar" && type !== "apk" &&
    type !== "crx";
}

class Tree {
  readonly #reports: ReadonlyMap<string, PartReport>;
  readonly #children = new Map<string, PartReport[]>();
  readonly #bad: ReadonlySet<string>;

  constructor(parts: readonly PartReport[], wanted: readonly Finding[]) {
    this.#reports = new Map(parts.map((part) => [part.path, part]));
    this.#bad = new Set(wanted.map((finding) => finding.part));
    for (const part of parts) {
      if (part.parent === undefined) continue;
      const siblings = this.#children.get(part.parent);
      if (siblings) siblings.push(part);
      else this.#children.set(part.parent, [part]);
    }
  }

  report(path: string): PartReport | undefined {
    return this.#reports.get(path);
  }

  /** SHA-256 of the entry that goes with what was found at this path, or that the part goes whole. */
  smallest(path: string): string | "whole" | undefined {
    const chain = this.#chain(path);
    let unit = 0;
    while (
      unit + 1 < chain.length && isRebuildable(chain[unit]!.type) &&
      chain[unit + 1]!.kind === "entry"
    ) unit++;
    // A compressed file goes with its content, an archive with the last of its entries.
    while (unit > 0 && this.#allBad(chain[unit - 1]!)) unit--;
    const here = chain[unit];
    if (here === undefined) return "whole";
    const deeper = unit + 1 < chain.length;
    if (deeper && isCollection(here.type) && !this.#allBad(here)) return undefined;
    if (unit === 0) return "whole";
    return here.sha256 === "" ? undefined : here.sha256;
  }

  /** From the MIME part down to the path. */
  #chain(path: string): PartReport[] {
    const chain: PartReport[] = [];
    let report = this.#reports.get(path);
    while (report !== undefined) {
      chain.unshift(report);
      if (!report.path.includes("/") || report.parent === undefined) break;
      report = this.#reports.get(report.parent);
    }
    return chain;
  }

  /** Whether something was found in every file that an object holds. */
  #allBad(report: PartReport): boolean {
    const open = this.#entries(report);
    if (open.length === 0) return false;
    for (let one = open.pop(); one !== undefined; one = open.pop()) {
      if (this.#bad.has(one.path)) continue;
      const inside = this.#entries(one);
      if (inside.length === 0) return false;
      open.push(...inside);
    }
    return true;
  }

  #entries({ path }: PartReport): PartReport[] {
    return this.#children.get(path)?.filter(({ kind }) => kind === "entry") ?? [];
  }
}
