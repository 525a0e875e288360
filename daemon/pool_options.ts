/** How a scanner pool is started, and what it says of itself. */
import type { PoisonKeeper } from "./poison.ts";
import type { ScanCacheLimits } from "./scan_cache.ts";
import type { ScannerStatus } from "./scanner_crew.ts";
import type { SignatureSet } from "./signatures.ts";

/** What the pool tells the log. */
export type PoolReport = (
  level: "info" | "warning" | "error",
  message: string,
  fields: Readonly<Record<string, string | number | boolean>>,
) => void;

/** How a pool is started; everything has a default. */
export interface ScannerPoolOptions {
  /** Scans at once; default: number of cores. */
  readonly processes?: number;
  /** Whether one more process is kept warm, for when one ends; default: true. */
  readonly spare?: boolean;
  /** Data segment of one scanner, octets; default 1 GiB. */
  readonly memoryOctets?: number;
  /** Scans that may wait; default 1000. */
  readonly queue?: number;
  /** Longest wait for a free scanner, ms; default 30 s. */
  readonly queueTimeMs?: number;
  /** How long a message that killed a scanner is remembered, ms; default a day. */
  readonly poisonMemoryMs?: number;
  /** Where that is kept over a restart; default: nowhere. */
  readonly poison?: PoisonKeeper;
  /** What a scanner gets beyond its own time limit before it is killed, ms; default 1 s. */
  readonly graceMs?: number;
  /** Time limit of a rewrite, ms; default 30 s. */
  readonly rewriteTimeMs?: number;
  /** Scans after which a scanner is replaced by a fresh one, which takes thousands to be as fast; default 200,000. */
  readonly scansPerProcess?: number;
  /** User that scanners run as, where this process is root; default `postern`, else `nobody`. */
  readonly user?: string;
  /** Signature modules that every scanner loads; default: what is built in alone. */
  readonly signatures?: SignatureSet;
  /** Bounds of the cache of verdicts; default: some thousand verdicts for an hour. */
  readonly cache?: ScanCacheLimits;
  /** Scanning worker instead of the product's; tests only, and only from the source tree. */
  readonly worker?: URL;
  readonly report?: PoolReport;
}

/** What `postern status` shows of the pool. */
export interface PoolStatus {
  readonly processes: readonly ScannerStatus[];
  readonly waiting: number;
  readonly counters: Readonly<Record<string, number>>;
  /** User that the scanners run as, where it is not this process's own. */
  readonly user?: string;
  /** Hashes of messages that killed scanners. */
  readonly poison: number;
  /** What the kernel refuses scanners, besides the runtime: `files`, `tcp`, `signals`. */
  readonly kernelRefuses: readonly string[];
}
