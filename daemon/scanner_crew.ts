/** Who keeps the scanners of a pool running: starts, lends, takes back, replaces; one more than may be busy, so one is warm. */
import type { PoolReport } from "./pool_options.ts";
import type { KernelRefusal } from "../engine/scanner/landlock.ts";
import { residentOctets } from "./confine.ts";
import { ScannerDeath, ScannerProcess, type ScannerProcessOptions } from "./scanner_process.ts";

/** Shown by `postern status`. */
export interface ScannerStatus {
  readonly pid: number;
  readonly state: "idle" | "busy";
  readonly scans: number;
  /** Milliseconds since 1970. */
  readonly since: number;
  /** Resident, octets; absent where the system does not say. */
  readonly memory?: number;
}

/** How a crew is made. */
export interface ScannerCrewOptions {
  /** Scanners that may be busy at once. */
  readonly size: number;
  /** Whether one more is kept. */
  readonly spare: boolean;
  readonly scansPerProcess: number;
  readonly busyMsPerProcess: number;
  /** Resident memory after a scan from which on a scanner is replaced, octets. */
  readonly residentOctets: number;
  readonly process: ScannerProcessOptions;
  readonly report: PoolReport;
  /** Called when a scanner may be taken. */
  readonly onFree: () => void;
}

/** Wait before a start after the n-th failure in a row, ms. */
const BACK_OFF_MS = [0, 0, 100, 200, 500, 1000, 2000, 5000, 10_000, 30_000] as const;
/** How often the memory of an idle scanner is looked at: every so many scans. */
const WEIGH_EVERY = 64;

/** The processes of a pool. */
export class ScannerCrew {
  readonly #options: ScannerCrewOptions;
  /** Last in, first out: the warmest is taken, and the spare stays untouched. */
  readonly #idle: ScannerProcess[] = [];
  readonly #busy = new Set<ScannerProcess>();
  readonly #ready = Promise.withResolvers<void>();
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  readonly #end = new AbortController();
  #starting = 0;
  /** Deaths since the last scan that went well. */
  #failures = 0;
  #started = false;
  #refused: readonly KernelRefusal[] = [];
  #closed = false;
  #starts: Promise<void>[] = [];

  constructor(options: ScannerCrewOptions) {
    this.#options = options;
    this.#ready.promise.catch(() => {});
    this.#fill();
  }

  /** Resolves when a scanner is there; rejects where the first ones die at their start. */
  firstReady(): Promise<void> {
    return this.#ready.promise;
  }

  /** A free scanner; `undefined` where as many are busy as may be, or none is ready. */
  take(): ScannerProcess | undefined {
    if (this.#busy.size >= this.#options.size) return undefined;
    const scanner = this.#idle.pop();
    if (scanner) this.#busy.add(scanner);
    return scanner;
  }

  /** Takes a scanner back that answered well. */
  release(scanner: ScannerProcess): void {
    if (!this.#busy.delete(scanner)) return;
    this.#failures = 0;
    if (this.#worn(scanner)) {
      scanner.retire();
      this.#options.report("info", "A scanner is replaced after long use", {
        pid: scanner.pid,
        scans: scanner.scans,
      });
    } else {
      this.#idle.push(scanner);
    }
    this.#options.onFree();
  }

  /** Those that scan now. */
  busy(): Iterable<ScannerProcess> {
    return this.#busy;
  }

  /** What the kernel refuses the scanners. */
  get refused(): readonly KernelRefusal[] {
    return this.#refused;
  }

