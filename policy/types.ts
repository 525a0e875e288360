/**
 * What the policy is asked and what it answers: plain data that survives structuredClone and JSON.
 */
import type { CleanMode, NotScannedReason, ScanStatus } from "../engine/types.ts";

/** The gates of mail, as a policy names them. */
export const AGENT_NAMES = [
  "smtp",
  "lmtp",
  "milter",
  "pop3",
  "imap",
  "mda",
  "pipe",
  "scan",
  "cgp",
  "clamd",
] as const;
/** One of {@link AGENT_NAMES}. */
export type AgentName = (typeof AGENT_NAMES)[number];

/** Moments of decision, in order. At each, all facts of the earlier ones are known, too. */
export const PHASES = ["connect", "sender", "recipient", "header", "content", "verdict"] as const;
/** One of {@link PHASES}. */
export type Phase = (typeof PHASES)[number];

/** Which way a message goes, seen from the local domains and networks of the policy. */
export const DIRECTIONS = ["inbound", "outbound", "internal"] as const;
/** One of {@link DIRECTIONS}. */
export type Direction = (typeof DIRECTIONS)[number];

/** What finally happens to a message for a recipient. */
export const ACTIONS = ["accept", "reject", "defer", "discard", "quarantine", "redirect"] as const;
/** One of {@link ACTIONS}. */
export type Action = (typeof ACTIONS)[number];

/** What a handle-object setting (`infected: "reject"`, ...) may say. */
export const HANDLE_ACTIONS = ["accept", "reject", "defer", "discard", "quarantine"] as const;
/** One of {@link HANDLE_ACTIONS}. */
export type HandleAction = (typeof HANDLE_ACTIONS)[number];

/** RFC 5321: who sent it from where to whom, as the agent heard it. */
export interface Envelope {
  /** `""` is the null sender `<>`. Local part as given, domain lower case. */
  readonly sender: string;
  readonly recipients: readonly string[];
  /** Client address, IPv4 dotted or IPv6 compressed; absent where there is no network client. */
  readonly client?: string;
  readonly clientName?: string;
  readonly helo?: string;
  readonly user?: string;
  /** Protocol as in a Received field: SMTP, ESMTP, ESMTPS, LMTP, ... */
  readonly protocol?: string;
}

/** One attachment or archive entry as rules see it. */
export interface AttachmentFact {
  readonly names: readonly string[];
  /** Type by content, as in PartReport.type. */
  readonly type: string;
  readonly encrypted: boolean;
  readonly macro: boolean;
}

/**
 * What is known of a message for one recipient. `undefined`: not known (yet, or the lookup failed); a rule that asks it is
 * unknown and does not match. `null`: known that there is none.
 */
export interface Facts {
  readonly agent: AgentName;
  /** Name of the listener in the configuration. */
  readonly listener: string;
  /** Milliseconds since 1970, of the session's or the transaction's begin. */
  readonly time: number;
  readonly client?: string | null | undefined;
  readonly clientName?: string | null | undefined;
  readonly helo?: string | null | undefined;
  readonly tls?: boolean | undefined;
  readonly user?: string | null | undefined;
  readonly sender?: string | undefined;
  readonly recipient?: string | undefined;
  readonly direction?: Direction | undefined;
  readonly size?: number | undefined;
  readonly headers?: readonly { readonly name: string; readonly value: string }[] | undefined;
  readonly subject?: string | null | undefined;
  readonly attachments?: readonly AttachmentFact[] | undefined;
  readonly ambiguities?: readonly string[] | undefined;
  readonly status?: ScanStatus | undefined;
  readonly findings?: readonly string[] | undefined;
  readonly notScanned?: readonly NotScannedReason[] | undefined;
  readonly spamScore?: number | undefined;
  readonly spamSymptoms?: readonly string[] | undefined;
  readonly spf?: string | undefined;
  readonly dkim?: string | undefined;
  readonly dmarc?: string | undefined;
  /** Milliseconds since the newest signature module was built. */
  readonly signaturesAge?: number | undefined;
  readonly language?: string | null | undefined;
  /** True where every infected part was removed and the rest goes on. */
  readonly cleaned?: boolean | undefined;
  /** True where parts were removed so that nothing of the object was left, or the clean mode is `delete`. */
  readonly deleted?: boolean | undefined;
}

/** Statuses for which a mark, a quarantine copy or a notification can be asked. */
export const REPORT_STATUSES = [
  "clean",
  "cleaned",
  "infected",
  "suspicious",
  "spam",
  "notScanned",
  "deleted",
] as const;
/** One of {@link REPORT_STATUSES}. */
export type ReportStatus = (typeof REPORT_STATUSES)[number];

/** All settings, each with a value: what no rule, group or `settings` gives is the built-in default. */
export interface ResolvedSettings {
  readonly antivirus: {
    readonly action: "scan" | HandleAction;
    readonly clean: CleanMode;
    readonly infected: HandleAction;
    readonly suspicious: HandleAction;
    readonly notScanned: HandleAction;
    readonly deleted: HandleAction;
  };
  readonly antispam: {
    readonly action: "scan" | HandleAction;
    readonly threshold: number;
    readonly spam: HandleAction;
    /** `""`: none. */
    readonly subjectPrefix: string;
  };
  readonly limits: {
    /** Octets. */
    readonly messageSize: number;
    readonly archiveLevels: number;
    /** Octets, all levels together. */
    readonly archiveSize: number;
    readonly archiveFiles: number;
    readonly archiveRatio: number;
    /** Milliseconds. */
    readonly scanTime: number;
  };
  readonly marks: {
    /** For which statuses a status header, subject prefix, footnote is written; `[]` is never. */
    readonly header: readonly ReportStatus[];
    readonly subject: readonly ReportStatus[];
    readonly footnote: readonly ReportStatus[];
  };
  /** Statuses of which a copy is kept in quarantine, whatever the action. */
  readonly quarantine: readonly ReportStatus[];
  readonly notify: Readonly<Partial<Record<ReportStatus, readonly string[]>>>;
  /** Reply texts by cause (`infected`, `spam`, ...), whole: `550 5.7.1 text`. */
  readonly replies: Readonly<Partial<Record<ReportStatus | "rule", string>>>;
}

/** What decide() says for one recipient at one phase. */
export interface Outcome {
  /** False: nothing final yet, go on (action is `accept`). True: no later fact can change it. */
  readonly final: boolean;
  readonly action: Action;
  /** `550 5.7.1 text` for reject, `451 4.7.1 text` for defer; always there for these two. */
  readonly reply?: string;
  /** Recipients instead of the original one, for redirect. */
  readonly redirect?: readonly string[];
  /** True when the message is to be kept in quarantine (action quarantine, or a copy besides). */
  readonly quarantine: boolean;
  /** What the message is for marks and logs; only at phase verdict. */
  readonly status?: ReportStatus;
  readonly settings: ResolvedSettings;
  /** What gave the action: `rule:NAME`, `antivirus.infected`, `antispam.spam`, `default`, ... For the log. */
  readonly by: string;
}
