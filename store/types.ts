/**
 * What the store keeps and how it is asked. Values are plain data; octets of messages are blobs.
 */
import type { ReportStatus } from "../policy/types.ts";

/** What was done with a quarantined message. */
export interface QuarantineEvent {
  /** Milliseconds since 1970. */
  readonly time: number;
  /** `release-started` without a later `released` or `release-failed`: it broke off in between, and who got it is not known. */
  readonly what: "release-started" | "released" | "release-failed" | "exported";
  /** For people: the next hop and its reply, or the file. */
  readonly detail: string;
  /** Whom a step of a release was for. */
  readonly recipients?: readonly string[];
}

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
  /** Each step of a release and each export, oldest first; the newest 200 are kept. */
  readonly history: readonly QuarantineEvent[];
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

/** Who writes to whom, in the normal form under which it is known again. */
export interface GreylistTriplet {
  /** The client's: `192.0.2.0/24`. */
  readonly network: string;
  readonly sender: string;
  readonly recipient: string;
}

/** How long what waits, ms. */
export interface GreylistTerms {
  /** From the first try on. */
  readonly delay: number;
  /** Until when the second must have come. */
  readonly window: number;
  /** How long what came again is known. */
  readonly keep: number;
  /** Senders and recipients until a network is trusted; 0: never. */
  readonly proven: number;
}

/** What the greylist says of a mail. */
export interface GreylistAnswer {
  /** It is to come again in so many milliseconds; 0: it may come in. */
  readonly waitMs: number;
  /** For the `first` time; again, but too `early`; `again`, in time; as one that is `known`; from a `proven` network. */
  readonly came: "first" | "early" | "again" | "known" | "proven";
}

/** A record of the greylist; without addresses it is a network's. Times in ms since 1970. */
export interface GreylistEntry {
  readonly network: string;
  readonly sender?: string;
  readonly recipient?: string;
  readonly first?: number;
  /** When it was let in; of a network: for how many senders and recipients it came again. */
  readonly passed?: number;
  readonly until: number;
}

/** What greylist list and clear ask. */
export interface GreylistQuery {
  /** As it is written in the list. */
  readonly network?: string;
  /** Substring, case-insensitive. */
  readonly sender?: string;
  readonly recipient?: string;
  /** Of a list; default 100. */
  readonly limit?: number;
}

/** What `store check` found. */
export interface StoreCheck {
  readonly schemaVersion: number;
  readonly quarantined: number;
  readonly blobs: number;
  readonly blobOctets: number;
  readonly messages: number;
  /** Records of the greylist: mail that has not come again yet, mail that has, and networks. */
  readonly greylistWaiting: number;
  readonly greylistKnown: number;
  readonly greylistClients: number;
  /** Sentences; empty when all is well. */
  readonly problems: readonly string[];
  /** What was mended (orphans collected, ...). */
  readonly mended: readonly string[];
}

/** Bounds of what is kept; what is over them goes at the next {@link Store.collect}, oldest first. */
export interface StoreLimits {
  /** Octets of all blobs together. */
  readonly quarantineOctets: number;
  /** How long an entry of the message log is kept, ms. */
  readonly messageKeepMs: number;
  /** Most entries of the message log. */
  readonly messageEntries: number;
}

/** Counts for `postern status`, kept exact by each commit. */
export interface StoreTotals {
  readonly quarantined: number;
  readonly blobs: number;
  readonly blobOctets: number;
  readonly messages: number;
  /** Senders and recipients in the greylist that have not come again yet. */
  readonly greylistWaiting: number;
  /** And that have. */
  readonly greylistKnown: number;
  /** Networks from which mail came again. */
  readonly greylistClients: number;
  /** Log entries and counters that wait to be written. */
  readonly buffered: number;
  /** Log entries given up since the start, because they could not be written and the buffer was full. */
  readonly dropped: number;
}

/** What a backup holds. */
export interface BackupResult {
  /** Quarantined messages. */
  readonly entries: number;
  /** Of the file. */
  readonly octets: number;
  /** Sentences: what is damaged in the store and therefore not in the backup. */
  readonly skipped: readonly string[];
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
  noteQuarantine(id: string, event: QuarantineEvent): Promise<void>;
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
  /** Every message remembered so; the pool reads it once, at its start, so that a scan asks no store. */
  listPoison(): Promise<readonly { sha256: string; count: number; expires: number }[]>;
  /** Whether a mail has waited long enough; remembers that it was here. */
  askGreylist(triplet: GreylistTriplet, terms: GreylistTerms): Promise<GreylistAnswer>;
  listGreylist(query: GreylistQuery): Promise<GreylistEntry[]>;
  /** Forgets what matches; @returns how many records. */
  clearGreylist(query: GreylistQuery): Promise<number>;
  /** Enforces retention and sizes, collects orphans; @returns what was removed, by kind. */
  collect(now?: number): Promise<Readonly<Record<string, number>>>;
  /** Takes new limits into force, as after a reload. */
  setLimits(limits: Partial<StoreLimits>): void;
  totals(): Promise<StoreTotals>;
  flush(): Promise<void>;
  check(): Promise<StoreCheck>;
  /** Writes one file with everything, atomically (aside, fsync, rename). */
  backup(path: string): Promise<BackupResult>;
  close(): Promise<void>;
}
