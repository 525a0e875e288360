/** The daemon's end of the worker `engines`: started with the right to connect to the engines alone, and again when it dies. */
import * as v from "valibot";
import { denoPermissions } from "../../agents/permissions.ts";
import type { AgentPermissions } from "../../agents/permissions.ts";
import type { Report } from "../status.ts";
import { type EngineAnswer, silent } from "./answer.ts";
import { icapAddress } from "./icap.ts";
import { WORKER_BACK_OFF_MS, WORKER_GRACE_MS, WORKER_START_MS } from "./limits.ts";
import { fromEngineWorker, type ToEngineWorker, type WireEngine } from "./worker_protocol.ts";

/** What the worker may touch: to connect to a socket in the file system takes read and write. */
export function enginePermissions(engines: readonly WireEngine[]): AgentPermissions {
  const addresses = engines.map(({ speaks }) =>
    speaks.protocol === "clamd" ? speaks.address : icapAddress(speaks.url)
  );
  const paths = addresses.filter((each) => each.startsWith("unix:")).map((each) =>
    each.slice("unix:".length)
  );
  return { net: [...new Set(addresses)], read: [...new Set(paths)], write: [...new Set(paths)] };
}

interface Pending {
  readonly left: Map<string, (answer: EngineAnswer) => void>;
  readonly timer: ReturnType<typeof setTimeout>;
}

/** The worker, whichever it is at the moment. */
export class EngineHost {
  readonly permissions: AgentPermissions;
  readonly #engines: ReadonlyMap<string, WireEngine>;
  readonly #module: URL;
  readonly #report: Report;
  readonly #pending = new Map<number, Pending>();
  #worker: Worker | undefined;
  #ready = false;
  #starting: ReturnType<typeof setTimeout> | undefined;
  #deaths = 0;
  #restarts = 0;
  #nextId = 1;
  #closed = false;

  constructor(engines: readonly WireEngine[], module: URL, report: Report) {
    this.#engines = new Map(engines.map((engine) => [engine.name, engine]));
    this.#module = module;
    this.#report = report;
    this.permissions = enginePermissions(engines);
    this.#start();
  }

  /** How often the worker was started again. */
  get restarts(): number {
    return this.#restarts;
  }

  /** Asks several engines about one object; each answer by its engine's name. Never rejects. */
  ask(
    names: readonly string[],
    octets: Uint8Array,
    signal?: AbortSignal,
  ): readonly Promise<EngineAnswer>[] {
    const worker = this.#worker;
    if (!worker) {
      return names.map(() => Promise.resolve(silent("unreachable", "its worker is not running")));
    }
    const id = this.#nextId++;
    const longest = Math.max(...names.map((name) => this.#engines.get(name)?.timeMs ?? 0));
    const left = new Map<string, (answer: EngineAnswer) => void>();
    const answers = names.map((name) =>
      new Promise<EngineAnswer>((resolve) => left.set(name, resolve))
    );
    const cancel = () => this.#worker === worker && this.#post({ type: "cancel", id });
    // It keeps time itself; where it does not, it hangs.
    const timer = setTimeout(
      () => this.#died(worker, "does not answer"),
      longest + WORKER_GRACE_MS,
    );
    this.#pending.set(id, { left, timer });
    this.#post({ type: "ask", id, engines: names, octets });
    if (signal?.aborted) cancel();
    signal?.addEventListener("abort", cancel, { once: true });
    void Promise.all(answers).then(() => signal?.removeEventListener("abort", cancel));
    return answers;
  }

  /** Ends it; what waits is answered. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#starting);
    this.#drop("it was closed");
  }

  #start(): void {
    const deno = { permissions: denoPermissions(this.permissions) };
    const options = { type: "module", name: "engines", deno };
    const worker = new Worker(this.#module, options as WorkerOptions);
    this.#worker = worker;
    this.#ready = false;
    this.#starting = setTimeout(() => this.#died(worker, "did not load in time"), WORKER_START_MS);
    worker.onmessage = ({ data }) => this.#receive(worker, data);
    worker.onerror = (event) => {
      event.preventDefault();
      this.#died(worker, event.message);
    };
    this.#post({ type: "start", engines: [...this.#engines.values()] });
  }

  #post(message: ToEngineWorker): void {
    this.#worker?.postMessage(message);
  }

  #receive(worker: Worker, data: unknown): void {
    if (this.#worker !== worker) return;
    const parsed = v.safeParse(fromEngineWorker, data);
    if (!parsed.success) return this.#died(worker, "sent what is no message");
    const message = parsed.output;
    if (message.type === "ready") {
      clearTimeout(this.#starting);
      this.#ready = true;
      return;
    }
    const { id, engine, answer } = message;
    const pending = this.#pending.get(id);
    const resolve = pending?.left.get(engine);
    if (!pending || !resolve) return this.#died(worker, "answered what it was not asked");
    this.#deaths = 0;
    pending.left.delete(engine);
    if (pending.left.size === 0) {
      clearTimeout(pending.timer);
      this.#pending.delete(id);
    }
    resolve(answer as EngineAnswer);
  }

  #died(worker: Worker, words: string): void {
    if (this.#worker !== worker || this.#closed) return;
    const loaded = this.#ready;
    clearTimeout(this.#starting);
    this.#drop(words);
    const delay = WORKER_BACK_OFF_MS[Math.min(this.#deaths++, WORKER_BACK_OFF_MS.length - 1)] ?? 0;
    this.#report("error", "The worker of the external engines ended and is started again", {
      error: words.slice(0, 500),
      loaded,
      inMs: delay,
    });
    this.#starting = setTimeout(() => {
      this.#restarts++;
      this.#start();
    }, delay);
  }

  #drop(words: string): void {
    this.#worker?.terminate();
    this.#worker = undefined;
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const { left, timer } of pending) {
      clearTimeout(timer);
      for (const resolve of left.values()) resolve(silent("error", `its worker ended: ${words}`));
    }
  }
}
