/**
 * Every key of the store and the type of its value, in one place.
 *
 * | key | value |
 * | --- | --- |
 * | `schema` | {@link SchemaRecord}; written last by a restore |
 * | `quarantine`, id | document {@link QuarantineEntry} |
 * | `expiry`, ms, id | empty: index of quarantine by expiry |
 * | `blob`, SHA-256 | {@link BlobRecord}; what makes the chunks visible |
 * | `chunk`, SHA-256, generation, n | octets, {@link CHUNK_OCTETS} each but the last |
 * | `reference`, SHA-256, key of the owner | empty: who needs the blob |
 * | `pending`, SHA-256, generation | {@link PendingRecord}: chunks being written or being deleted |
 * | `message`, ms, queue id, n | document {@link MessageLogEntry} |
 * | `statistic`, span, ms, name | counter (u64) |
 * | `poison`, SHA-256 | {@link PoisonRecord} |
 * | `greylist`, network, SHA-256 | {@link GreylistRecord} |
 * | `greylistClient`, network | {@link GreylistClientRecord} |
 * | `greylistDue`, ms, network, SHA-256 or empty | empty: index of both by the time at which they are over |
 * | `total`, name | counter (u64), changed in the commit of what it counts |
 * | `more`, key of a document, n | octets of a document that is longer than one value |
 *
 * A value is JSON as UTF-8 octets, raw octets, or a u64; nothing else, so that its size is known and a backup is simple.
 */
import * as v from "valibot";
import { PosternError } from "../errors.ts";
import { REPORT_STATUSES } from "../policy/types.ts";
import type { MessageLogEntry, QuarantineEntry, QuarantineEvent } from "./types.ts";

/** Version of everything in this file; a change that old code cannot read adds one and a migration. */
export const SCHEMA_VERSION = 2;

/** A key: its first part names the kind. */
export type Key = readonly (string | number)[];

/** First parts of keys. */
export const KINDS = [
  "schema",
  "quarantine",
  "expiry",
  "blob",
  "chunk",
  "reference",
  "pending",
  "message",
  "statistic",
  "poison",
  "greylist",
  "greylistClient",
  "greylistDue",
  "total",
  "more",
] as const;
/** One of {@link KINDS}. */
export type Kind = (typeof KINDS)[number];

/** Spans of statistics. */
export const SPANS = ["minute", "hour", "day"] as const;
/** One of {@link SPANS}. */
export type Span = (typeof SPANS)[number];

/** Counters kept exact by every commit. */
export const TOTALS = [
  "quarantined",
  "blobs",
  "blobOctets",
  "messages",
  "greylistWaiting",
  "greylistKnown",
  "greylistClients",
] as const;
/** One of {@link TOTALS}. */
export type Total = (typeof TOTALS)[number];

/** Makes the keys. */
export const keys = {
  schema: (): Key => ["schema"],
  quarantine: (id: string): Key => ["quarantine", id],
  expiry: (time: number, id: string): Key => ["expiry", time, id],
  blob: (sha256: string): Key => ["blob", sha256],
  chunk: (sha256: string, generation: string, n: number): Key => ["chunk", sha256, generation, n],
  reference: (sha256: string, owner: Key): Key => ["reference", sha256, ...owner],
  pending: (sha256: string, generation: string): Key => ["pending", sha256, generation],
  message: (time: number, queueId: string, n: number): Key => ["message", time, queueId, n],
  statistic: (
    span: Span,
    time: number,
    name: string,
  ): Key => ["statistic", span, time, name],
  poison: (sha256: string): Key => ["poison", sha256],
  greylist: (network: string, hash: string): Key => ["greylist", network, hash],
  greylistClient: (network: string): Key => ["greylistClient", network],
  greylistDue: (
    time: number,
    network: string,
    hash: string,
  ): Key => ["greylistDue", time, network, hash],
  total: (name: Total): Key => ["total", name],
  more: (document: Key, n: number): Key => ["more", ...document, n],
} as const;

const time = v.pipe(v.number(), v.finite());
const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const sha256 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));
const generation = v.pipe(v.string(), v.regex(/^[0-9a-z]{16}$/));

/** Which layout the file has. */
export interface SchemaRecord {
  readonly version: number;
  /** Milliseconds since 1970. */
  readonly created: number;
}
/** Checks a {@link SchemaRecord}. */
export const schemaRecord: v.GenericSchema<SchemaRecord> = v.object({
  version: count,
  created: time,
});

