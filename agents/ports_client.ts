/** The worker's end of an agent's ports: calls become messages to the daemon, octets are copied once and then transferred. */
import { ERROR_CODES, type ErrorCode, PosternError } from "../errors.ts";
import type { RewriteRequest, RewriteResult, ScanSettings, Verdict } from "../engine/types.ts";
import type { DecisionTree } from "../policy/tree.ts";
import type { Envelope } from "../policy/types.ts";
import type {
  AgentPorts,
  GatewayOperation,
  GreylistRequest,
  LogLevel,
  MessageRecord,
  QuarantineRequest,
} from "./ports.ts";

/** How messages leave the worker. */
export type Post = (message: unknown, transfer: Transferable[]) => void;

/** Octets of the in-flight allowance asked for at once, so that most messages need no question. */
const GRANT_OCTETS = 2 * 2 ** 20;
/** Allowance above which some is given back. */
const KEEP_OCTETS = 4 * 2 ** 20;

/** How long records wait for others, so that they go together, ms; and how many at most. */
const RECORDS_MS = 5;
const RECORDS_MOST = 64;

/** A call that waits for its answer. */
interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** Ports over messages. The worker's entry feeds it what the daemon answers. */
export class PortsClient implements AgentPorts {
  readonly #post: Post;
  readonly #pending = new Map<number, Pending>();
  #tree: DecisionTree;
  /** Known since the last reload: this node makes none, and need not be asked. */
  #noSeals = false;
  #nextId = 1;
  /** Granted octets that no message holds now. */
  #allowance = 0;
  #records: MessageRecord[] = [];
  #recordsTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(tree: DecisionTree, post: Post) {
    this.#tree = tree;
    this.#post = post;
  }

  policy(): DecisionTree {
    return this.#tree;
  }

  /** Puts a new policy in force. */
  setPolicy(tree: DecisionTree): void {
    this.#noSeals = false;
    this.#tree = tree;
  }

  async scan(message: Uint8Array, settings: ScanSettings, signal?: AbortSignal): Promise<Verdict> {
    const call = { method: "scan", message: message.slice(), settings: JSON.stringify(settings) };
    return await this.#call(call, signal) as Verdict;
  }

  async rewrite(
    message: Uint8Array,
    request: RewriteRequest,
    signal?: AbortSignal,
  ): Promise<RewriteResult> {
    const call = { method: "rewrite", message: message.slice(), request };
    return await this.#call(call, signal) as RewriteResult;
  }

  async seal(original: Uint8Array, message: Uint8Array): Promise<string | null> {
    if (this.#noSeals) return null;
    const call = { method: "seal", original: original.slice(), message: message.slice() };
    const fields = await this.#call(call) as string | null;
    this.#noSeals = fields === null;
    return fields;
  }

  async greylist(request: GreylistRequest): Promise<number> {
    return await this.#call({ method: "greylist", request }) as number;
  }

  async quarantine(request: QuarantineRequest): Promise<string> {
    const copy = { ...request, message: request.message.slice() };
    return await this.#call({ method: "quarantine", request: copy }) as string;
  }

  async deliverMaildir(path: string, envelope: Envelope, message: Uint8Array): Promise<void> {
    await this.#call({ method: "maildir", path, envelope, message: message.slice() });
  }

  async originalDestination(local: string, remote: string): Promise<string | undefined> {
    return await this.#call({ method: "destination", local, remote }) as string | undefined;
  }

  async reserve(octets: number): Promise<boolean> {
    if (octets <= this.#allowance) {
      this.#allowance -= octets;
      return true;
    }
    const missing = octets - this.#allowance;
    const more = missing + GRANT_OCTETS;
    // What is there already is set aside first, so that two who ask at once do not both count on it.
    const aside = this.#allowance;
    this.#allowance = 0;
    if (await this.#call({ method: "reserve", octets: more }) === true) {
      this.#allowance += GRANT_OCTETS;
      return true;
    }
    if (await this.#call({ method: "reserve", octets: missing }) === true) return true;
    this.#allowance += aside;
    this.#giveBack(0);
    return false;
  }

  release(octets: number): void {
    this.#allowance += octets;
    if (this.#allowance > KEEP_OCTETS) this.#giveBack(GRANT_OCTETS);
  }

  record(record: MessageRecord): void {
    this.#records.push(record);
    if (this.#records.length >= RECORDS_MOST) this.flush();
    else this.#recordsTimer ??= setTimeout(() => this.flush(), RECORDS_MS);
  }

  /** Sends the records that wait. */
  flush(): void {
    clearTimeout(this.#recordsTimer);
    this.#recordsTimer = undefined;
    if (this.#records.length === 0) return;
    this.#post({ type: "records", records: JSON.stringify(this.#records) }, []);
    this.#records = [];
  }

  log(
    level: LogLevel,
    message: string,
    fields: Readonly<Record<string, string | number | boolean>> = {},
  ): void {
    this.flush(); // what was recorded before stands before it in the log
    this.#post({ type: "log", level, message: message.slice(0, 10_000), fields }, []);
  }

  operate(operation: GatewayOperation): void {
    this.#post({ type: "operate", operation }, []);
  }

  /** The daemon answered a call. */
  answered(id: number, value: unknown): void {
    this.#take(id)?.resolve(value);
  }

  /** A scanner answered a scan. */
  scanned(id: number, text: string, queueMs: number): void {
    const pending = this.#take(id);
    if (!pending) return;
    // From the daemon, which has checked it.
    const { verdict } = JSON.parse(text) as { readonly verdict: Verdict };
    pending.resolve({ ...verdict, costs: { ...verdict.costs, queue: queueMs } });
  }

  /** The daemon could not do what a call asked. */
  failed(id: number, code: string, message: string): void {
    const known: ErrorCode = ERROR_CODES.find((each) => each === code) ?? "daemon/worker";
    this.#take(id)?.reject(new PosternError(known, message));
  }

  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    return pending;
  }

  #giveBack(keep: number): void {
    const octets = this.#allowance - keep;
    this.#allowance = keep;
    if (octets > 0) this.#post({ type: "release", octets }, []);
  }

  #call(
    call:
      & { readonly method: string; readonly message?: Uint8Array; readonly request?: unknown }
      & Record<
        string,
        unknown
      >,
    signal?: AbortSignal,
  ): Promise<unknown> {
    const id = this.#nextId++;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#pending.set(id, { resolve, reject });
    this.#post({ type: "call", id, ...call }, transferable(call));
    if (!signal) return promise;
    // The answer comes all the same, as `cancelled`: the daemon knows what it has let go.
    const cancel = () => this.#post({ type: "cancel", id }, []);
    if (signal.aborted) cancel();
    else signal.addEventListener("abort", cancel, { once: true });
    return promise.finally(() => signal.removeEventListener("abort", cancel));
  }
}

/** Buffers of the copies that were made for a call. */
function transferable(call: { message?: Uint8Array; request?: unknown }): Transferable[] {
  if (call.message) return [call.message.buffer as ArrayBuffer];
  const { request } = call;
  if (typeof request === "object" && request !== null && "message" in request) {
    if (request.message instanceof Uint8Array) return [request.message.buffer as ArrayBuffer];
  }
  return [];
}
