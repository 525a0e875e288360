/** Limits of ZMailer's content filter. */

/** Most octets of a spool file's envelope lines. */
export const MAX_ENVELOPE_OCTETS = 4 * 1024 * 1024;
/** Longest answer, octets: the server reads 8 KiB. */
export const MAX_ANSWER_OCTETS = 2000;
