/** The daemon's end of an agent: a worker with just its permissions, started, watched, fed, drained. */
import * as v from "valibot";
import { ERROR_CODES, PosternError } from "../errors.ts";
import { freeOctets } from "../free_octets.ts";
import type { ScanSettings, Verdict } from "../engine/types.ts";
import type { AgentConfig } from "../policy/config.ts";
import type { DecisionTree } from "../policy/tree.ts";
import type { AgentPermissions } from "./permissions.ts";
import { denoPermissions } from "./permissions.ts";
import type { AgentPorts, MessageRecord, QuarantineRequest } from "./ports.ts";
import { quickParse } from "./quick_check.ts";
import {
  callSchema,
  noticeSchema,
  recordSchema,
  scanSettingsSchema,
  type ToWorker,
  type WorkerCall,
} from "./worker_protocol.ts";

/** What the daemon does for its agents; the same ports, less what a worker has for itself. */
export type HostPorts = Omit<AgentPorts, "policy" | "scan" | "record"> & {
  /** The verdict, or a scanner's answer as it came. */
  scan(
    message: Uint8Array,
    settings: ScanSettings,
    signal?: AbortSignal,
  ): Promise<Verdict | ScannerText>;
  /** What became of several messages, oldest first. */
  record(records: readonly MessageRecord[]): void;
};

/** A scanner's answer in the JSON that it wrote, checked: to be read once more by who needs it, which is cheaper than a clone. */
export interface ScannerText {
  /** An object with a `verdict`. */
  readonly text: string;
  /** How long the message waited for the scanner, ms. */
  readonly queueMs: number;
}

/** How a worker is started. */
export interface WorkerHostOptions {
  readonly agent: AgentConfig["agent"];
  /** Name of the listener. */
  readonly name: string;
  /** Module of the worker. */
  readonly worker: URL;
  readonly permissions: AgentPermissions;
  readonly ports: HostPorts;
}

/** How long a worker may take to load and to start, ms. */
const START_MS = 20_000;
/** Settings that are kept read and checked. */
const SETTINGS_KEPT = 64;

const parseCall = quickParse(callSchema);
const parseNotice = quickParse(noticeSchema);
const parseRecords = quickParse(v.array(recordSchema));
const parseSettings = quickParse(scanSettingsSchema);

/** One worker, from start to end. It is not restarted; who holds it starts another. */
export class WorkerHost {
  /** Resolves when the worker is gone: `undefined` when it was closed, else what it died of. */
  readonly ended: Promise<PosternError | undefined>;
  readonly #options: WorkerHostOptions;
  readonly #worker: Worker;
  readonly #end = Promise.withResolvers<PosternError | undefined>();
  readonly #ready = Promise.withResolvers<void>();
  readonly #started = Promise.withResolvers<readonly string[]>();
  readonly #asked = new Map<number, (value: unknown) => void>();
  readonly #calls = new Map<number, AbortController>();
  /** Settings of scans by their JSON, so that each is checked once, and the pool knows it again. */
  readonly #settings = new Map<string, ScanSettings>();
  #nextId = 1;
  /** Octets that were granted and not yet given back. */
  #reserved = 0;
  #over = false;

