/**
 * What the daemon hands an agent: the only way from an agent to scanners, store and disk. In an agent's worker these calls
 * become messages to the daemon; in tests they are plain objects.
 */
import type {
  Ambiguity,
  CleanMode,
  EngineReport,
  RewriteRequest,
  RewriteResult,
  ScanSettings,
  ScanStatus,
  Verdict,
} from "../engine/types.ts";
import type { GreylistTerms } from "../policy/greylisting.ts";
import type {
  AgentName,
  Direction,
  Envelope,
  Outcome,
  Phase,
  ReportStatus,
} from "../policy/types.ts";
import type { DecisionTree } from "../policy/tree.ts";

/** What becomes one line of the log, one entry of the message log, and counts in statistics. */
export interface MessageRecord {
  readonly queueId: string;
  readonly agent: AgentName;
  readonly listener: string;
  /** Milliseconds since 1970 of the end of the transaction. */
  readonly time: number;
  readonly envelope: Envelope;
  readonly direction?: Direction;
  /** Octets as received; 0 where it was refused before DATA. */
  readonly size: number;
  readonly messageId?: string;
  readonly subject?: string;
  /** `refused` where no message was read. */
  readonly status: ReportStatus | "refused";
  readonly findings: readonly {
    readonly name: string;
    readonly part: string;
    readonly engine: string;
  }[];
  readonly notScanned: readonly string[];
  /** What external engines said; absent where none was asked. */
  readonly engines?: readonly EngineReport[];
  readonly ambiguities: readonly Ambiguity["name"][];
  readonly spamScore?: number;
  /** One a group of recipients with the same outcome. */
  readonly outcomes: readonly {
    readonly recipients: readonly string[];
    readonly action: Outcome["action"];
    readonly by: string;
    /** The reply that the client heard, or that the next hop gave. */
    readonly reply?: string;
    readonly quarantineId?: string;
    readonly nextHop?: string;
  }[];
  /** What a replay of the policy needs besides the rest; see {@link RecordedFacts}. */
  readonly known?: RecordedFacts;
  /** Parts and archive entries that rules see, each kind once. */
  readonly attachments: readonly {
    readonly names: readonly string[];
    readonly type: string;
    readonly encrypted: boolean;
    readonly macro: boolean;
  }[];
  /** ms by step: `scan`, `queue`, `deliver`, `total`. */
  readonly times: Readonly<Record<string, number>>;
}

/** Facts that the policy was asked with, as far as a {@link MessageRecord} has them nowhere else. */
export interface RecordedFacts {
  /** Milliseconds since 1970 of the transaction's begin: what rules on `time` saw. */
  readonly began: number;
  readonly tls: boolean;
  /** Where the listener fixes it; else it was seen from the policy. */
  readonly direction?: Direction;
  /** The moment of the decision; `verdict` for every message that was read whole. */
  readonly phase: Phase;
  /** True where all recipients shared the strictest outcome. */
  readonly strictest: boolean;
  /** Absent where there was no scan. */
  readonly scan?: {
    readonly status: ScanStatus;
    /** Whether `attachments` has all that was seen. */
    readonly parts: boolean;
    /** Whether the header was read: subject and ambiguities are known. */
    readonly header: boolean;
    /** Names of fields, lower case, of which {@link headers} has every value. */
    readonly headerNames: readonly string[];
    readonly headers: readonly { readonly name: string; readonly value: string }[];
    /** Absent where nobody wanted the spam tests. */
    readonly spamSymptoms?: readonly string[];
  };
  /** What cleaning came to, by mode. */
  readonly cleaned: readonly { readonly mode: CleanMode; readonly status: "cleaned" | "deleted" }[];
}

/** A message to be kept. */
export interface QuarantineRequest {
  readonly queueId: string;
  readonly agent: AgentName;
  readonly listener: string;
  readonly envelope: Envelope;
  /** Recipients that this copy is kept for. */
  readonly recipients: readonly string[];
  readonly message: Uint8Array;
  readonly verdict: Verdict;
  readonly status: ReportStatus;
  readonly by: string;
  /** Next hop that a release goes to. */
  readonly nextHop: string;
}

