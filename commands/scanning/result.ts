/** What `postern scan` says of one file. */
import type { EngineReport, NotScannedReason, Verdict } from "../../engine/types.ts";

/** The word for a file, worst first. */
export const FILE_STATUSES = ["infected", "suspicious", "spam", "notScanned", "clean"] as const;
/** One of {@link FILE_STATUSES}. */
export type FileStatus = (typeof FILE_STATUSES)[number];

/** Why a file was not scanned: the engine's reasons, and that it could not be read. */
export type FileReason = NotScannedReason | "unreadable";

/** One line of `--format json`, field for field. */
export interface FileResult {
  /** As given or found: `-` is stdin. */
  readonly file: string;
  readonly status: FileStatus;
  readonly findings: readonly {
    readonly name: string;
    readonly part: string;
    readonly engine: string;
  }[];
  /** Absent where it was not looked at as mail or spam checks were off. */
  readonly spam?: { readonly score: number };
  /** The most telling reason; also beside another status where only a part could not be scanned. */
  readonly notScanned?: FileReason;
  /** What external engines said; absent where none was asked. */
  readonly engines?: readonly EngineReport[];
  /** Milliseconds from reading to verdict. */
  readonly ms: number;
}

/** Exit statuses of `postern scan`; 1 is for usage and internal errors. */
const EXIT_OF: Readonly<Record<FileStatus, number>> = {
  infected: 2,
  suspicious: 3,
  spam: 3,
  notScanned: 4,
  clean: 0,
};

/** Makes a result of a verdict; a spam score of `spamThreshold` points or more is spam. */
export function fileResult(
  file: string,
  verdict: Verdict,
  spamThreshold: number,
  ms: number,
): FileResult {
  const spam = verdict.spam !== undefined && verdict.spam.score >= spamThreshold;
  const worse = verdict.status === "infected" || verdict.status === "suspicious";
  const [reason] = verdict.notScanned;
  return {
    file,
    status: spam && !worse ? "spam" : verdict.status,
    findings: verdict.findings.map(({ name, part, engine }) => ({ name, part, engine })),
    ...(verdict.spam === undefined ? {} : { spam: { score: verdict.spam.score } }),
    ...(reason === undefined ? {} : { notScanned: reason }),
    ...(verdict.engines === undefined ? {} : { engines: verdict.engines }),
    ms: Math.round(ms * 10) / 10,
  };
}

/** Makes the result of a file that no scanner saw. */
export function notScannedResult(file: string, reason: FileReason, ms: number): FileResult {
  return {
    file,
    status: "notScanned",
    findings: [],
    notScanned: reason,
    ms: Math.round(ms * 10) / 10,
  };
}

/** Counts the results of a run as they come. */
export class Tally {
  readonly counts: Record<FileStatus, number> = {
    infected: 0,
    suspicious: 0,
    spam: 0,
    notScanned: 0,
    clean: 0,
  };

  add(result: FileResult): void {
    this.counts[result.status]++;
  }

  get files(): number {
    return FILE_STATUSES.reduce((sum, status) => sum + this.counts[status], 0);
  }

  /** 2, 3, 4 or 0: the first of these that any file had. */
  get exitStatus(): number {
    const worst = FILE_STATUSES.find((status) => this.counts[status] > 0) ?? "clean";
    return EXIT_OF[worst];
  }
}
