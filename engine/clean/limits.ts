/** Bounds of cleaning beyond the budget of the rewrite, each with unit and reason. */

/** Octets of text that the language of a message is guessed from; more makes the guess no better. */
export const LANGUAGE_OCTETS = 16_384;

/** Archives inside archives that are written anew; deeper ones are not opened for it. */
export const MAX_REBUILD_DEPTH = 8;

/** Members of one archive that is written anew; larger ones cannot be rebuilt. */
export const MAX_REBUILD_MEMBERS = 65_534;

/** Characters of a file name that a notice's own file keeps of the removed one's. */
export const MAX_KEPT_NAME = 100;

/** Contents that a canonical message may have; an ambiguous message with more cannot be rewritten. */
export const MAX_CANONICAL_PARTS = 2_000;

/** Octets of a text that may be searched for its end as HTML. */
export const MAX_HTML_OCTETS = 16 * 1024 * 1024;