/** A mail at RCPT that has to come again, unless it has. */
export interface GreylistRequest {
  /** Address of the client. */
  readonly client: string;
  readonly sender: string;
  readonly recipient: string;
  readonly terms: GreylistTerms;
}

/** Levels of the log, least first. */
export const LOG_LEVELS = ["debug", "info", "warning", "error"] as const;
/** One of {@link LOG_LEVELS}. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** What an agent's clients may ask of the whole gateway, where the configuration lets them. */
export const GATEWAY_OPERATIONS = ["reload", "shutdown"] as const;
/** One of {@link GATEWAY_OPERATIONS}. */
export type GatewayOperation = (typeof GATEWAY_OPERATIONS)[number];

/** The ports of an agent. */
export interface AgentPorts {
  /** The policy in force now; a transaction keeps the one it began with. */
  policy(): DecisionTree;
  /**
   * Scans one object. Never rejects for what the object is: a scanner that dies is a verdict `notScanned`.
   * `message` stays the caller's (it is copied or lent, never detached).
   */
  scan(message: Uint8Array, settings: ScanSettings, signal?: AbortSignal): Promise<Verdict>;
  /** Takes parts out of a message, in a scanner. Rejects with a PosternError when that cannot be done. */
  rewrite(
    message: Uint8Array,
    request: RewriteRequest,
    signal?: AbortSignal,
  ): Promise<RewriteResult>;
  /**
   * Makes the fields of an ARC seal, in CRLF lines; `""` where it cannot be done now, null where this node makes none.
   *
   * @param original As received.
   * @param message As it goes on.
   */
  seal?(original: Uint8Array, message: Uint8Array): Promise<string | null>;
  /** In how many milliseconds a mail is to come again; 0: it may come in. Asked only where the policy greylists. */
  greylist?(request: GreylistRequest): Promise<number>;
  /** Resolves with the quarantine id once the message is on disk; rejects (`store/…`) when it is not. */
  quarantine(request: QuarantineRequest): Promise<string>;
  /** Delivers to a `maildir:PATH` next hop of the configuration; resolves when the file is in new/ and fsynced. */
  deliverMaildir(path: string, envelope: Envelope, message: Uint8Array): Promise<void>;
  /**
   * Where a connection was going before the firewall redirected it; `undefined` where it was not.
   *
   * @param local Own end, `HOST:PORT`, and `remote` the client's.
   */
  originalDestination?(local: string, remote: string): Promise<string | undefined>;
  /** Asks for octets to be held; false when the node is full (the agent answers 452). Each grant is given back by release. */
  reserve(octets: number): Promise<boolean>;
  release(octets: number): void;
  /** Asks the daemon to read its documents and signatures anew, or to end. It does what the agent's configuration allows alone. */
  operate?(operation: GatewayOperation): void;
  /** Fire and forget: log line, message log, statistics. */
  record(record: MessageRecord): void;
  log(
    level: LogLevel,
    message: string,
    fields?: Readonly<Record<string, string | number | boolean>>,
  ): void;
}

/** An agent that runs. */
export interface RunningAgent {
  /** Where it listens, with the real port: `127.0.0.1:2525`. */
  readonly addresses: readonly string[];
  /** New settings of the same listener, without dropping sessions; false when a restart is needed. */
  reconfigure?(config: unknown): boolean;
  /** Counts for `postern status`: `sessions`, `messages`, ... */
  status(): Readonly<Record<string, number>>;
  /** Closes the listener, and nothing else: another worker has taken over the address. Sessions go on as they are. */
  stopListening?(): void;
  /** Takes no new sessions or messages; resolves when those in flight are done. */
  drain(): Promise<void>;
  /** Closes everything now. */
  close(): void;
}
