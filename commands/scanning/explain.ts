/** `postern scan --explain`: everything that the scan of one file saw, as a person reads it. */
import { AMBIGUITIES } from "../../engine/message/ambiguities.ts";
import type { Finding, PartReport, ScanLimits, Verdict } from "../../engine/types.ts";
import { visible } from "../output.ts";

/** Share of a limit from which on it is worth a word. */
const NEAR = 0.5;
/** Characters of a name or type that are shown. */
const MAX_SHOWN = 120;

/**
 * Tells what was seen: each part and each reading of it with type, size, hash, names and findings; the ambiguities with what they
 * mean; what it cost; which limits were near.
 *
 * @param limits Of that scan.
 * @returns Lines, with their line ends.
 */
export function explain(file: string, verdict: Verdict, limits: ScanLimits): string {
  const lines = [
    `${file}: ${STATUS[verdict.status]}, ${octets(verdict.size)}`,
    ...tree(verdict),
    ...ambiguities(verdict),
    ...spam(verdict),
    ...unscanned(verdict),
    ...engines(verdict),
    ...cost(verdict),
    ...usage(verdict, limits),
  ];
  return lines.map((line) => `${visible(line)}\n`).join("");
}

const STATUS = {
  infected: "infected",
  suspicious: "suspicious",
  notScanned: "not scanned",
  clean: "clean",
} as const;

function tree({ parts, findings }: Verdict): string[] {
  const children = new Map<string, PartReport[]>();
  const found = new Map<string, Finding[]>();
  for (const part of parts) {
    if (part.parent === undefined) continue;
    const siblings = children.get(part.parent);
    if (siblings) siblings.push(part);
    else children.set(part.parent, [part]);
  }
  for (const finding of findings) {
    const there = found.get(finding.part);
    if (there) there.push(finding);
    else found.set(finding.part, [finding]);
  }
  const lines: string[] = [];
  const open: { part: PartReport; front: string; branch: string }[] = [];
  const push = (below: readonly PartReport[], front: string) => {
    for (let i = below.length - 1; i >= 0; i--) {
      const last = i === below.length - 1;
      open.push({
        part: below[i]!,
        branch: `${front}${last ? "└─ " : "├─ "}`,
        front: `${front}${last ? "   " : "│  "}`,
      });
    }
  };
  const roots = parts.filter((part) => part.parent === undefined);
  for (const root of roots) {
    open.push({ part: root, branch: "", front: "" });
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      const { part, branch, front } = next;
      const below = children.get(part.path) ?? [];
      const inner = `${front}${below.length > 0 ? "│  " : "   "}`;
      lines.push(`${branch}${title(part)}`);
      for (const detail of details(part, found.get(part.path) ?? [])) {
        lines.push(`${inner}  ${detail}`);
      }
      push(below, front);
    }
  }
  return lines;
}

function title(part: PartReport): string {
  const what = part.kind === "root"
    ? "the whole"
    : part.kind === "reading"
    ? `${place(part)} read otherwise`
    : place(part);
  const type = part.declaredType !== undefined && part.declaredType !== part.type
    ? `${part.type} (says ${cut(part.declaredType)})`
    : part.type;
  const by = part.reading === undefined ? "" : `, by ${part.reading}`;
  return `${what}: ${type}, ${octets(part.size)}${by}`;
}

/** The last step of the path: what tells a part from its siblings. */
function place({ path, parent, kind }: PartReport): string {
  if (kind !== "entry" || parent === undefined || !path.startsWith(`${parent}/`)) return cut(path);
  return cut(path.slice(parent.length + 1));
}

function details(part: PartReport, findings: readonly Finding[]): string[] {
  const lines: string[] = [];
  if (part.names.length > 0) {
    lines.push(`names: ${part.names.map((name) => JSON.stringify(cut(name))).join(", ")}`);
  }
  if (part.sha256 !== "") lines.push(`sha256: ${part.sha256}`);
  if (part.encrypted) lines.push("encrypted");
  if (part.macro) lines.push("holds macros");
  if (part.notScanned !== undefined) lines.push(`not scanned: ${part.notScanned}`);
  for (const { name, severity, engine, offset } of findings) {
    const at = offset === undefined ? "" : ` at octet ${offset}`;
    lines.push(`${severity.toUpperCase()}: ${name}, found by ${engine}${at}`);
  }
  return lines;
}

function engines({ engines }: Verdict): string[] {
  if (engines === undefined) return [];
  return [
    "",
    "External engines:",
    ...engines.map(({ name, status, reason, ms }) =>
      `  ${name}: ${STATUS[status]}${reason === undefined ? "" : ` (${reason})`}, ${
        Math.round(ms)
      } ms`
    ),
  ];
}

function ambiguities({ ambiguities }: Verdict): string[] {
  if (ambiguities.length === 0) return [];
  const sentences: Readonly<Record<string, string>> = AMBIGUITIES;
  return [
    "",
    "Mail programs read it differently:",
    ...ambiguities.flatMap(({ name, part }) => [
      `  ${name} in ${part === "" ? "the message" : `part ${cut(part)}`}`,
      `    ${sentences[name] ?? ""}`,
    ]),
  ];
}

function spam({ spam }: Verdict): string[] {
  if (spam === undefined) return [];
  return [
    "",
    `Spam: ${spam.score} points`,
    ...spam.symptoms.map(({ name, points }) => `  ${name}: ${points}`),
  ];
}

function unscanned({ notScanned }: Verdict): string[] {
  return notScanned.length === 0 ? [] : ["", `Not looked at whole: ${notScanned.join(", ")}`];
}

function cost({ costs }: Verdict): string[] {
  const steps = Object.entries(costs).map(([step, ms]) => `${step} ${ms.toFixed(1)} ms`);
  return steps.length === 0 ? [] : ["", `Cost: ${steps.join(", ")}`];
}

/** What was used of each limit; those of which half or more was used come with a mark. */
function usage({ usage, size }: Verdict, limits: ScanLimits): string[] {
  if (usage === undefined) return [];
  const rows: [string, number, number, (value: number) => string][] = [
    ["size", size, limits.messageOctets, octets],
    ["nesting", usage.depth, limits.depth, String],
    ["parts and entries", usage.files, limits.files, String],
    ["unpacked", usage.octets, limits.octets, octets],
    ["time", Math.round(usage.timeMs), limits.timeMs, (ms) => `${ms} ms`],
  ];
  return [
    "Limits:",
    ...rows.map(([name, used, limit, shown]) => {
      const share = limit > 0 ? used / limit : 1;
      const word = share > 1 ? "  OVER" : share >= NEAR ? "  NEAR" : "";
      return `  ${name}: ${shown(used)} of ${shown(limit)}${word}`;
    }),
  ];
}

function octets(count: number): string {
  if (count < 10_000) return `${count} octets`;
  if (count < 10_000_000) return `${Math.round(count / 1000)} kB`;
  return `${Math.round(count / 1_000_000)} MB`;
}

function cut(text: string): string {
  const characters = [...text];
  return characters.length <= MAX_SHOWN ? text : `${characters.slice(0, MAX_SHOWN).join("")}...`;
}
