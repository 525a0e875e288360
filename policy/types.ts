/**
 * What the policy is asked and what it answers: plain data that survives structuredClone and JSON.
 */
import type { CleanMode, NoticeLanguage, NotScannedReason, ScanStatus } from "../engine/types.ts";

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
  "delegation",
  "spamd",
  "rspamd",
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

/** What becomes of mail that programs read differently, where nothing else is wrong with it. */
export const AMBIGUOUS_MODES = ["pass", "rewrite"] as const;
/** One of {@link AMBIGUOUS_MODES}. */
export type AmbiguousMode = (typeof AMBIGUOUS_MODES)[number];

/** What becomes of the first try of an unknown client, sender and recipient. */
export const GREYLIST_ACTIONS = ["pass", "delay"] as const;
/** One of {@link GREYLIST_ACTIONS}. */
export type GreylistAction = (typeof GREYLIST_ACTIONS)[number];

/** RFC 5321: who sent it from where to whom, as the agent heard it. */
export interface Envelope {
  /** `""` is the null sender `<>`. Local part as given, domain lower case. */
  readonly sender: string;
  /** In the order heard; local part as given, domain lower case. */
  readonly recipients: readonly string[];
  /** Client address, IPv4 dotted or IPv6 compressed; absent where there is no network client. */
  readonly client?: string;
  /** Host name of the client, as DNS or the mail server in front says. */
  readonly clientName?: string;
  /** What the client called itself with HELO, EHLO or LHLO. */
  readonly helo?: string;
  /** Name that the client authenticated with. */
  readonly user?: string;
  /** Protocol as in a Received field: SMTP, ESMTP, ESMTPS, LMTP, ... */
  readonly protocol?: string;
}

/** One attachment or archive entry as rules see it. */
export interface AttachmentFact {
  /** Every name that a mail program would show. */
  readonly names: readonly string[];
  /** Type by content, as in PartReport.type. */
  readonly type: string;
  /** Whether it cannot be read without a password. */
  readonly encrypted: boolean;
  /** Whether it holds a program of its own. */
  readonly macro: boolean;
}

/**
 * What is known of a message for one recipient. `undefined`: not known (yet, or the lookup failed); a rule that asks it is
 * unknown and does not match. `null`: known that there is none.
 */
export interface Facts {
  /** The kind of gate. */
  readonly agent: AgentName;
  /** Name of the listener in the configuration. */
  readonly listener: string;
  /** Milliseconds since 1970, of the session's or the transaction's begin. */
  readonly time: number;
  /** Address of the client. */
  readonly client?: string | null | undefined;
  /** Host name of the client. */
  readonly clientName?: string | null | undefined;
  /** What the client called itself. */
  readonly helo?: string | null | undefined;
  /** Whether the client's connection is encrypted. */
  readonly tls?: boolean | undefined;
  /** Name that the client authenticated with. */
  readonly user?: string | null | undefined;
  /** Envelope sender; `""` is the null sender. */
  readonly sender?: string | undefined;
  /** The envelope recipient that is decided for. */
  readonly recipient?: string | undefined;
  /** Which way it goes. */
  readonly direction?: Direction | undefined;
  /** Octets of the message. */
  readonly size?: number | undefined;
  /** Fields that the policy asks for, decoded; names in lower case. */
  readonly headers?: readonly { readonly name: string; readonly value: string }[] | undefined;
  /** Decoded Subject. */
  readonly subject?: string | null | undefined;
  /** Parts, attachments and archive entries. */
  readonly attachments?: readonly AttachmentFact[] | undefined;
  /** Names of the places that mail programs would read differently. */
  readonly ambiguities?: readonly string[] | undefined;
  /** What the scan says. */
  readonly status?: ScanStatus | undefined;
  /** Names of everything found. */
  readonly findings?: readonly string[] | undefined;
  /** Why something was not scanned; `[]` where all was. */
  readonly notScanned?: readonly NotScannedReason[] | undefined;
  /** Names of the external engines that gave no verdict; `[]` where all did, or none is asked. */
  readonly enginesFailed?: readonly string[] | undefined;
  /** Points of all spam tests together. */
  readonly spamScore?: number | undefined;
  /** Names of the spam tests that matched. */
  readonly spamSymptoms?: readonly string[] | undefined;
  /** Result of SPF: RFC 7208, section 2.6. */
  readonly spf?: string | undefined;
  /** Best result of the signatures: RFC 8601, section 2.7.1. */
  readonly dkim?: string | undefined;
  /** Result of DMARC: RFC 7489, section 11.2. */
  readonly dmarc?: string | undefined;
  /** Milliseconds since the newest signature module was built. */
  readonly signaturesAge?: number | undefined;
  /** Language of the text, a code of ISO 639. */
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
  /** Whether it is scanned, and what becomes of what the scan says. */
  readonly antivirus: {
    readonly action: "scan" | HandleAction;
    readonly clean: CleanMode;
    readonly infected: HandleAction;
    readonly suspicious: HandleAction;
    readonly notScanned: HandleAction;
    readonly deleted: HandleAction;
    readonly ambiguous: AmbiguousMode;
  };
  /** The same for spam checks. */
  readonly antispam: {
    readonly action: "scan" | HandleAction;
    readonly threshold: number;
    readonly spam: HandleAction;
    /** `""`: none. */
    readonly subjectPrefix: string;
  };
  /** Bounds of one scan. */
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
  /** Whether mail from a client that never wrote to the recipient before is to come a second time; see greylistTerms(). */
  readonly greylist: {
    readonly action: GreylistAction;
    /** How long a first try waits, ms. */
    readonly delay: number;
    /** Until when after the first try it must come again, ms. */
    readonly window: number;
    /** How long what came again is known, from its last mail on, ms. */
    readonly keep: number;
    /** Senders and recipients for whom a client's network came again until nothing of it waits any more; 0: never. */
    readonly proven: number;
  };
  /** What is written into mail that goes on. */
  readonly marks: {
    /** For which statuses a status header, subject prefix, footnote is written; `[]` is never. */
    readonly header: readonly ReportStatus[];
    readonly subject: readonly ReportStatus[];
    readonly footnote: readonly ReportStatus[];
    /** Of what is written for people; `auto`: the message's own. */
    readonly language: "auto" | NoticeLanguage;
  };
  /** Statuses of which a copy is kept in quarantine, whatever the action. */
  readonly quarantine: readonly ReportStatus[];
  /** Addresses that are told, by status. */
  readonly notify: Readonly<Partial<Record<ReportStatus, readonly string[]>>>;
  /** Reply texts by cause (`infected`, `spam`, ...), whole: `550 5.7.1 text`. */
  readonly replies: Readonly<Partial<Record<ReportStatus | "rule", string>>>;
}

/** What decide() says for one recipient at one phase. */
export interface Outcome {
  /** False: nothing final yet, go on (action is `accept`). True: no later fact can change it. */
  readonly final: boolean;
  /** What happens to the message. */
  readonly action: Action;
  /** `550 5.7.1 text` for reject, `451 4.7.1 text` for defer; always there for these two. */
  readonly reply?: string;
  /** Recipients instead of the original one, for redirect. */
  readonly redirect?: readonly string[];
  /** True when the message is to be kept in quarantine (action quarantine, or a copy besides). */
  readonly quarantine: boolean;
  /** What the message is for marks and logs; only at phase verdict. */
  readonly status?: ReportStatus;
  /** Every setting in force for this recipient. */
  readonly settings: ResolvedSettings;
  /** What gave the action: `rule:NAME`, `antivirus.infected`, `antispam.spam`, `default`, ... For the log. */
  readonly by: string;
}
