/** The operations of the control socket, by name. What comes in is checked here. */
import * as v from "valibot";
import { PosternError } from "../errors.ts";
import type { AgentPorts } from "../agents/ports.ts";
import { processMessage } from "../agents/pipe/process.ts";
import { scanSettingsSchema } from "../agents/worker_protocol.ts";
import { AGENT_NAMES, DIRECTIONS, REPORT_STATUSES } from "../policy/types.ts";
import type { Store } from "../store/types.ts";
import type { Operate } from "./control/caller.ts";
import {
  deleteMatching,
  deleteQuarantined,
  listQuarantined,
  noteExport,
  readQuarantined,
  releaseQuarantined,
  showQuarantined,
} from "./quarantine.ts";
import type { QuarantineLog, ReleaseOptions } from "./quarantine.ts";
import type { DaemonStatus, PolicyStatus } from "./status.ts";

/** What the operations work on. */
export interface OperationsHost {
  readonly store: Store;
  readonly ports: AgentPorts;
  readonly log: QuarantineLog;
  policy(): PolicyStatus;
  status(): Promise<DaemonStatus>;
  /** @throws {PosternError} where what was read does not check; the old stays in force. */
  reload(): Promise<unknown>;
  /** Begins to stop; resolves when nothing is left to do but to end. */
  stop(): Promise<void>;
  /** Where releases go and how, from the configuration in force. */
  releaseOptions(): Pick<ReleaseOptions, "deliver" | "ownAddresses"> & {
    readonly nextHop?: string;
  };
}

const text = v.string();
const number = v.pipe(v.number(), v.finite());
const id = v.pipe(text, v.maxLength(100));
const optional = v.exactOptional;

const query = v.object({
  since: optional(number),
  until: optional(number),
  sender: optional(text),
  recipient: optional(text),
  subject: optional(text),
  finding: optional(text),
  status: optional(v.picklist(REPORT_STATUSES)),
  limit: optional(v.pipe(number, v.integer(), v.minValue(1))),
});

const greylistQuery = v.object({
  network: optional(text),
  sender: optional(text),
  recipient: optional(text),
  limit: optional(v.pipe(number, v.integer(), v.minValue(1))),
});

const processArgs = v.object({
  agent: v.picklist(AGENT_NAMES),
  listener: text,
  envelope: v.object({
    sender: text,
    recipients: v.array(text),
    client: optional(text),
    clientName: optional(text),
    helo: optional(text),
    user: optional(text),
    protocol: optional(text),
  }),
  direction: optional(v.picklist(DIRECTIONS)),
  nextHop: optional(text),
  fixed: optional(v.boolean()),
});

/** Most entries of the message log that one answer has. */
const MAX_MESSAGES = 10_000;

/** Checks arguments. @throws {PosternError} `"command/usage"` that names what is wrong. */
function check<const T extends v.GenericSchema>(
  schema: T,
  op: string,
  args: unknown,
): v.InferOutput<T> {
  const parsed = v.safeParse(schema, args);
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  const place = v.getDotPath(issue);
  throw new PosternError(
    "command/usage",
    `The arguments of ${op} are wrong${place ? ` at ${place}` : ""}: ${issue.message}`,
  );
}

function need(octets: Uint8Array | undefined, op: string): Uint8Array {
  if (octets) return octets;
  throw new PosternError("command/usage", `${op} needs the octets of a message or file`);
}

type Operation = (
  host: OperationsHost,
  args: unknown,
  octets: Uint8Array | undefined,
  signal: AbortSignal,
) => Promise<{ readonly result?: unknown; readonly octets?: Uint8Array }>;

