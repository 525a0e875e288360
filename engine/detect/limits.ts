/** Bounds of what is read from signature sources and modules, and of what a search may cost. */

/** Longest line of a source, characters: the longest known logical signatures have some 20,000. */
export const MAX_LINE_CHARACTERS = 1 << 16;

/** Largest source file, or all files of a container of sources, octets. */
export const MAX_SOURCE_OCTETS = 1 << 30;

/** Lines of a source that are told one by one for each reason why they are not used; the others are counted. */
export const MAX_LINES_TOLD = 5;

/** Most sub-signatures of a logical signature; ClamAV's own limit. */
export const MAX_SUBSIGNATURES = 64;

/** Deepest parentheses of a logical expression. */
export const MAX_EXPRESSION_DEPTH = 32;

/** Most pieces of one pattern. */
export const MAX_PIECES = 1024;

/** Octets of a name. */
export const MAX_NAME_OCTETS = 200;

/** Steps that the verification of all candidates in one content may take; what is left is not searched, and said so. */
export const MAX_SEARCH_STEPS = 20_000_000;

/** Matches of one sub-signature that are counted. */
export const MAX_MATCHES = 0xffff;

/** Largest header of a module, octets. */
export const MAX_MODULE_HEADER_OCTETS = 1 << 20;

/** Largest module, octets. */
export const MAX_MODULE_OCTETS = 2 ** 31 - 1;

/** Most sections of a program that are looked at. */
export const MAX_SECTIONS = 96;

/** Longest regular expression over names in containers, characters. */
export const MAX_EXPRESSION_CHARACTERS = 512;

/** Longest name that such an expression is matched with, characters. */
export const MAX_MATCHED_NAME = 256;

/** Longest regular expression of a sub-signature, characters. */
export const MAX_REGEX_CHARACTERS = 8192;

/** Deepest groups of such an expression. */
export const MAX_REGEX_DEPTH = 100;

/** Most repetitions that such an expression may demand. */
export const MAX_REGEX_REPEATS = 65_535;

/** Steps that all regular expressions together may take over one content; what is left is not looked for, and said so. */
export const MAX_REGEX_STEPS = 5_000_000;

/** Steps more for each octet, so that many expressions may pass over a large content that has nothing of them. */
export const REGEX_STEPS_PER_OCTET = 2;

/** Matches of one regular expression that are counted. */
export const MAX_REGEX_MATCHES = 1000;
