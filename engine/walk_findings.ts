/** What a walk found, in the order found. */
import type { Detection } from "./detect/detect.ts";
import type { HeuristicMatch } from "./detect/heuristics.ts";
import type { Finding, PartReport } from "./types.ts";

/** The findings of one walk. */
export class Found {
  readonly findings: Finding[] = [];
  /** Names of spam patterns that were found. */
  readonly symptoms = new Set<string>();

  /** How many there are: places in the list are what callers remember. */
  get count(): number {
    return this.findings.length;
  }

  /** Detections in a part; those of spam are symptoms. */
  add(detections: readonly Detection[], { path }: Pick<PartReport, "path">): void {
    for (const { name, severity, engine, offset } of detections) {
      if (severity === "spam") this.symptoms.add(name);
      else {
        const place = offset === undefined ? {} : { offset };
        this.findings.push({ name, severity, part: path, engine, ...place });
      }
    }
  }

  /** Heuristics that matched in the part at a path. */
  suspect(matches: readonly HeuristicMatch[], path: string): void {
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

  /** What a container says of an entry, whether it can be read or not. */
  addContained(names: readonly string[], path: string): void {
    for (const name of names) {
      this.findings.push({ name, severity: "infected", part: path, engine: "container" });
    }
  }

  /** Detections that are reported only where nothing found since `from` says the same. */
  settle(later: readonly Detection[], report: Pick<PartReport, "path">, from: number): void {
    if (later.length === 0) return;
    const inside = new Set(this.findings.slice(from).map(({ name }) => name));
    this.add(later.filter(({ name }) => !inside.has(name)), report);
  }

  /** What was found another time in the same part, at its places of now. */
  again(
    findings: readonly Finding[],
    paths: ReadonlyMap<string, string>,
    symptoms: readonly string[],
  ): void {
    for (const finding of findings) {
      this.findings.push({ ...finding, part: paths.get(finding.part) ?? finding.part });
    }
    for (const symptom of symptoms) this.symptoms.add(symptom);
  }

  /** What was found in the same octets elsewhere, between two places of the list; nothing where they are still looked at. */
  repeat(from: number, to: number | undefined, part: string): void {
    for (const finding of this.findings.slice(from, to ?? from)) {
      this.findings.push({ ...finding, part });
    }
  }

  /** The worst of what was found since `from`, in each of these parts, too. */
  repeatWorst(from: number, parts: readonly string[]): void {
    const found = this.findings.slice(from);
    const worst = found.find(({ severity }) => severity === "infected") ?? found[0];
    if (worst) { for (const part of parts) this.findings.push({ ...worst, part }); }
  }
}
