import type { ResolvedSettings } from "./types.ts";

/**
 * What holds where the document says nothing. A clean message passes octet for octet: only what the scan found something in is
 * marked. What is known to be bad is refused, so that its sender hears of it; what only a guess speaks against is kept, so that
 * nothing is lost by an error; what could not be scanned waits.
 */
export const DEFAULT_SETTINGS: ResolvedSettings = {
  antivirus: {
    action: "scan",
    clean: "none",
    infected: "reject",
    suspicious: "quarantine",
    notScanned: "defer",
    deleted: "accept", // the recipient gets the notice of what was removed
    ambiguous: "pass",
  },
  antispam: { action: "scan", threshold: 6, spam: "quarantine", subjectPrefix: "" },
  limits: {
    messageSize: 50 * 1024 ** 2,
    archiveLevels: 10,
    archiveSize: 100 * 1024 ** 2, // what one scan holds in memory beside the message
    archiveFiles: 10_000,
    archiveRatio: 1000, // deflate reaches 1032: a bomb of one level is caught by its size
    scanTime: 30_000,
  },
  greylist: {
    action: "pass",
    delay: 5 * 60_000, // programs that send and forget do not come again at all: it need not be long
    window: 2 * 86_400_000,
    keep: 36 * 86_400_000, // a newsletter of each month is known
    proven: 5,
  },
  marks: {
    header: ["cleaned", "infected", "suspicious", "spam", "notScanned", "deleted"],
    subject: [],
    footnote: [],
    language: "auto",
  },
  quarantine: [],
  notify: {},
  replies: {},
};
