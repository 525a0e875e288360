/**
 * The scanner pool: every octet of mail is read in one of these processes, one object at a time, and what goes wrong there ends
 * there. A scan is answered whatever happens; a scanner past its time or memory is killed, a warm spare stands in for it, and a
 * new one is started.
 */
import { quickParse } from "../agents/quick_check.ts";
import type { ScannerText } from "../agents/worker_host.ts";
import { PosternError } from "../errors.ts";
import type {
  NotScannedReason,
  RewriteRequest,
  RewriteResult,
  ScanSettings,
  Verdict,
} from "../engine/types.ts";
import { MAX_OBJECT_OCTETS } from "../engine/scanner/limits.ts";
import type { ScannerRequest } from "../engine/scanner/protocol.ts";
import { type Confinement, residentOctets, systemTool, type User } from "./confine.ts";
import { FROM_SOURCE, workerUrl } from "./entries.ts";
import { PoisonMemory } from "./poison.ts";
import type { PoolStatus, ScannerPoolOptions } from "./pool_options.ts";
import { ScannerCrew } from "./scanner_crew.ts";
import { ScannerDeath, type ScannerEnd, type ScannerProcess } from "./scanner_process.ts";
import { unprivilegedUser } from "./unprivileged.ts";
import { ScanCache } from "./scan_cache.ts";
import { checkModuleFiles, moduleFiles } from "./signatures.ts";
import { socketDirectory } from "./socket_directory.ts";
import { sha256, unscanned } from "./unscanned.ts";
import { answerSchema } from "./verdict_schema.ts";

export type { PoolReport, PoolStatus, ScannerPoolOptions } from "./pool_options.ts";

/** CPU time of a scanner's whole life, s; one is replaced when it has been busy for half of it. */
const CPU_SECONDS = 7200;
/** Longest time limit that the settings may ask for, ms: the CPU limit must not be what ends a scan. */
const MAX_TIME_MS = CPU_SECONDS * 250;
/** What a scanner's own resident memory may be above the data limit: what it has when it is ready, octets. */
const PROGRAM_OCTETS = 256 * 2 ** 20;
/** How often the time of busy scanners is looked at, ms; and the memory, every so many looks. */
const WATCH_MS = 50;
const WATCH_MEMORY = 4;
/** How long a scan may go on that nobody waits for any more, ms. */
const ABANDONED_MS = 500;

/** A scan or rewrite that waits for a scanner. */
interface Waiter {
  readonly resolve: (scanner: ScannerProcess) => void;
  readonly reject: (reason: "busy" | "cancelled") => void;
}

/** Where a request stands when there is no verdict of the engine. */
class NoAnswer extends Error {
  constructor(
    readonly reason: NotScannedReason,
    readonly queueMs: number,
    detail: string,
  ) {
    super(detail);
  }
}

/** N scanners and a spare. */
export class ScannerPool {
  readonly #crew: ScannerCrew;
  readonly #poison: PoisonMemory;
  readonly #cache: ScanCache;
  readonly #waiting: Waiter[] = [];
  readonly #options: ScannerPoolOptions;
  readonly #queue: number;
  readonly #queueTimeMs: number;
  readonly #directory: string;
  readonly #user: User | undefined;
  readonly #watch: ReturnType<typeof setInterval>;
  #looks = 0;
  readonly #memoryOctets: number;
  readonly #counters: Record<string, number> = {};
  #closed = false;
  /** Requests that have no answer yet. */
  #open = 0;
  #onIdle: (() => void) | undefined;

