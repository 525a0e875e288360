/** A worker of the daemon that is kept running: started with just its permissions, and again when it dies. */
import { denoPermissions } from "../agents/permissions.ts";
import type { AgentPermissions } from "../agents/permissions.ts";
import type { Report } from "./status.ts";

/** How a worker is kept. */
export interface KeptWorkerOptions {
  /** For people: `the worker of the external engines`. */
  readonly what: string;
  readonly name: string;
  readonly module: URL;
  readonly permissions: AgentPermissions;
  readonly report: Report;
  /** First message to each that is started, sent when it is loaded. */
  readonly first: unknown;
  /**
   * A message came; the very first one of each only says that it is loaded, and does not come here.
   *
   * @returns false for what it cannot mean: it is not trusted any more, and started anew.
   */
  receive(data: unknown): boolean;
  /** It is gone: what waits for it gets no answer. */
  lost(why: string): void;
}

/** Waits before it is started again after the n-th death without a message in between, ms. */
const BACK_OFF_MS = [50, 500, 2000, 10_000, 30_000] as const;
/** How long it may take to load, ms. */
const START_MS = 20_000;

/** The worker, whichever it is at the moment. */
export class KeptWorker {
  readonly #options: KeptWorkerOptions;
  #worker: Worker | undefined;
  /** Messages for a worker that is not loaded yet: what comes before it listens is lost to it. */
  #early: unknown[] | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #deaths = 0;
  #restarts = 0;
  #closed = false;

  constructor(options: KeptWorkerOptions) {
    this.#options = options;
    this.#start();
  }

  /** How often it was started again. */
  get restarts(): number {
    return this.#restarts;
  }

  /** Sends a message, to a worker that is loading once it is loaded; false where there is no worker at the moment. */
  post(message: unknown): boolean {
    if (this.#early) this.#early.push(message);
    else this.#worker?.postMessage(message);
    return this.#worker !== undefined;
  }

  /** Gives it up that hangs or is not to be trusted, and starts another. Its thread may go on: the runtime cannot end one that loops. */
  abandon(why: string): void {
    if (this.#closed || !this.#worker) return;
    clearTimeout(this.#timer);
    this.#drop(why);
    const delay = BACK_OFF_MS[Math.min(this.#deaths++, BACK_OFF_MS.length - 1)] ?? 0;
    this.#options.report("error", `${this.#options.what} ended and is started again`, {
      error: why.slice(0, 500),
      inMs: delay,
    });
    this.#timer = setTimeout(() => {
      this.#restarts++;
      this.#start();
    }, delay);
  }

  /** Ends it. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#drop("it was closed");
  }

  #start(): void {
    const { name, module, permissions, first } = this.#options;
    const deno = { permissions: denoPermissions(permissions) };
    const worker = new Worker(module, { type: "module", name, deno } as WorkerOptions);
    this.#worker = worker;
    this.#early = [first];
    this.#timer = setTimeout(() => this.abandon("it did not load in time"), START_MS);
    worker.onmessage = ({ data }) => {
      if (this.#worker !== worker) return;
      if (this.#early) {
        clearTimeout(this.#timer);
        for (const message of this.#early) worker.postMessage(message);
        this.#early = undefined;
      } else if (this.#options.receive(data)) this.#deaths = 0;
      else this.abandon("it sent what is no message");
    };
    worker.onerror = (event) => {
      event.preventDefault();
      if (this.#worker === worker) this.abandon(event.message);
    };
  }

  #drop(why: string): void {
    this.#worker?.terminate();
    this.#worker = this.#early = undefined;
    this.#options.lost(why);
  }
}
