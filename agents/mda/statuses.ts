/** What exit statuses mean to those who run a delivery agent. */

/** Who runs the wrapper. */
export const MDA_MODES = [
  "postfix",
  "sendmail",
  "exim",
  "qmail",
  "maildrop",
  "deliver",
  "dovecot",
] as const;
/** One of {@link MDA_MODES}. */
export type MdaMode = (typeof MDA_MODES)[number];

/** Exit statuses by what becomes of the message. */
export interface MdaStatuses {
  /** It is to be tried again. */
  readonly defer: number;
  /** It goes back to its sender. */
  readonly reject: number;
  /** It is done with: dropped, or kept in quarantine. */
  readonly discard: number;
}

/** sysexits.h: EX_TEMPFAIL, EX_NOPERM. What Postfix, Sendmail, Exim's pipe transport, maildrop, deliver and dovecot-lda keep to. */
const SYSEXITS: MdaStatuses = { defer: 75, reject: 77, discard: 0 };
/** qmail-command(8): 111 soft, 100 hard, 99 done and no more lines of the .qmail file. */
const QMAIL: MdaStatuses = { defer: 111, reject: 100, discard: 99 };

/** The statuses of a mode. */
export function statusesOf(mode: MdaMode): MdaStatuses {
  return mode === "qmail" ? QMAIL : SYSEXITS;
}