  status(): ScannerStatus[] {
    const row = (scanner: ScannerProcess, state: "idle" | "busy"): ScannerStatus => {
      const memory = residentOctets(scanner.pid);
      return {
        pid: scanner.pid,
        state,
        scans: scanner.scans,
        since: scanner.startedAt,
        ...(memory === undefined ? {} : { memory }),
      };
    };
    return [
      ...[...this.#busy].map((scanner) => row(scanner, "busy")),
      ...this.#idle.map((scanner) => row(scanner, "idle")),
    ];
  }

  /** Kills all of them; resolves when they are gone. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#end.abort(); // who is only starting has nothing to end well
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    const all = [...this.#busy, ...this.#idle];
    for (const scanner of all) scanner.kill("cancelled");
    await Promise.all(all.map((scanner) => scanner.ended));
    await Promise.all(this.#starts);
  }

  #worn(scanner: ScannerProcess): boolean {
    if (scanner.scans >= this.#options.scansPerProcess) return true;
    if (scanner.busyMs >= this.#options.busyMsPerProcess) return true;
    if (scanner.scans % WEIGH_EVERY !== 0) return false;
    return (residentOctets(scanner.pid) ?? 0) > this.#options.residentOctets;
  }

  /** How many there are to be. */
  get #wanted(): number {
    return this.#options.size + (this.#options.spare ? 1 : 0);
  }

  /** Starts what is missing: the first alone, which is ready sooner when no other takes its time. */
  #fill(): void {
    const wanted = this.#started ? this.#wanted : 1;
    const missing = wanted - this.#idle.length - this.#busy.size - this.#starting;
    for (let i = 0; i < missing; i++) {
      this.#starting++;
      const delay = BACK_OFF_MS[Math.min(this.#failures, BACK_OFF_MS.length - 1)] ?? 0;
      if (delay === 0) {
        this.#startOne();
        continue;
      }
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        this.#startOne();
      }, delay);
      this.#timers.add(timer);
    }
  }

  #startOne(): void {
    const start = this.#start().finally(() => {
      this.#starts = this.#starts.filter((one) => one !== start);
    });
    this.#starts.push(start);
  }

  async #start(): Promise<void> {
    try {
      const scanner = await ScannerProcess.start(this.#options.process, this.#end.signal);
      this.#starting--;
      if (this.#closed) {
        scanner.kill("cancelled");
        await scanner.ended;
        return;
      }
      if (scanner.kept.length > 0 && !this.#started) {
        // Where the kernel refuses files, what an older runtime keeps (read, write) is worth nothing.
        const level = scanner.refused.includes("files") ? "info" : "warning";
        this.#options.report(level, "Scanners cannot give up every permission of the runtime", {
          kept: scanner.kept.join(" "),
          kernelRefuses: scanner.refused.join(" ") || "nothing",
        });
      }
      if (!scanner.bounded && !this.#started) {
        this.#options.report("warning", "The system does not bound the memory of scanners", {
          reason: "prlimit is not installed; the pool watches their memory instead",
        });
      }
      const isFirst = !this.#started;
      this.#started = true;
      this.#refused = scanner.refused;
      void this.#mourn(scanner);
      this.#idle.unshift(scanner);
      this.#ready.resolve();
      this.#options.onFree();
      if (isFirst) this.#fill();
    } catch (error) {
      this.#starting--;
      this.#failures++;
      if (this.#closed) return;
      const words = error instanceof Error ? error.message : String(error);
      this.#options.report("error", "A scanner could not be started", {
        detail: words.slice(0, 500),
      });
      // The pool never came up: it says so, and does not try for ever.
      if (!this.#started && this.#failures > this.#options.size) return this.#ready.reject(error);
      this.#fill();
    }
  }

  /** Waits for a scanner's end, and replaces it. */
  async #mourn(scanner: ScannerProcess): Promise<void> {
    const death: ScannerDeath = await scanner.ended;
    const wasBusy = this.#busy.delete(scanner);
    const at = this.#idle.indexOf(scanner);
    if (at >= 0) this.#idle.splice(at, 1);
    if (this.#closed) return;
    if (wasBusy || at >= 0) {
      if (death.end !== "cancelled") this.#failures++;
      this.#options.report("warning", "A scanner ended and is replaced", {
        pid: scanner.pid,
        reason: death.end,
        scanning: wasBusy,
      });
    }
    this.#fill();
    this.#options.onFree();
  }
}
