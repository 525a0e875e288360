/**
 * What the engine takes and gives: plain data that survives structuredClone and JSON.
 * Octets are `Uint8Array`, sizes are octets, times are milliseconds.
 */

/** What a scan says of an object, worst first where several hold. */
export const SCAN_STATUSES = ["infected", "suspicious", "notScanned", "clean"] as const;
/** One of {@link SCAN_STATUSES}. */
export type ScanStatus = (typeof SCAN_STATUSES)[number];

/** Why something was not scanned. Never the same as clean. */
export const NOT_SCANNED_REASONS = [
  "time", // over the time limit (the scanner was killed, or stopped itself)
  "memory", // over the memory limit
  "crashed", // the scanner process died
  "poison", // this very message killed a scanner before
  "busy", // no scanner was free in time
  "cancelled", // the client went away
  "depth", // nested deeper than the limit
  "files", // more parts and entries than the limit
  "octets", // more unpacked octets than the limit
  "ratio", // unpacks to more than the limit's multiple of its size
  "size", // the message itself is larger than the limit
  "encrypted", // cannot be read without a password
  "malformed", // a container that no reader could follow
  "unsupported", // a container that this version does not open
] as const;
/** One of {@link NOT_SCANNED_REASONS}. */
export type NotScannedReason = (typeof NOT_SCANNED_REASONS)[number];

/** How far cleaning goes; see docs on cleaning. */
export const CLEAN_MODES = ["none", "standard", "strict", "rigorous", "delete"] as const;
/** One of {@link CLEAN_MODES}. */
export type CleanMode = (typeof CLEAN_MODES)[number];

/** One budget for a whole message; every limit's breach is `notScanned` with its reason. */
export interface ScanLimits {
  /** Largest message, octets. */
  readonly messageOctets: number;
  /** Deepest nesting of containers and messages. */
  readonly depth: number;
  /** Most parts and archive entries, all levels together. */
  readonly files: number;
  /** Most unpacked octets, all levels together. */
  readonly octets: number;
  /** Largest unpacked-to-packed ratio of one container once past 1 MiB unpacked. */
  readonly ratio: number;
  /** Wall time of the scan, ms; the pool kills a scanner somewhat after it. */
  readonly timeMs: number;
}

/** What the caller wants of a scan. */
export interface ScanSettings {
  /** `mail`: octets are a message (RFC 5322); `file`: any file; `auto`: a file that may be mail, scanned as both. */
  readonly mode: "mail" | "file" | "auto";
  /** Look for what is infected or suspicious, and open containers. */
  readonly antivirus: boolean;
  /** Give a spam score. */
  readonly antispam: boolean;
  /** One budget for the whole object. */
  readonly limits: ScanLimits;
  /** Names of header fields, lower case, whose decoded values the policy asks for. */
  readonly headers?: readonly string[];
  /** Passwords tried on encrypted archives, besides the words of the message. */
  readonly passwords?: readonly string[];
}

/** A detection. `infected` is certain, `suspicious` is a heuristic. */
export interface Finding {
  /** Name as shown and logged, printable ASCII, at most 200 characters, e.g. `Eicar-Test-Signature`. */
  readonly name: string;
  /** What it makes the object. */
  readonly severity: "infected" | "suspicious";
  /** Path of the part it is in: {@link PartReport.path}. */
  readonly part: string;
  /** What found it: `builtin`, `hash`, `pattern`, `heuristic`, later `yara`, `clamd`, ... */
  readonly engine: string;
  /** Octets into the part's decoded content, when known. */
  readonly offset?: number;
}

/** Why an external engine gave no verdict of an object. */
export const ENGINE_FAILURES = [
  "time", // no answer within its time limit
  "unreachable", // no connection, or one that broke; also while it is left alone after such a failure
  "busy", // too many objects wait for it
  "size", // larger than it takes
  "partial", // it did not want to see all of it, or ran into limits of its own
  "malformed", // an answer that is none
  "error", // it says that it could not
  "cancelled", // the client went away
] as const;
/** One of {@link ENGINE_FAILURES}. */
export type EngineFailure = (typeof ENGINE_FAILURES)[number];

/** What an external engine said of a whole object, or why it said nothing. Its findings are among the verdict's. */
export interface EngineReport {
  /** As in the configuration; also {@link Finding.engine} of what it found. */
  readonly name: string;
  /** `notScanned` where it gave no verdict. */
  readonly status: ScanStatus;
  /** Where the status is notScanned. */
  readonly reason?: EngineFailure;
  /** Milliseconds, its queue included. */
  readonly ms: number;
}

/** One node of the tree of parts, in pre-order. */
export interface PartReport {
  /** `""` for the whole object, then `1`, `1.2` for MIME parts, `1.2/name` for entries of a container, unique in a verdict. */
  readonly path: string;
  /** Path of the node that holds it; absent for the root. */
  readonly parent?: string;
  /** `part` of a message, another `reading` of the part before it, `entry` of a container. */
  readonly kind: "root" | "part" | "entry" | "reading";
  /** How its octets were come by, where anything had to be done for it: `base64`, `base64/skip-padding`, `uuencode`, ... */
  readonly reading?: string;
  /** Type by content, as engine/detect/file_type.ts names it: `zip`, `pe`, `text`, `message`, ... */
  readonly type: string;
  /** What the message or archive says it is (media type, lower case). */
  readonly declaredType?: string;
  /** Every name that any reader would show, decoded; the first is the likeliest. */
  readonly names: readonly string[];
  /** Decoded size, octets. */
  readonly size: number;
  /** SHA-256 of the decoded content, lower-case hex; `""` where the content could not be had at all. */
  readonly sha256: string;
  /** Containers and messages that it lies in; 0 for the object and for parts of a message that is the object. */
  readonly depth: number;
  /** Cannot be read without a password. */
  readonly encrypted?: boolean;
  /** Holds program text of an office suite. */
  readonly macro?: boolean;
  /** Why it, or what is in it, was not looked at whole. */
  readonly notScanned?: NotScannedReason;
}

