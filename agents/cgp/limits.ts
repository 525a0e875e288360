/** Limits of the CommuniGate Pro helper. */

/** Longest request line, octets; longer ones are answered with ERROR. */
export const MAX_REQUEST_OCTETS = 4096;
/** Longest reply line, octets, its end included: the server reads no more. */
export const MAX_REPLY_OCTETS = 4096;
/** Most messages under way at once; more wait. What is held is not under way. */
export const MAX_CONCURRENT = 32;
/** Most octets of a message file's envelope lines. */
export const MAX_ENVELOPE_OCTETS = 4 * 1024 * 1024;
/** First and longest pause before a message that is to be deferred is tried again, ms. */
export const RETRY_MS = { first: 5_000, longest: 300_000 } as const;
