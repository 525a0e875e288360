/** The daemon's end of the worker `engines`, which may connect to the engines of the configuration and to nothing else. */
import * as v from "valibot";
import type { AgentPermissions } from "../../agents/permissions.ts";
import { KeptWorker } from "../kept_worker.ts";
import type { Report } from "../status.ts";
import { type EngineAnswer, silent } from "./answer.ts";
import { icapAddress } from "./icap.ts";
import { WORKER_GRACE_MS } from "./limits.ts";
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

/** What goes over messages to the worker and back. */
export class EngineHost {
  readonly permissions: AgentPermissions;
  readonly #engines: ReadonlyMap<string, WireEngine>;
  readonly #pending = new Map<number, Pending>();
  readonly #worker: KeptWorker;
  #nextId = 1;

  constructor(engines: readonly WireEngine[], module: URL, report: Report) {
    this.#engines = new Map(engines.map((engine) => [engine.name, engine]));
    this.permissions = enginePermissions(engines);
    const first: ToEngineWorker = { type: "start", engines };
    this.#worker = new KeptWorker({
      what: "The worker of the external engines",
      name: "engines",
      module,
      permissions: this.permissions,
      report,
      first,
      receive: (data) => this.#receive(data),
      lost: (why) => this.#lost(why),
    });
  }

  /** Asks several engines about one object; each answer by its engine's name. Never rejects. */
  ask(
    names: readonly string[],
    octets: Uint8Array,
    signal?: AbortSignal,
  ): readonly Promise<EngineAnswer>[] {
    const id = this.#nextId++;
    if (!this.#post({ type: "ask", id, engines: names, octets })) {
      return names.map(() => Promise.resolve(silent("unreachable", "its worker is not running")));
    }
    const longest = Math.max(...names.map((name) => this.#engines.get(name)?.timeMs ?? 0));
    const left = new Map<string, (answer: EngineAnswer) => void>();
    const answers = names.map((name) =>
      new Promise<EngineAnswer>((resolve) => left.set(name, resolve))
    );
    // It keeps time itself; where it does not, it hangs.
    const hangs = () => this.#worker.abandon("it does not answer");
    this.#pending.set(id, { left, timer: setTimeout(hangs, longest + WORKER_GRACE_MS) });
    const cancel = () => this.#pending.has(id) && this.#post({ type: "cancel", id });
    if (signal?.aborted) cancel();
    signal?.addEventListener("abort", cancel, { once: true });
    void Promise.all(answers).then(() => signal?.removeEventListener("abort", cancel));
    return answers;
  }

  /** Ends it; what waits is answered. */
  close(): void {
    this.#worker.close();
  }

  #post(message: ToEngineWorker): boolean {
    return this.#worker.post(message);
  }

  #receive(data: unknown): boolean {
    const parsed = v.safeParse(fromEngineWorker, data);
    if (!parsed.success) return false;
    const { id, engine, answer } = parsed.output;
    const pending = this.#pending.get(id);
    const resolve = pending?.left.get(engine);
    if (!pending || !resolve) return false;
    pending.left.delete(engine);
    if (pending.left.size === 0) {
      clearTimeout(pending.timer);
      this.#pending.delete(id);
    }
    resolve(answer as EngineAnswer);
    return true;
  }

  #lost(why: string): void {
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const { left, timer } of pending) {
      clearTimeout(timer);
      for (const resolve of left.values()) resolve(silent("error", `its worker ended: ${why}`));
    }
  }
}
