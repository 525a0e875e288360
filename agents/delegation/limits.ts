/** Bounds of the delegation agent, each with its unit and its reason. */

/** Longest line of a request, octets: an address of 1 KiB, a subject of a certificate, and room to spare. */
export const MAX_LINE_OCTETS = 8 * 1024;
/** Lines of one request: Postfix 3.8 sends some thirty. */
export const MAX_LINES = 200;
/** What a session reads at once, octets. */
export const READ_OCTETS = 16 * 1024;
/** How long a mail server may take to read an answer, ms. */
export const WRITE_MS = 30_000;
