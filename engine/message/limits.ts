/** Bounds of the MIME reader beyond the scan's own budget, each with unit and reason. */

/** Deepest nesting of multiparts inside one message, levels; real mail has under 10. More is the budget's breach `depth`. */
export const MAX_MULTIPART_DEPTH = 100;

/** Header fields of one part that are kept for their meaning (Content-*, Subject, ...); real mail has under 20. */
export const MAX_KEPT_FIELDS = 2_000;

/** Fields of one name whose meaning is looked at (two Content-Type fields already are an attack). */
export const MAX_SAME_FIELDS = 16;

/** Octets of one structured field value that are analysed in every way; longer values are read in the standard way only. */
export const MAX_ANALYSED_VALUE = 16_384;

/** Octets of one field value that are turned into text at all. */
export const MAX_VALUE = 1_048_576;

/** Parameters of one field value. */
export const MAX_PARAMETERS = 4_096;

/** Readings kept of one parameter's value or one field's main value. */
export const MAX_READINGS = 48;

/** Boundaries tried on one part. */
export const MAX_BOUNDARIES = 48;

/** Contents kept of one part. */
export const MAX_CONTENTS = 24;

/** Names kept of one part. */
export const MAX_NAMES = 64;

/** Characters of one name. */
export const MAX_NAME_LENGTH = 1_024;

/** Octets that decoding may walk over, as a multiple of the message's size, plus {@link WALK_FLOOR}; more is the breach `octets`. */
export const WALK_FACTOR = 32;

/** Octets that may always be walked over, whatever the message's size. */
export const WALK_FLOOR = 8 * 1024 * 1024;

/** Lines of one source at which structure can begin, as those of two dashes; what is behind more is the breach `malformed`. */
export const MAX_LINES = 500_000;

/** What it counts as, octets, to look whether a line is a delimiter: lines are looked at for each boundary of each part around them. */
export const LINE_COST = 16;

/** Files in the text of one part (uuencode, yEnc, BinHex) that are decoded; more is the breach `files`. */
export const MAX_EMBEDDED = 1_000;

/** Characters of a subject, Message-ID or header value that are reported (RFC 5322, section 2.1.1). */
export const MAX_REPORTED = 998;

/** Octets that a preamble or epilogue must have to be kept as a part: the usual sentence for old readers is shorter, and less can do no harm. */
export const MIN_LOOSE_TEXT = 64;

/** Pieces of one message (message/partial) that are put together; mailers cut large mail into tens of pieces. */
export const MAX_PIECES = 1_000;

/** Undeclared multiparts looked for in one body, one after the other. */
export const MAX_UNDECLARED = 8;

/** Malformed files in one text that are decoded through further begin lines; the others end where the next one begins. */
export const MAX_DISPUTED = 4;
