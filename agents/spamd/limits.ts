/** Bounds of the spamd agent, each with its unit and its reason. */

/** Longest line of a request's header, octets: the longest in use is a user's name. */
export const MAX_LINE_OCTETS = 1024;
/** Fields of a request's header: as spamd has it. */
export const MAX_FIELDS = 255;
/** Longest name of a user, characters. */
export const MAX_USER = 256;
/** Digits of a Content-length. */
export const MAX_LENGTH_DIGITS = 12;
/** What a session reads at once while a message comes, octets; before, most are idle. */
export const READ_OCTETS = 64 * 1024;
export const HEADER_READ_OCTETS = 1024;
/** How long a client may take to read what is written to it, ms. */
export const WRITE_MS = 60_000;
/** Names of symbols in one reply. */
export const MAX_SYMBOLS = 1000;