const OPERATIONS: Readonly<Record<string, Operation>> = {
  async status(host) {
    return { result: await host.status() };
  },
  async reload(host) {
    return { result: await host.reload() };
  },
  async stop(host) {
    await host.stop();
    return {};
  },
  policy(host) {
    return Promise.resolve({ result: host.policy() });
  },
  async scan({ ports }, args, octets, signal) {
    const settings = check(scanSettingsSchema, "scan", args);
    return { result: await ports.scan(need(octets, "scan"), settings, signal) };
  },
  async process({ ports }, args, octets, signal) {
    const request = check(processArgs, "process", args);
    const { answer, message } = await processMessage(
      ports,
      request,
      need(octets, "process"),
      signal,
    );
    return { result: answer, ...(message === undefined ? {} : { octets: message }) };
  },
  async "quarantine.list"({ store }, args) {
    return { result: await listQuarantined(store, check(query, "quarantine.list", args ?? {})) };
  },
  async "quarantine.show"({ store }, args) {
    return {
      result: await showQuarantined(store, check(v.object({ id }), "quarantine.show", args).id),
    };
  },
  async "quarantine.read"({ store }, args) {
    const { id: which } = check(v.object({ id }), "quarantine.read", args);
    return { octets: await readQuarantined(store, which) };
  },
  async "quarantine.release"(host, args) {
    const schema = v.object({
      id,
      recipients: optional(v.array(text)),
      otherRecipients: optional(v.boolean()),
      nextHop: optional(text),
      force: optional(v.boolean()),
    });
    const { id: which, ...options } = check(schema, "quarantine.release", args);
    const result = await releaseQuarantined(host.store, which, {
      ...host.releaseOptions(),
      ...options,
      log: host.log,
    });
    return { result };
  },
  async "quarantine.delete"({ store, log }, args) {
    const schema = v.object({
      ids: optional(v.array(id)),
      query: optional(query),
      all: optional(v.boolean()),
    });
    const { ids, query: which, all } = check(schema, "quarantine.delete", args);
    const result = ids
      ? await deleteQuarantined(store, ids, log)
      : await deleteMatching(store, which ?? {}, { all: all ?? false, log });
    return { result };
  },
  /** The octets, to be written by the caller as himself; `to` is where, for the entry's history. */
  async "quarantine.export"({ store, log }, args) {
    const schema = v.object({ id, to: optional(text) });
    const { id: which, to } = check(schema, "quarantine.export", args);
    const octets = await readQuarantined(store, which);
    if (to !== undefined) await noteExport(store, which, to, { log });
    return { octets };
  },
  /** For a caller that has read a message and only now knows where it went. */
  async "quarantine.noteExport"({ store, log }, args) {
    const { id: which, to } = check(v.object({ id, to: text }), "quarantine.noteExport", args);
    await noteExport(store, which, to, { log });
    return {};
  },
  async "greylist.list"({ store }, args) {
    return { result: await store.listGreylist(check(greylistQuery, "greylist.list", args ?? {})) };
  },
  async "greylist.clear"({ store, log }, args) {
    const query = check(greylistQuery, "greylist.clear", args ?? {});
    const result = await store.clearGreylist(query);
    log("info", "The greylist was cleared", { ...query, records: result });
    return { result };
  },
  async "store.check"({ store }) {
    return { result: await store.check() };
  },
  async "store.backup"({ store }, args) {
    return {
      result: await store.backup(check(v.object({ path: text }), "store.backup", args).path),
    };
  },
  async "store.collect"({ store }) {
    return { result: await store.collect() };
  },
  async "store.statistics"({ store }, args) {
    const schema = v.object({ span: v.picklist(["minute", "hour", "day"]), since: number });
    const { span, since } = check(schema, "store.statistics", args);
    await store.flush();
    return { result: await store.statistics(span, since) };
  },
  async messages({ store }, args) {
    const schema = v.object({
      since: optional(number),
      until: optional(number),
      limit: optional(v.pipe(number, v.integer(), v.minValue(1))),
    });
    const { limit = 100, ...span } = check(schema, "messages", args ?? {});
    await store.flush();
    const most = Math.min(limit, MAX_MESSAGES);
    const result: unknown[] = [];
    for await (const entry of store.listMessages({ ...span, limit: most })) result.push(entry);
    return { result };
  },
};

/** Serves the operations. */
export function operations(host: OperationsHost): Operate {
  return async (op, args, octets, signal) => {
    const operation = Object.hasOwn(OPERATIONS, op) ? OPERATIONS[op] : undefined;
    if (!operation) {
      throw new PosternError("command/usage", `There is no operation ${JSON.stringify(op)}`);
    }
    return await operation(host, args, octets, signal);
  };
}