  private constructor(
    options: ScannerPoolOptions,
    directory: string,
    user: User | undefined,
    poison: PoisonMemory,
  ) {
    this.#options = options;
    this.#cache = new ScanCache(options.cache);
    this.#directory = directory;
    this.#user = user;
    this.#poison = poison;
    this.#queue = options.queue ?? 1000;
    this.#queueTimeMs = options.queueTimeMs ?? 30_000;
    this.#memoryOctets = options.memoryOctets ?? 2 ** 30;
    const bounds: Confinement = {
      cpuSeconds: CPU_SECONDS,
      parentDeathSignal: "KILL",
      ...(user ? { user } : {}),
    };
    this.#crew = new ScannerCrew({
      size: options.processes ?? navigator.hardwareConcurrency,
      spare: options.spare ?? true,
      scansPerProcess: options.scansPerProcess ?? 200_000,
      busyMsPerProcess: CPU_SECONDS * 500,
      residentOctets: this.#memoryOctets * 0.75 + PROGRAM_OCTETS,
      process: {
        directory,
        worker: options.worker ?? workerUrl("scan_worker"),
        modules: moduleFiles(options.signatures),
        bounds,
        memoryOctets: this.#memoryOctets,
        startMs: 30_000,
      },
      report: (level, message, fields) => options.report?.(level, message, fields),
      onFree: () => this.#serveNext(),
    });
    this.#watch = setInterval(() => this.#watchBusy(), WATCH_MS);
  }

  /**
   * Starts the scanners; resolves when the first is ready, the others follow.
   *
   * @throws {PosternError} `"scan/failed"` where none can be started, with the process's last words.
   */
  static async start(options: ScannerPoolOptions = {}): Promise<ScannerPool> {
    if (options.worker && !FROM_SOURCE) {
      throw new PosternError("scan/failed", "Only the source tree can scan with a fixture");
    }
    const user = unprivilegedUser(options.user, ({ name }, path) => {
      options.report?.("warning", "Scanners keep root's user id, without its capabilities", {
        reason: `${name} cannot read ${path}`,
      });
    });
    if (!systemTool("setpriv")) {
      options.report?.("warning", "Scanners are not confined by the system", {
        reason: "setpriv is not installed",
        ...(Deno.uid() === 0 ? { user: "root, with every capability" } : {}),
      });
    }
    const directory = await socketDirectory();
    if (user) await Deno.chown(directory, user.uid, user.gid);
    const poison = new PoisonMemory(options.poisonMemoryMs ?? 86_400_000, options.poison);
    await poison.load();
    const pool = new ScannerPool(options, directory, user, poison);
    try {
      await Promise.all([pool.#crew.firstReady(), checkModuleFiles(options.signatures)]);
      return pool;
    } catch (cause) {
      await pool.close();
      const words = cause instanceof Error ? cause.message : String(cause);
      throw new PosternError("scan/failed", `Cannot start a scanner: ${words}`, { cause });
    }
  }

  /**
   * Scans one object. The octets are not changed, copied or kept.
   *
   * @param signal Aborted when nobody waits for the verdict any more.
   * @returns the engine's verdict, or one that says why there is none. Never rejects for what the object is.
   */
  async scan(octets: Uint8Array, settings: ScanSettings, signal?: AbortSignal): Promise<Verdict> {
    const { verdict, queueMs } = await this.#scan(octets, settings, signal);
    if (queueMs === undefined) return verdict;
    return { ...verdict, costs: { ...verdict.costs, queue: queueMs } };
  }

  /** As {@link ScannerPool.scan}; a scanner's verdict in the JSON that it wrote, for those who would only hand it on. */
  async scanText(
    octets: Uint8Array,
    settings: ScanSettings,
    signal?: AbortSignal,
  ): Promise<Verdict | ScannerText> {
    const { verdict, queueMs, text } = await this.#scan(octets, settings, signal);
    if (queueMs === undefined) return verdict;
    if (text !== undefined) return { text, queueMs };
    return { ...verdict, costs: { ...verdict.costs, queue: queueMs } };
  }

  /** @returns the scanner's verdict and how long it was waited for, or one that says why there is none. */
  async #scan(
    octets: Uint8Array,
    settings: ScanSettings,
    signal: AbortSignal | undefined,
  ): Promise<{ verdict: Verdict; queueMs?: number; text?: string | undefined }> {
    const began = performance.now();
    this.#count("scans");
    try {
      if (octets.length > MAX_OBJECT_OCTETS) throw new NoAnswer("size", 0, "larger than a frame");
      const timeMs = Math.min(settings.limits.timeMs, MAX_TIME_MS);
      const head = scanHead(settings);
      const key = this.#cache.key(octets, head);
      const known = key === undefined ? undefined : this.#cache.get(key);
      if (known) {
        this.#count("cached");
        return { verdict: { ...known, costs: { total: performance.now() - began, queue: 0 } } };
      }
      const { answer, queueMs, text } = await this.#request(
        head,
        octets,
        timeMs,
        signal,
      );
      if (answer.ok !== "scan") throw new NoAnswer("crashed", queueMs, "no verdict");
      if (key !== undefined && text !== undefined) this.#cache.set(key, answer.verdict, text);
      return { verdict: answer.verdict, queueMs, text };
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      this.#count(`notScanned.${error.reason}`);
      const verdict = unscanned(octets, error.reason, error.queueMs, performance.now() - began);
      return { verdict };
    }
  }

  /**
   * Takes parts out of a message.
   *
   * @throws {PosternError} `"scan/busy"`, `"scan/cancelled"`, `"scan/failed"`.
   */
  async rewrite(
    octets: Uint8Array,
    request: RewriteRequest,
    signal?: AbortSignal,
  ): Promise<RewriteResult> {
    this.#count("rewrites");
    try {
      const timeMs = this.#options.rewriteTimeMs ?? 30_000;
      const { answer, made } = await this.#request(
        encodeRequest({ op: "rewrite", request }),
        octets,
        timeMs,
        signal,
      );
      if (answer.ok !== "rewrite" || !made) throw new NoAnswer("crashed", 0, "no message");
      return { message: made, layout: answer.layout, failed: answer.failed };
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      const code = error.reason === "busy" || error.reason === "cancelled"
        ? `scan/${error.reason}` as const
        : "scan/failed";
      throw new PosternError(code, `Cannot clean a message: ${error.message}`, { cause: error });
    }
  }

  /** What the pool is doing. */
  status(): PoolStatus {
    return {
      processes: this.#crew.status(),
      waiting: this.#waiting.length,
      counters: { ...this.#counters },
      poison: this.#poison.size,
      kernelRefuses: this.#crew.refused,
      ...(this.#user ? { user: this.#user.name } : {}),
    };
  }

  /** Resolves when nothing is scanned or waits any more; for a pool that gets nothing new. */
  async idle(): Promise<void> {
    while (this.#open > 0) await new Promise<void>((resolve) => this.#onIdle = resolve);
  }

  /** Ends every scanner at once; what is being scanned or waits comes out as `cancelled`. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#watch);
    for (const waiter of this.#waiting.splice(0)) waiter.reject("cancelled");
    await this.#crew.close();
    await Deno.remove(this.#directory, { recursive: true }).catch(() => {});
  }

  async #request(
    head: Uint8Array,
    octets: Uint8Array,
    timeMs: number,
    signal: AbortSignal | undefined,
  ) {
    this.#open++;
    try {
      return await this.#ask(head, octets, timeMs, signal);
    } finally {
      if (--this.#open === 0) this.#onIdle?.();
    }
  }

  async #ask(
    head: Uint8Array,
    octets: Uint8Array,
    timeMs: number,
    signal: AbortSignal | undefined,
  ) {
    const hash = this.#poison.size > 0 ? sha256(octets) : undefined;
    if (hash !== undefined && this.#poison.isPoison(hash)) {
      throw new NoAnswer("poison", 0, "the message killed scanners before");
    }
    const queued = performance.now();
    const scanner = await this.#scanner(signal).catch((reason: "busy" | "cancelled") => {
      throw new NoAnswer(reason, performance.now() - queued, `the request was ${reason}`);
    });
    const queueMs = performance.now() - queued;
    let cancelled: (() => void) | undefined;
    scanner.due(timeMs + (this.#options.graceMs ?? 1000), "time");
    const work = this.#converse(scanner, head, octets);
    try {
      if (!signal) return { ...await work, queueMs };
      const abandoned = new Promise<never>((_, reject) => {
        cancelled = () => {
          // The scanner is given a moment to end by itself: that is cheaper than a new one.
          scanner.due(ABANDONED_MS, "cancelled");
          reject(new NoAnswer("cancelled", queueMs, "the client went away"));
        };
        signal.addEventListener("abort", cancelled, { once: true });
      });
      return { ...await Promise.race([work, abandoned]), queueMs };
    } catch (error) {
      if (!(error instanceof ScannerDeath)) throw error;
      if (!this.#closed && error.end !== "cancelled") await this.#blame(octets, hash, error);
      throw new NoAnswer(this.#closed ? "cancelled" : error.end, queueMs, error.message);
    } finally {
      if (cancelled) signal?.removeEventListener("abort", cancelled);
      work.catch(() => {}); // abandoned: its end is the crew's business alone
    }
  }

  /** One request and its answer, checked. Gives the scanner back whatever comes of it. */
  async #converse(scanner: ScannerProcess, head: Uint8Array, octets: Uint8Array) {
    try {
      const raw = await scanner.request(head, octets);
      const text = decoder.decode(raw.head);
      const json: unknown = JSON.parse(text);
      const parsed = parseAnswer(json);
      if (!parsed.success) {
        return await this.#dies(scanner, "crashed", "an answer that is none");
      }
      const answer = parsed.output;
      // After an exception nobody knows what state the engine is in, or how near to its memory limit.
      if (answer.ok === false) return await this.#dies(scanner, answer.reason, answer.message);
      const made = answer.ok === "rewrite" ? await raw.octets() : undefined;
      scanner.notDue();
      this.#crew.release(scanner);
      // What the check took something off is not what the text says.
      return { answer, made, text: answer === json ? text : undefined };
    } catch (error) {
      if (error instanceof ScannerDeath) throw error;
      return await this.#dies(scanner, "crashed", error instanceof Error ? error.message : "?");
    }
  }

  async #dies(scanner: ScannerProcess, end: ScannerEnd, detail: string): Promise<never> {
    scanner.kill(end);
    await scanner.ended;
    throw new ScannerDeath(end, detail);
  }

  /** Remembers that a message killed a scanner. */
  async #blame(octets: Uint8Array, hash: string | undefined, death: ScannerDeath): Promise<void> {
    const name = hash ?? sha256(octets);
    this.#options.report?.("warning", "A scanner was lost over a message", {
      reason: death.end,
      sha256: name,
      octets: octets.length,
      detail: death.message.slice(0, 500),
    });
    await this.#poison.note(name).catch((error: unknown) => {
      this.#options.report?.("error", "Cannot remember a message that killed a scanner", {
        error: error instanceof Error ? error.message : String(error),
      });
    });
  }

  /** A free scanner, now or when there is one; rejects with `busy` or `cancelled`. */
  #scanner(signal: AbortSignal | undefined): Promise<ScannerProcess> {
    if (signal?.aborted || this.#closed) return Promise.reject("cancelled");
    const free = this.#waiting.length === 0 ? this.#crew.take() : undefined;
    if (free) return Promise.resolve(free);
    if (this.#waiting.length >= this.#queue) return Promise.reject("busy");
    return new Promise((resolve, reject) => {
      const leave = (reason: "busy" | "cancelled") => {
        const at = this.#waiting.indexOf(waiter);
        if (at >= 0) this.#waiting.splice(at, 1);
        settle();
        reject(reason);
      };
      const cancel = () => leave("cancelled");
      const timer = setTimeout(() => leave("busy"), this.#queueTimeMs);
      const settle = () => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", cancel);
      };
      const waiter: Waiter = {
        resolve: (scanner) => {
          settle();
          resolve(scanner);
        },
        reject: (reason) => {
          settle();
          reject(reason);
        },
      };
      this.#waiting.push(waiter);
      signal?.addEventListener("abort", cancel, { once: true });
    });
  }

  #serveNext(): void {
    while (this.#waiting.length > 0) {
      const scanner = this.#crew.take();
      if (!scanner) return;
      this.#waiting.shift()?.resolve(scanner);
    }
  }

  /** Ends scanners past their time: one timer for all, since hardly one ever gets so far. */
  #watchBusy(): void {
    const now = performance.now();
    for (const scanner of this.#crew.busy()) scanner.killIfDue(now);
    if (++this.#looks % WATCH_MEMORY === 0) this.#watchMemory();
  }

  /** The second fence: where prlimit is missing, and for memory that the data segment does not count. */
  #watchMemory(): void {
    for (const scanner of this.#crew.busy()) {
      const resident = residentOctets(scanner.pid);
      if (resident !== undefined && resident > this.#memoryOctets + PROGRAM_OCTETS) {
        scanner.kill("memory");
      }
    }
  }

  #count(name: string): void {
    this.#counters[name] = (this.#counters[name] ?? 0) + 1;
  }
}

const decoder = new TextDecoder();
const encoder = new TextEncoder();
const parseAnswer = quickParse(answerSchema);
/** Heads of scans by their settings: an agent's messages mostly have the same. */
const heads = new WeakMap<ScanSettings, Uint8Array>();

function encodeRequest(request: ScannerRequest): Uint8Array {
  return encoder.encode(JSON.stringify(request));
}

function scanHead(settings: ScanSettings): Uint8Array {
  let head = heads.get(settings);
  if (!head) heads.set(settings, head = encodeRequest({ op: "scan", settings }));
  return head;
}