  private constructor(options: WorkerHostOptions) {
    this.#options = options;
    this.ended = this.#end.promise;
    this.#ready.promise.catch(() => {});
    this.#started.promise.catch(() => {});
    const deno = { permissions: denoPermissions(options.permissions) };
    const workerOptions = { type: "module", name: `${options.agent}:${options.name}`, deno };
    this.#worker = new Worker(options.worker, workerOptions as WorkerOptions);
    this.#worker.onmessage = (event) => this.#receive(event.data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#finish(new PosternError("daemon/worker", `The agent failed: ${event.message}`));
    };
  }

  /**
   * Loads a worker; its agent does not listen yet.
   *
   * @throws {PosternError} `"daemon/worker"` where it does not come up.
   */
  static async load(options: WorkerHostOptions): Promise<WorkerHost> {
    const host = new WorkerHost(options);
    await host.#within(host.#ready.promise, "load");
    return host;
  }

  /**
   * Starts the agent.
   *
   * @returns where it listens.
   * @throws {PosternError} what the agent said, or `"daemon/worker"`.
   */
  async start(config: unknown, tree: DecisionTree): Promise<readonly string[]> {
    this.#post({ type: "start", agent: this.#options.agent, config, tree });
    return await this.#within(this.#started.promise, "start");
  }

  /** Puts another policy in force. */
  setPolicy(tree: DecisionTree): void {
    this.#post({ type: "policy", tree });
  }

  /** The agent's counts; empty where it does not answer in time. */
  async status(timeMs: number): Promise<Readonly<Record<string, number>> | undefined> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<undefined>((resolve) =>
      timer = setTimeout(() => resolve(undefined), timeMs)
    );
    const answer = await Promise.race([this.#ask({ what: "status" }), late]);
    clearTimeout(timer);
    const parsed = v.safeParse(v.record(v.string(), v.number()), answer);
    return parsed.success ? parsed.output : undefined;
  }

  /** Asks the agent to go on with other settings; false where it needs a restart for them. */
  async reconfigure(config: unknown): Promise<boolean> {
    return await this.#ask({ what: "reconfigure", config }) === true;
  }

  /** Closes the listener; sessions go on. */
  async stopListening(): Promise<void> {
    await this.#ask({ what: "stopListening" });
  }

  /** No new sessions; resolves when what was in flight is done, or the worker is gone. */
  async drain(): Promise<void> {
    await this.#ask({ what: "drain" });
  }

  /** Ends the worker now. */
  close(): void {
    if (this.#over) return;
    this.#post({ type: "close" });
    this.#finish(undefined);
  }

  /** Gives a worker up that does not answer. Its thread may go on for ever: the runtime cannot end one that loops. */
  abandon(error: PosternError): void {
    this.#finish(error);
  }

  #post(message: ToWorker): void {
    if (!this.#over) this.#worker.postMessage(message);
  }

  async #within<T>(promise: Promise<T>, what: string): Promise<T> {
    const timer = setTimeout(() => {
      this.#finish(new PosternError("daemon/worker", `The agent did not ${what} in time`));
    }, START_MS);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
    }
  }

  #ask(
    question: { what: "status" | "drain" | "stopListening" } | {
      what: "reconfigure";
      config: unknown;
    },
  ): Promise<unknown> {
    if (this.#over) return Promise.resolve(undefined);
    const id = this.#nextId++;
    const { promise, resolve } = Promise.withResolvers<unknown>();
    this.#asked.set(id, resolve);
    this.#post({ type: "ask", id, ...question });
    return promise;
  }

  /** The end, once: what waits is answered, what is running is let go, what was granted is given back. */
  #finish(error: PosternError | undefined): void {
    if (this.#over) return;
    this.#over = true;
    this.#worker.terminate();
    const reason = error ?? new PosternError("daemon/worker", "The agent was closed");
    this.#ready.reject(reason);
    this.#started.reject(reason);
    for (const resolve of this.#asked.values()) resolve(undefined);
    for (const controller of this.#calls.values()) controller.abort();
    if (this.#reserved > 0) this.#options.ports.release(this.#reserved);
    this.#reserved = 0;
    this.#end.resolve(error);
  }

  #receive(data: unknown): void {
    if (this.#over) return;
    if (isCall(data)) {
      const call = parseCall(data);
      return call.success ? void this.#serve(call.output) : this.#refuse(call.issues[0]);
    }
    const notice = parseNotice(data);
    if (!notice.success) return this.#refuse(notice.issues[0]);
    const message = notice.output;
    const { ports } = this.#options;
    switch (message.type) {
      case "ready":
        return this.#ready.resolve();
      case "started":
        return this.#started.resolve(message.addresses);
      case "failed":
        return this.#finish(new PosternError(codeOf(message.code), message.message));
      case "cancel":
        return this.#calls.get(message.id)?.abort();
      case "release": {
        const octets = Math.min(message.octets, this.#reserved);
        this.#reserved -= octets;
        return ports.release(octets);
      }
      case "records": {
        const records = parseRecords(parseJson(message.records));
        if (!records.success) return this.#refuse(records.issues[0]);
        return ports.record(records.output as readonly MessageRecord[]);
      }
      case "log":
        return ports.log(message.level, message.message, {
          listener: this.#options.name,
          ...message.fields,
        });
      case "operate":
        return ports.operate?.(message.operation);
      case "told":
        this.#asked.get(message.id)?.(message.value);
        this.#asked.delete(message.id);
    }
  }

  /** A worker that sends what it cannot mean is not to be trusted with anything more. */
  #refuse(issue: v.BaseIssue<unknown>): void {
    const place = `${v.getDotPath(issue) ?? ""}: ${issue.message}`;
    this.#finish(new PosternError("daemon/worker", `The agent sent what is no message: ${place}`));
  }

  async #serve(call: WorkerCall): Promise<void> {
    const controller = new AbortController();
    this.#calls.set(call.id, controller);
    try {
      const value = await this.#do(call, controller.signal);
      // Of a call that was given up somebody may still write the octets out.
      if (!controller.signal.aborted) freeTransferred(call);
      if (isScannerText(value)) {
        return this.#post({
          type: "verdict",
          id: call.id,
          text: value.text,
          queueMs: value.queueMs,
        });
      }
      const transfer = call.method === "rewrite" && value && typeof value === "object" &&
          "message" in value && value.message instanceof Uint8Array
        ? [value.message.buffer as ArrayBuffer]
        : [];
      const answer: ToWorker = { type: "answer", id: call.id, value };
      if (!this.#over) this.#worker.postMessage(answer, transfer);
    } catch (error) {
      const code = error instanceof PosternError ? error.code : "daemon/worker";
      const message = error instanceof Error ? error.message : String(error);
      this.#post({ type: "failure", id: call.id, code, message });
    } finally {
      this.#calls.delete(call.id);
    }
  }

  /** @throws {PosternError} `"daemon/worker"` for what are no settings; the worker is ended. */
  #settingsOf(text: string): ScanSettings {
    const known = this.#settings.get(text);
    if (known) return known;
    const parsed = parseSettings(parseJson(text));
    if (!parsed.success) {
      this.#refuse(parsed.issues[0]);
      throw new PosternError("daemon/worker", "The agent sent settings that are none");
    }
    if (this.#settings.size >= SETTINGS_KEPT) this.#settings.clear();
    this.#settings.set(text, parsed.output);
    return parsed.output;
  }

  async #do(call: WorkerCall, signal: AbortSignal): Promise<unknown> {
    const { ports } = this.#options;
    switch (call.method) {
      case "scan":
        return await ports.scan(call.message, this.#settingsOf(call.settings), signal);
      case "rewrite":
        return await ports.rewrite(call.message, call.request, signal);
      case "seal":
        return await ports.seal?.(call.original, call.message) ?? null;
      case "quarantine":
        // The parts of the verdict are what the pool checked; what an entry keeps of them, the store checks again.
        return await ports.quarantine(call.request as unknown as QuarantineRequest);
      case "greylist":
        return await ports.greylist?.(call.request) ?? 0;
      case "maildir":
        return await ports.deliverMaildir(call.path, call.envelope, call.message);
      case "destination":
        return await ports.originalDestination?.(call.local, call.remote);
      case "reserve": {
        const granted = await ports.reserve(call.octets);
        if (granted && this.#over) ports.release(call.octets);
        else if (granted) this.#reserved += call.octets;
        return granted;
      }
    }
  }
}

/** What came with a call is the daemon's alone. */
function freeTransferred(call: WorkerCall): void {
  if ("message" in call) freeOctets(call.message);
  if ("original" in call) freeOctets(call.original);
  if (call.method === "quarantine") freeOctets(call.request.message);
}

function isCall(data: unknown): boolean {
  return typeof data === "object" && data !== null && "type" in data && data.type === "call";
}

/** Text that is no JSON is no record and no settings either; what checks them says so. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isScannerText(value: unknown): value is ScannerText {
  return typeof value === "object" && value !== null && "text" in value && "queueMs" in value;
}

function codeOf(code: string) {
  return ERROR_CODES.find((each) => each === code) ?? "daemon/worker";
}