/** A place where two mail programs would read the message differently. */
export interface Ambiguity {
  /** Stable name, e.g. `duplicate-boundary`. */
  readonly name: string;
  /** Path of the part: {@link PartReport.path}. */
  readonly part: string;
}

/** A spam test that matched and what it gave. */
export interface SpamSymptom {
  /** Stable name, e.g. `GTUBE`. */
  readonly name: string;
  /** What it adds to the score; negative for good signs. */
  readonly points: number;
}

/** A half-open range of octets in the message as received. */
export interface OctetRange {
  /** First octet. */
  readonly start: number;
  /** Past the last octet. */
  readonly end: number;
}

/** Where things stand in the octets, so that marks are made by splicing and without parsing again. */
export interface MessageLayout {
  /** Offset just past the last header field, before the empty line. */
  readonly headerEnd: number;
  /** Line end that the header uses. */
  readonly lineEnd: "\r\n" | "\n";
  /** Whole fields (with folds and line end) whose names are Postern's own: to be removed before ours are added. */
  readonly ownFields: readonly OctetRange[];
  /** The first Subject field, whole, and its decoded value. */
  readonly subject?: OctetRange & { readonly value: string };
}

/** A header field that the policy asked for, decoded (RFC 2047) and unfolded. */
export interface HeaderValue {
  /** Lower case. */
  readonly name: string;
  /** One line of text. */
  readonly value: string;
}

/** How much of the limits one scan used: see {@link ScanLimits}. */
export interface ScanUsage {
  /** Deepest nesting met. */
  readonly depth: number;
  /** Parts and entries. */
  readonly files: number;
  /** Unpacked octets. */
  readonly octets: number;
  /** Milliseconds. */
  readonly timeMs: number;
}

/** What the engine says of one object. */
export interface Verdict {
  /** Of the whole object. */
  readonly status: ScanStatus;
  /** In the order found. */
  readonly findings: readonly Finding[];
  /** The reasons, most telling first; empty unless something was not scanned (also when status is infected). */
  readonly notScanned: readonly NotScannedReason[];
  /** The tree in pre-order, the object itself first. */
  readonly parts: readonly PartReport[];
  /** Where mail programs would differ. */
  readonly ambiguities: readonly Ambiguity[];
  /** The external engines that were asked beside the scan; absent where none was. One's silence is its own alone. */
  readonly engines?: readonly EngineReport[];
  /** Absent when antispam was off. */
  readonly spam?: { readonly score: number; readonly symptoms: readonly SpamSymptom[] };
  /** Absent when the object was not read as mail. */
  readonly layout?: MessageLayout;
  /** Those asked for in {@link ScanSettings.headers}. */
  readonly headers: readonly HeaderValue[];
  /** Decoded Subject, at most 998 characters, control characters removed. */
  readonly subject?: string;
  /** Message-ID as it stands, at most 998 characters. */
  readonly messageId?: string;
  /** Age of the loaded signatures, ms; absent where there are none but those built in. */
  readonly signaturesAge?: number;
  /** SHA-256 of the whole object, lower-case hex. */
  readonly sha256: string;
  /** Octets of the object. */
  readonly size: number;
  /** What each step cost, ms, by name (`parse`, `unpack`, `detect`, `total`, `queue`). */
  readonly costs: Readonly<Record<string, number>>;
  /** Absent where no scanner looked at it. */
  readonly usage?: ScanUsage;
}

/** Languages of the texts that are put into mail (ISO 639). */
export const NOTICE_LANGUAGES = ["en", "de", "fr", "es", "sk"] as const;
/** One of {@link NOTICE_LANGUAGES}. */
export type NoticeLanguage = (typeof NOTICE_LANGUAGES)[number];

/** A text to be put into mail: one for every message, or one a language, of which the message's own is taken. */
export type NoticeText = string | Readonly<Record<NoticeLanguage, string>>;

/** What is to be taken out of a message. */
export interface Removal {
  /** Path of the MIME part: {@link PartReport.path} of a `part`, or `""` for the whole content. */
  readonly part: string;
  /** What stands in its place (plain text, lines divided by LF or CRLF). */
  readonly notice: NoticeText;
  /**
   * SHA-256 (lower-case hex) of the entries that are to go. Then the part stays: it is an archive, and is written again without
   * these entries, at whatever level they are; each leaves a text file with the notice.
   */
  readonly entries?: readonly string[];
}

/** What is to be done to the octets of a message, in this order; made by the engine (`rewrite`), in the scanner. */
export interface RewriteRequest {
  /** What goes. */
  readonly remove: readonly Removal[];
  /** Writes a message that readers read differently anew, so that there is one reading left that shows what all showed. */
  readonly canonical?: boolean;
  /** Put at the end of the message's texts, plain and HTML, where that can be done without breaking anything. */
  readonly footnote?: NoticeText;
}

/** What `rewrite` did. */
export interface RewriteResult {
  readonly message: Uint8Array;
  /** Layout of the new octets. */
  readonly layout: MessageLayout;
  /**
   * Parts that were asked for but could not be taken out alone (the caller treats the message as not cleanable); `""` also where
   * the one reading that was asked for could not be made. A footnote that fits nowhere is no failure.
   */
  readonly failed: readonly string[];
}
