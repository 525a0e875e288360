/** Bounds of what is read from external engines, and of how often they are asked. */

/** Longest answer of clamd, octets; a name and a few words. */
export const MAX_CLAMD_ANSWER = 4096;
/** Octets of one chunk that clamd or an ICAP server is given. */
export const CHUNK_OCTETS = 65_536;

/** Longest head of an ICAP answer, and of the HTTP answer in it, octets. */
export const MAX_HEAD_OCTETS = 16_384;
/** Most header fields of a head. */
export const MAX_FIELDS = 200;
/** Longest line that says a chunk's size, octets. */
export const MAX_CHUNK_LINE = 1024;
/** Octets of an ICAP answer's body that are read beyond the size of the message. */
export const BODY_SLACK_OCTETS = 65_536;
/** How long what a server says of itself (OPTIONS) is believed at most, ms. */
export const OPTIONS_KEEP_MS = 3_600_000;
/** The same where the server names no time, ms. */
export const OPTIONS_DEFAULT_MS = 300_000;
/** Largest preview that is sent, octets. */
export const MAX_PREVIEW_OCTETS = 65_536;

/** Output of a program that is read, octets; what follows is thrown away. */
export const MAX_OUTPUT_OCTETS = 200_000;
/** Lines of it that are looked at, and characters of each: what bounds the time of a regular expression. */
export const MAX_OUTPUT_LINES = 2000;
/** Characters of one line of a program's output that are looked at. */
export const MAX_LINE_CHARACTERS = 1000;

/** Findings that one engine may name of one object. */
export const MAX_FINDINGS = 50;
/** Characters of a finding's name. */
export const MAX_NAME_CHARACTERS = 200;
/** Characters of an engine's own words in a log. */
export const MAX_DETAIL_CHARACTERS = 300;

/** Objects that may wait for one engine, for each that it is asked about at once. */
export const WAITING_PER_PLACE = 64;
/** How long an engine is left alone after the n-th failure in a row, ms. */
export const BACK_OFF_MS = [250, 1000, 2000, 5000, 10_000, 30_000] as const;
/** Time-outs and broken conversations in a row after which an engine counts as gone: one message is no reason for that. */
export const TROUBLES_OF_DEAD = 5;
/** How long the worker may be silent beyond an engine's time limit before it is given up, ms. */
export const WORKER_GRACE_MS = 2000;
