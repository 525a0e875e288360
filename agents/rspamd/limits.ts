/** Bounds of the rspamd agent, each with its unit and its reason; those of HTTP are in http/limits.ts. */

/** Longest value of a field that is a fact, characters: an address has at most 1024. */
export const MAX_VALUE = 1024;
/** Symbols in one answer. */
export const MAX_SYMBOLS = 1000;