/** A blob that is whole. */
export interface BlobRecord {
  readonly size: number;
  readonly chunks: number;
  /** Which writing of these octets the chunks belong to. */
  readonly generation: string;
}
/** Checks a {@link BlobRecord}. */
export const blobRecord: v.GenericSchema<BlobRecord> = v.object({
  size: count,
  chunks: count,
  generation,
});

/** Chunks that belong to no blob (yet, or any more). */
export interface PendingRecord {
  readonly chunks: number;
}
/** Checks a {@link PendingRecord}. */
export const pendingRecord: v.GenericSchema<PendingRecord> = v.object({ chunks: count });

/** How often a message killed a scanner. */
export interface PoisonRecord {
  readonly count: number;
  /** Forgotten after this, ms since 1970. */
  readonly until: number;
}
/** Checks a {@link PoisonRecord}. */
export const poisonRecord: v.GenericSchema<PoisonRecord> = v.object({ count, until: time });

/** A client's network, a sender and a recipient, and when they were here. Times in ms since 1970. */
export interface GreylistRecord {
  /** Normal form, cut where it is very long; the key has the hash of the whole. */
  readonly sender: string;
  readonly recipient: string;
  /** The first try. */
  readonly first: number;
  /** The first mail that was let in; absent while none was. */
  readonly passed?: number;
  /** Forgotten after this. */
  readonly until: number;
}
/** Checks a {@link GreylistRecord}. */
export const greylistRecord: v.GenericSchema<GreylistRecord> = v.object({
  sender: v.string(),
  recipient: v.string(),
  first: time,
  passed: v.exactOptional(time),
  until: time,
});

/** A client's network from which mail came a second time. */
export interface GreylistClientRecord {
  /** Senders and recipients for whom it did. */
  readonly passed: number;
  /** Forgotten after this, ms since 1970. */
  readonly until: number;
}
/** Checks a {@link GreylistClientRecord}. */
export const greylistClientRecord: v.GenericSchema<GreylistClientRecord> = v.object({
  passed: count,
  until: time,
});

const quarantineEvent: v.GenericSchema<QuarantineEvent> = v.object({
  time,
  what: v.picklist(["release-started", "released", "release-failed", "exported"]),
  detail: v.string(),
  recipients: v.exactOptional(v.array(v.string())),
});

/** Checks a {@link QuarantineEntry}. */
export const quarantineEntry: v.GenericSchema<QuarantineEntry> = v.object({
  id: generation,
  queueId: v.string(),
  time,
  expires: time,
  agent: v.string(),
  listener: v.string(),
  sender: v.string(),
  recipients: v.array(v.string()),
  client: v.exactOptional(v.string()),
  helo: v.exactOptional(v.string()),
  size: count,
  sha256,
  subject: v.exactOptional(v.string()),
  messageId: v.exactOptional(v.string()),
  status: v.picklist(REPORT_STATUSES),
  findings: v.array(v.object({ name: v.string(), part: v.string(), engine: v.string() })),
  notScanned: v.array(v.string()),
  by: v.string(),
  nextHop: v.string(),
  history: v.array(quarantineEvent),
});

/** Checks a {@link MessageLogEntry}. */
export const messageLogEntry: v.GenericSchema<MessageLogEntry> = v.object({
  queueId: v.string(),
  time,
  status: v.string(),
  record: v.record(v.string(), v.unknown()),
});

/** Parts of a document that is longer than one value; stands in the document's place. */
export interface PartsRecord {
  readonly parts: number;
  readonly octets: number;
}
/** Checks a {@link PartsRecord}. */
export const partsRecord: v.GenericSchema<PartsRecord> = v.strictObject({
  parts: v.pipe(count, v.minValue(1)),
  octets: count,
});

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** A record as the octets that are stored. */
export function encodeRecord(record: unknown): Uint8Array {
  return encoder.encode(JSON.stringify(record));
}

/**
 * Reads a record back and checks it.
 *
 * @throws {PosternError} `store/corrupt` where the octets are not JSON of the schema.
 */
export function decodeRecord<T>(schema: v.GenericSchema<T>, key: Key, value: unknown): T {
  const corrupt = (cause: unknown) =>
    new PosternError("store/corrupt", `The record ${showKey(key)} cannot be read`, { cause });
  if (!(value instanceof Uint8Array)) throw corrupt(`stored as ${typeof value}`);
  let json: unknown;
  try {
    json = JSON.parse(decoder.decode(value));
  } catch (cause) {
    throw corrupt(cause);
  }
  const result = v.safeParse(schema, json);
  if (!result.success) throw corrupt(v.summarize(result.issues));
  return result.output;
}

/** A key for people: `quarantine/0abc…`. */
export function showKey(key: readonly unknown[]): string {
  return key.map(String).join("/");
}
