/** The daemon's end of sealing: hands messages to the worker that has the key, and asks DNS for it. */
import * as v from "valibot";
import type { ArcConfig } from "../../policy/secrets_config.ts";
import { KeptWorker } from "../kept_worker.ts";
import { timeOf } from "../reading.ts";
import type { ProcessRow, Report } from "../status.ts";
import { MAX_LOOKUPS, MAX_OPEN, MAX_TEXT_CHARACTERS, MAX_TEXTS, SEAL_GRACE_MS } from "./limits.ts";
import { fromSealer, type ToSealer } from "./protocol.ts";
import type { SealIdentity } from "./seal.ts";

/** How a sealer is made. */
export interface SealerOptions {
  readonly config: ArcConfig;
  /** PEM */
  readonly privateKey: string;
  /** Of this node, where the configuration names no authservId. */
  readonly hostname: string;
  readonly module: URL;
  readonly report: Report;
}

interface Open {
  readonly resolve: (fields: string) => void;
  readonly timer: ReturnType<typeof setTimeout>;
  /** Aborted when no more keys are waited for. */
  readonly keys: AbortController;
  readonly keysTimer: ReturnType<typeof setTimeout>;
  lookups: number;
}

/** Seals messages. Where one cannot be sealed it goes on without: the log says why. */
export class Sealer {
  readonly #config: ArcConfig;
  readonly #report: Report;
  readonly #worker: KeptWorker;
  readonly #open = new Map<number, Open>();
  readonly #counters: Record<string, number> = {};
  #nextId = 1;
  #onIdle: (() => void) | undefined;

  constructor({ config, privateKey, hostname, module, report }: SealerOptions) {
    this.#config = config;
    this.#report = report;
    const { domain, selector, authservId = hostname } = config;
    const identity: SealIdentity = { domain, selector, privateKey, authservId };
    const first: ToSealer = { type: "start", identity };
    this.#worker = new KeptWorker({
      what: "The worker that seals",
      name: "arc",
      module,
      permissions: { net: [], read: [], write: [] },
      report,
      first,
      receive: (data) => this.#receive(data),
      lost: (why) => this.#lost(why),
    });
  }

  /**
   * Makes the fields of an ARC set.
   *
   * @param original As it came.
   * @param message As it goes on.
   * @returns Fields in CRLF lines, to be put before the message; `""` where there are none. Never rejects.
   */
  async seal(original: Uint8Array, message: Uint8Array): Promise<string> {
    if (this.#open.size >= MAX_OPEN) return this.#unsealed("too many messages are being sealed");
    const id = this.#nextId++;
    const request: ToSealer = { type: "seal", id, original, message };
    if (!this.#worker.post(request)) return this.#unsealed("the worker is not running");
    const { promise, resolve } = Promise.withResolvers<string>();
    const keysMs = timeOf(this.#config.time);
    const keys = new AbortController();
    this.#open.set(id, {
      resolve,
      keys,
      keysTimer: setTimeout(() => keys.abort(), keysMs),
      timer: setTimeout(() => this.#worker.abandon("it does not answer"), keysMs + SEAL_GRACE_MS),
      lookups: 0,
    });
    return await promise;
  }

  /** Counts: `sealed`, `unsealed`. */
  get counters(): Readonly<Record<string, number>> {
    return this.#counters;
  }

  /** Row for the table of what may what. */
  process(): ProcessRow {
    return {
      what: "arc",
      runsAs: "worker of the daemon, with the key of its seals",
      may: "nothing",
    };
  }

  /** Resolves when nothing is being sealed; for one that gets nothing new. */
  async idle(): Promise<void> {
    while (this.#open.size > 0) await new Promise<void>((resolve) => this.#onIdle = resolve);
  }

  /** Ends the worker. */
  close(): void {
    this.#worker.close();
  }

  #receive(data: unknown): boolean {
    const parsed = v.safeParse(fromSealer, data);
    if (!parsed.success) return false;
    const message = parsed.output;
    const open = this.#open.get(message.id);
    if (!open) return false;
    switch (message.type) {
      case "lookUp":
        if (++open.lookups > MAX_LOOKUPS) return false;
        void this.#lookUp(message.id, message.name, open);
        return true;
      case "sealed":
        this.#count("sealed");
        this.#close(message.id, message.fields);
        return true;
      case "unsealed":
        this.#close(message.id, this.#unsealed(message.why));
        return true;
    }
  }

  async #lookUp(id: number, name: string, open: Open): Promise<void> {
    const texts = await txtRecords(name, this.#config.nameServer, open.keys.signal);
    if (this.#open.get(id) === open) this.#worker.post({ type: "texts", id, name, texts });
  }

  #unsealed(why: string): string {
    this.#count("unsealed");
    this.#report("warning", "A changed message goes on without an ARC seal", { reason: why });
    return "";
  }

  #close(id: number, fields: string): void {
    const open = this.#open.get(id);
    if (!open) return;
    this.#open.delete(id);
    clearTimeout(open.timer);
    clearTimeout(open.keysTimer);
    open.keys.abort();
    open.resolve(fields);
    if (this.#open.size === 0) this.#onIdle?.();
  }

  #lost(why: string): void {
    for (const id of [...this.#open.keys()]) this.#close(id, this.#unsealed(why));
  }

  #count(name: string): void {
    this.#counters[name] = (this.#counters[name] ?? 0) + 1;
  }
}

/** TXT records of a name, bounded; `[]` where there are none, `undefined` where DNS does not say. */
async function txtRecords(
  name: string,
  nameServer: string | undefined,
  signal: AbortSignal,
): Promise<string[][] | undefined> {
  try {
    const records = await Deno.resolveDns(name, "TXT", {
      signal,
      ...(nameServer === undefined ? {} : { nameServer: serverOf(nameServer) }),
    });
    const characters = records.flat().reduce((sum, text) => sum + text.length, 0);
    return characters > MAX_TEXT_CHARACTERS ? [] : records.slice(0, MAX_TEXTS);
  } catch (error) {
    return error instanceof Deno.errors.NotFound ? [] : undefined;
  }
}

function serverOf(address: string): { ipAddr: string; port: number } {
  const [, bracketed, plain, port = "53"] = /^(?:\[(.*)\]|([^:]*))(?::(\d+))?$/.exec(address) ?? [];
  return { ipAddr: bracketed ?? plain ?? "", port: Number(port) };
}
