/** Limits of the wrapper around qmail-queue. */

/** Longest address, octets: qmail-queue(8) itself refuses those of 1003 and more. */
export const MAX_ADDRESS_OCTETS = 1002;
/** Most octets of an envelope: some ten thousand recipients. */
export const MAX_ENVELOPE_OCTETS = 4 * 1024 * 1024;
