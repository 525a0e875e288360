import { applyMarks } from "../engine/message/marks.ts";
import type { MessageLayout, NoticeText, Verdict } from "../engine/types.ts";
import type { Outcome, ReportStatus } from "../policy/types.ts";
import { footnote } from "./notices.ts";

const MAX_NAMES = 10;

/** A header field that tells of the scan. */
export interface MarkField {
  readonly name: string;
  /** Without line ends. */
  readonly value: string;
}

/** Subject prefixes of statuses that have none in the settings. */
const SUBJECT_PREFIXES: Readonly<Partial<Record<ReportStatus, string>>> = {
  cleaned: "[CLEANED] ",
  infected: "[INFECTED] ",
  suspicious: "[SUSPICIOUS] ",
  notScanned: "[NOT SCANNED] ",
  deleted: "[REMOVED] ",
};

/**
 * Adds the header fields and the subject prefix that the settings ask for this status and cuts forged fields of Postern's own names; a message that needs
 * neither comes back as the same buffer.
 *
 * @param message The octets to deliver, and `layout` of just these.
 * @param verdict What header fields tell of it; absent where it was not scanned.
 */
export function markMessage(
  message: Uint8Array,
  layout: MessageLayout,
  outcome: Outcome,
  verdict: Verdict | undefined,
): readonly Uint8Array[] {
  const fields = markFields(outcome, verdict);
  const subjectPrefix = markPrefix(outcome);
  if (fields.length === 0 && !subjectPrefix && layout.ownFields.length === 0) return [message];
  return applyMarks(message, layout, { fields, ...(subjectPrefix ? { subjectPrefix } : {}) });
}

/** The header fields that the settings ask for this status. */
export function markFields(
  { status, settings: { marks } }: Outcome,
  verdict: Verdict | undefined,
): MarkField[] {
  if (!status || !marks.header.includes(status)) return [];
  const fields = [{ name: "X-Postern-Status", value: status as string }];
  const names = findingNames(verdict);
  if (names) fields.push({ name: "X-Postern-Finding", value: names });
  if (verdict && verdict.notScanned.length > 0) {
    fields.push({ name: "X-Postern-Not-Scanned", value: verdict.notScanned.join(", ") });
  }
  if (verdict?.spam) {
    fields.push({ name: "X-Postern-Spam-Score", value: verdict.spam.score.toFixed(1) });
  }
  return fields;
}

/** The note that the settings want at the end of the text. It is put there by a scanner, which reads the message for it. */
export function wantedFootnote(
  { status, settings: { marks } }: Outcome,
  verdict: Verdict | undefined,
): NoticeText | undefined {
  if (status === undefined || !marks.footnote.includes(status)) return undefined;
  return footnote(status, verdict, marks.language);
}

/** What the settings put before the subject for this status; `""`: nothing. That of spam is a setting of its own. */
export function markPrefix({ status, settings: { marks, antispam } }: Outcome): string {
  if (status === "spam") return antispam.subjectPrefix;
  return status && marks.subject.includes(status) ? SUBJECT_PREFIXES[status] ?? "" : "";
}

function findingNames(verdict: Verdict | undefined): string {
  if (!verdict) return "";
  const names = [...new Set(verdict.findings.map((finding) => finding.name))];
  return names.slice(0, MAX_NAMES).join(", ").replace(/[^\x20-\x7e]/g, "?");
}
