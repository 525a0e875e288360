/** Bounds of sealing one message. */

/** Keys of others that are asked for: a chain has up to 50 seals, and a message some signatures. */
export const MAX_LOOKUPS = 60;
/** Longest name that is asked for, characters. */
export const MAX_NAME_CHARACTERS = 255;
/** Texts of one TXT record set that are handed on, and characters of all. */
export const MAX_TEXTS = 20;
/** Characters of all texts of one name. */
export const MAX_TEXT_CHARACTERS = 20_000;
/** Results of signatures that ARC-Authentication-Results names. */
export const MAX_RESULTS = 10;
/** Longest line of a field that is made, octets; RFC 5322, section 2.1.1 has 998. */
export const MAX_LINE = 900;
/** What a seal may take besides waiting for keys, ms; then its worker hangs. */
export const SEAL_GRACE_MS = 20_000;
/** Seals that may be under way at once; past it mail goes without. */
export const MAX_OPEN = 64;
