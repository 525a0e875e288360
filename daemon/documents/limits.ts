/** Bounds of reading a document. */

/** Longest source of a document or of a file it imports, octets. */
export const MAX_SOURCE_OCTETS = 32 * 1024 * 1024;
/** Most files that a document consists of. */
export const MAX_FILES = 200;
/** Longest value that a document may have, as JSON, octets; 100,000 rules are about 20 MB. */
export const MAX_VALUE_OCTETS = 128 * 1024 * 1024;
/** Deepest nesting of a document's value. */
export const MAX_DEPTH = 100;
/** Heap of the process that evaluates, MiB. */
export const HEAP_MEGABYTES = 1024;
/** What it may take beyond its heap's beginnings, octets. */
export const MEMORY_OCTETS = 2 * 1024 ** 3;
/**
 * Its data segment from the start on, octets: what the runtime reserves for code in each of its threads and never touches, and
 * the above. The exact bound can only be set once it runs, and a document must not be faster.
 */
export const DATA_OCTETS = 6 * 1024 ** 3 + MEMORY_OCTETS;
