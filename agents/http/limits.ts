/** Bounds of requests over HTTP, each with its unit and its reason. */

/** Longest line of a request's head, octets: what servers commonly take (8 KB). */
export const MAX_LINE_OCTETS = 8192;
/** All lines of a request's head together, octets: a thousand recipients have room. */
export const MAX_HEAD_OCTETS = 256 * 1024;
/** Fields of a request. */
export const MAX_FIELDS = 1200;
/** Longest line that tells a chunk's length, octets: digits and an extension that nobody uses. */
export const MAX_CHUNK_LINE_OCTETS = 256;
/** Fields behind the last chunk: none is used. */
export const MAX_TRAILERS = 16;
/** Digits of a length, decimal. */
export const MAX_LENGTH_DIGITS = 12;
/** Digits of a chunk's length, hexadecimal. */
export const MAX_CHUNK_DIGITS = 8;
/** What a session reads at once while a body comes, octets; else, most are idle. */
export const READ_OCTETS = 64 * 1024;
export const HEAD_READ_OCTETS = 4096;
/** How long a client may take to read what is written to it, ms. */
export const WRITE_MS = 60_000;
/** Requests of one connection; then it is closed, so that a reload reaches all. */
export const MAX_REQUESTS = 10_000;
