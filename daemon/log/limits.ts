/** Bounds of the log. */

/** Characters of one value; the rest is cut and counted. */
export const VALUE_CHARACTERS = 600;
/** Characters of one list (recipients, findings); elements over it are counted. */
export const LIST_CHARACTERS = 4_000;
/** Outcomes of one message that are written in full. */
export const OUTCOMES = 20;
/** Octets of one line in a file or on stderr; fields over it are left out and counted. */
export const LINE_OCTETS = 32_768;
/** Octets of one syslog message: rsyslog's default is 8 KiB with its header. */
export const SYSLOG_OCTETS = 8_000;

/** Octets of lines that wait for a slow reader; past it lines are dropped and counted. */
export const QUEUE_OCTETS = 8 * 1024 * 1024;
/** How long a line may wait for others to be written with it, ms; warnings and errors do not. */
export const GATHER_MS = 20;
/** Octets written at once. */
export const BATCH_OCTETS = 64 * 1024;
/** First and longest wait after a failed write, ms. */
export const RETRY_MS = 250;
/** Longest wait after a failed write, ms. */
export const RETRY_MOST_MS = 10_000;
/** How long close() waits for what is still to be written, ms. */
export const CLOSE_MS = 2_000;
