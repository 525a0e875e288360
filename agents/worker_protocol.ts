/**
 * Messages between the daemon and an agent's worker. What comes from a worker is checked as if it came from the network: the
 * worker talks to clients all day. Octets are transferred.
 */
import * as v from "valibot";
import {
  CLEAN_MODES,
  ENGINE_FAILURES,
  type NoticeLanguage,
  SCAN_STATUSES,
} from "../engine/types.ts";
import type { AgentConfig } from "../policy/config.ts";
import type { DecisionTree } from "../policy/tree.ts";
import { ACTIONS, AGENT_NAMES, DIRECTIONS, PHASES, REPORT_STATUSES } from "../policy/types.ts";
import { GATEWAY_OPERATIONS, LOG_LEVELS } from "./ports.ts";

/** From the daemon to the worker. */
export type ToWorker =
  /** First message: the agent's whole configuration. */
  | {
    readonly type: "start";
    readonly agent: AgentConfig["agent"];
    readonly config: unknown;
    readonly tree: DecisionTree;
  }
  /** Transactions that begin from now on use this policy. */
  | { readonly type: "policy"; readonly tree: DecisionTree }
  | {
    readonly type: "ask";
    readonly id: number;
    readonly what: "status" | "drain" | "stopListening";
  }
  | {
    readonly type: "ask";
    readonly id: number;
    readonly what: "reconfigure";
    readonly config: unknown;
  }
  | { readonly type: "close" }
  /** Answer to a call. */
  | { readonly type: "answer"; readonly id: number; readonly value: unknown }
  /** Answer to a scan that a scanner has made: a checked verdict in the JSON that it wrote, and how long it waited for one, ms. */
  | {
    readonly type: "verdict";
    readonly id: number;
    readonly text: string;
    readonly queueMs: number;
  }
  | {
    readonly type: "failure";
    readonly id: number;
    readonly code: string;
    readonly message: string;
  };

const octets = v.pipe(v.number(), v.integer(), v.minValue(0));
const id = octets;
const ms = octets;
const text = v.string();
const message = v.instance(Uint8Array);
const texts = v.array(text);

const envelope = v.object({
  sender: text,
  recipients: texts,
  client: v.exactOptional(text),
  clientName: v.exactOptional(text),
  helo: v.exactOptional(text),
  user: v.exactOptional(text),
  protocol: v.exactOptional(text),
});

const limits = v.object({
  messageOctets: octets,
  depth: octets,
  files: octets,
  octets: octets,
  ratio: v.number(),
  timeMs: v.number(),
});

/** Settings of a scan, as an agent or a client of the control socket asks. */
export const scanSettingsSchema = v.looseObject({
  mode: v.picklist(["mail", "file", "auto"]),
  antivirus: v.boolean(),
  antispam: v.boolean(),
  limits,
  headers: v.exactOptional(texts),
});

const finding = v.object({ name: text, part: text, engine: text });

const header = v.object({ name: text, value: text });

/** RecordedFacts, as worker and message log hand it on. */
export const recordedFactsSchema = v.object({
  began: v.number(),
  tls: v.boolean(),
  direction: v.exactOptional(v.picklist(DIRECTIONS)),
  phase: v.picklist(PHASES),
  strictest: v.boolean(),
  scan: v.exactOptional(v.object({
    status: v.picklist(SCAN_STATUSES),
    parts: v.boolean(),
    header: v.boolean(),
    headerNames: texts,
    headers: v.array(header),
    spamSymptoms: v.exactOptional(texts),
  })),
  cleaned: v.array(
    v.object({ mode: v.picklist(CLEAN_MODES), status: v.picklist(["cleaned", "deleted"]) }),
  ),
});

/** A MessageRecord. */
export const recordSchema = v.object({
  queueId: v.pipe(text, v.maxLength(64)),
  agent: v.picklist(AGENT_NAMES),
  listener: text,
  time: v.number(),
  envelope,
  direction: v.exactOptional(v.picklist(DIRECTIONS)),
  size: octets,
  messageId: v.exactOptional(text),
  subject: v.exactOptional(text),
  status: v.picklist([...REPORT_STATUSES, "refused"]),
  findings: v.array(finding),
  notScanned: texts,
  engines: v.exactOptional(v.array(v.object({
    name: text,
    status: v.picklist(SCAN_STATUSES),
    reason: v.exactOptional(v.picklist(ENGINE_FAILURES)),
    ms: v.number(),
  }))),
  ambiguities: texts,
  spamScore: v.exactOptional(v.number()),
  outcomes: v.array(v.object({
    recipients: texts,
    action: v.picklist(ACTIONS),
    by: text,
    reply: v.exactOptional(text),
    quarantineId: v.exactOptional(text),
    nextHop: v.exactOptional(text),
  })),
  known: v.exactOptional(recordedFactsSchema),
  attachments: v.array(
    v.object({ names: texts, type: text, encrypted: v.boolean(), macro: v.boolean() }),
  ),
  times: v.record(text, v.number()),
});

