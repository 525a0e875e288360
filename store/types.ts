/**
 * What the store keeps and how it is asked. Values are plain data; octets of messages are blobs.
 */
import type { ReportStatus } from "../policy/types.ts";

/** What is kept of a quarantined message besides its octets. */
export interface QuarantineEntry {
  /** Sortable by time, printable, safe as a file name: `[0-9a-z]{16}`. */
  readonly id: string;
  readonly queueId: string;
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly expires: number;
  readonly agent: string;
  readonly listener: string;
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly client?: string;
  readonly helo?: string;
  readonly size: number;
  /** SHA-256 of the message, lower-case hex; also the blob's address. */
  readonly sha256: string;
  readonly subject?: string;
  readonly messageId?: string;
  readonly status: ReportStatus;
  readonly findings: readonly {
    readonly name: string;
    readonly part: string;
    readonly engine: string;
  }[];
  readonly notScanned: readonly string[];
  /** What gave the decision, as Outcome.by. */
  readonly by: string;
  readonly nextHop: string;
  /** Each release or try of one, oldest first. */
  readonly history: readonly {
    readonly time: number;
    readonly what: "released" | "release-failed" | "exported";
    readonly detail: string;
  }[];
}

/** One entry of the message log: JSON as the daemon gives it, with what it is found by. */
export interface MessageLogEntry {
  readonly queueId: string;
  readonly time: number;
  readonly status: string;
  /** The MessageRecord of agents/ports.ts. */
  readonly record: Readonly<Record<string, unknown>>;
}

/** What quarantine list asks. */
export interface QuarantineQuery {
  readonly since?: number;
  readonly until?: number;
  /** Substring, case-insensitive. */
  readonly sender?: string;
  readonly recipient?: string;
  readonly subject?: string;
  readonly finding?: string;
  readonly status?: ReportStatus;
  /** Newest first; default 100. */
  readonly limit?: number;
}

/** What `store check` found. */
export interface StoreCheck {
  readonly schemaVersion: number;
  readonly quarantined: number;
  readonly blobs: number;
  readonly blobOctets: number;
  readonly messages: number;
  /** Sentences; empty when all is well. */
  readonly problems: readonly string[];
  /** What was mended (orphans collected, ...). */
  readonly mended: readonly string[];
}

/** The store, as the daemon uses it. One process opens it at a time. */
export interface Store {
  /** Resolves with the entry's id once entry and octets are on disk. */
  putQuarantine(
    entry: Omit<QuarantineEntry, "id" | "history" | "sha256" | "size">,
    message: Uint8Array,
  ): Promise<string>;
  getQuarantine(id: string): Promise<QuarantineEntry | undefined>;
  readQuarantined(id: string): Promise<Uint8Array>;
  listQuarantine(query: QuarantineQuery): Promise<QuarantineEntry[]>;
  /** @returns false when there is no such entry. */
  deleteQuarantine(id: string): Promise<boolean>;
  noteQuarantine(id: string, event: QuarantineEntry["history"][number]): Promise<void>;
  /** Buffered; written a few times a second and on close. */
  appendMessage(entry: MessageLogEntry): void;
  listMessages(
    query: { since?: number; until?: number; limit?: number },
  ): AsyncIterable<MessageLogEntry>;
  /** Adds to counters of the minute, hour and day of `time`. Buffered. */
  count(time: number, counters: Readonly<Record<string, number>>): void;
  statistics(
    span: "minute" | "hour" | "day",
    since: number,
  ): Promise<{ time: number; counters: Record<string, number> }[]>;
  /** Remembers a message that killed a scanner; @returns how often it has. */
  notePoison(sha256: string, keepMs: number): Promise<number>;
  poisonCount(sha256: string): Promise<number>;
  /** Enforces retention and sizes, collects orphans; @returns what was removed, by kind. */
  collect(now?: number): Promise<Readonly<Record<string, number>>>;
  flush(): Promise<void>;
  check(): Promise<StoreCheck>;
  /** Writes one file with everything, atomically (aside, fsync, rename). */
  backup(path: string): Promise<{ entries: number; octets: number }>;
  close(): Promise<void>;
}