/** A verdict as the agent got it from the pool and hands it on with what is to be kept; the store checks what it takes of it. */
const verdict = v.looseObject({
  status: v.picklist(SCAN_STATUSES),
  findings: v.array(
    v.looseObject({ ...finding.entries, severity: v.picklist(["infected", "suspicious"]) }),
  ),
  notScanned: texts,
  parts: v.array(v.looseObject({ path: text })),
  ambiguities: v.array(v.object({ name: text, part: text })),
  headers: v.array(header),
  sha256: text,
  size: octets,
  costs: v.record(text, v.number()),
});

const quarantine = v.object({
  queueId: v.pipe(text, v.maxLength(64)),
  agent: v.picklist(AGENT_NAMES),
  listener: text,
  envelope,
  recipients: texts,
  message,
  verdict,
  status: v.picklist(REPORT_STATUSES),
  by: text,
  nextHop: text,
});

const notice = v.union([
  text,
  v.object(
    { en: text, de: text, fr: text, es: text, sk: text } satisfies Record<NoticeLanguage, unknown>,
  ),
]);
const rewriteRequest = v.object({
  remove: v.array(v.object({ part: text, notice, entries: v.exactOptional(texts) })),
  canonical: v.exactOptional(v.boolean()),
  footnote: v.exactOptional(notice),
});

const end = v.pipe(text, v.maxLength(100));

/** Longer than any address: a line of the delegation protocol. */
const address = v.pipe(text, v.maxLength(10_000));
const greylist = v.object({
  client: v.pipe(text, v.maxLength(100)),
  sender: address,
  recipient: address,
  terms: v.object({ delay: ms, window: ms, keep: ms, proven: octets }),
});

/** What an agent asks of the daemon and waits for. */
export const callSchema = v.variant("method", [
  v.object({
    type: v.literal("call"),
    id,
    method: v.literal("scan"),
    message,
    /** {@link scanSettingsSchema} in JSON: many messages have the same, and it is checked once. */
    settings: text,
  }),
  v.object({
    type: v.literal("call"),
    id,
    method: v.literal("rewrite"),
    message,
    request: rewriteRequest,
  }),
  v.object({ type: v.literal("call"), id, method: v.literal("seal"), original: message, message }),
  v.object({ type: v.literal("call"), id, method: v.literal("quarantine"), request: quarantine }),
  v.object({ type: v.literal("call"), id, method: v.literal("greylist"), request: greylist }),
  v.object({
    type: v.literal("call"),
    id,
    method: v.literal("maildir"),
    path: text,
    envelope,
    message,
  }),
  v.object({ type: v.literal("call"), id, method: v.literal("reserve"), octets }),
  /** Both ends of a connection, `HOST:PORT`. */
  v.object({
    type: v.literal("call"),
    id,
    method: v.literal("destination"),
    local: end,
    remote: end,
  }),
]);

/** A checked {@link callSchema}. */
export type WorkerCall = v.InferOutput<typeof callSchema>;

/** Everything a worker may send besides calls. */
export const noticeSchema = v.variant("type", [
  /** Its modules are loaded; nothing listens yet. */
  v.object({ type: v.literal("ready") }),
  v.object({ type: v.literal("started"), addresses: texts }),
  v.object({ type: v.literal("failed"), code: text, message: text }),
  /** The caller of a scan or rewrite has gone away. */
  v.object({ type: v.literal("cancel"), id }),
  v.object({ type: v.literal("release"), octets }),
  /** An array of {@link recordSchema} in JSON: what became of several messages, oldest first. */
  v.object({ type: v.literal("records"), records: text }),
  v.object({
    type: v.literal("log"),
    level: v.picklist(LOG_LEVELS),
    message: v.pipe(text, v.maxLength(10_000)),
    fields: v.record(text, v.union([text, v.number(), v.boolean()])),
  }),
  v.object({ type: v.literal("told"), id, value: v.unknown() }),
  /** A client asks something of the whole gateway; the daemon sees whether it may. */
  v.object({ type: v.literal("operate"), operation: v.picklist(GATEWAY_OPERATIONS) }),
]);

/** A checked {@link noticeSchema}. */
export type WorkerNotice = v.InferOutput<typeof noticeSchema>;
