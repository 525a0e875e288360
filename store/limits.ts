/** Bounds of the store. Those of Deno KV itself were measured; see the comments. */

/** Octets of one chunk of a blob, and of one part of a document. KV refuses values over 65,536 octets. */
export const CHUNK_OCTETS = 61_440;
/** Chunks in one atomic operation: 12 x 61,440 and one document part stay under KV's 819,200 octets. */
export const CHUNKS_PER_COMMIT = 12;
/** Octets of values in one atomic operation of the log buffer; KV refuses 819,200, keys included. */
export const COMMIT_OCTETS = 700_000;
/** Mutations in one atomic operation; KV refuses more than 1,000. */
export const COMMIT_MUTATIONS = 900;
/** Most parts of one document (an entry with very many recipients), so that it is written by one commit. */
export const DOCUMENT_PARTS = 11;
/** Most chunks that are deleted in the commit that deletes their blob; more go in further steps. */
export const DELETE_CHUNKS = 500;
/** Tries of a commit that met another one on the same key, and of one that met a foreign lock. */
export const COMMIT_TRIES = 50;
/** Tries of an operation while another process (a copying tool) holds SQLite's lock, about 2 s in all. */
export const LOCK_TRIES = 8;

/** Events kept in the history of a quarantined message. */
export const HISTORY_EVENTS = 200;
/** Characters of one event's detail. */
export const DETAIL_CHARACTERS = 2_000;
/** Findings kept with a quarantined message; the record of the message log has all. */
export const ENTRY_FINDINGS = 200;
/** Entries that quarantine list gives when the query names no limit. */
export const LIST_ENTRIES = 100;

/** How often buffered log entries and counters are written, ms. */
export const FLUSH_MS = 250;
/** Longest wait after a failed write of the buffer, ms. */
export const FLUSH_RETRY_MS = 10_000;
/** Log entries that may wait; past it the oldest go. */
export const BUFFER_ENTRIES = 20_000;
/** Octets of log entries that may wait. */
export const BUFFER_OCTETS = 64 * 1024 * 1024;
/** Distinct counters that may wait; past it new ones are dropped. */
export const BUFFER_COUNTERS = 20_000;
/** Characters of a counter's name. */
export const COUNTER_NAME_CHARACTERS = 200;

/** How long counters are kept, ms, by span. */
export const STATISTICS_KEEP_MS = {
  minute: 2 * 86_400_000,
  hour: 92 * 86_400_000,
  day: 5 * 366 * 86_400_000,
} as const;
/** Most messages whose killing of scanners is remembered. */
export const POISON_ENTRIES = 100_000;

/** Most records of the greylist, some 300 octets each; a flood of them pushes out its own first, as they are over soonest. */
export const GREYLIST_ENTRIES = 500_000;
/** Records of the greylist deleted in one commit: KV checks 100 keys at most. */
export const GREYLIST_BATCH = 100;
/** Share of a record's time that may be gone before it is written anew: a sender of a thousand mails a day costs no commit for each. */
export const GREYLIST_REFRESH = 31 / 32;
/** Characters that are kept of an address, to be shown. */
export const GREYLIST_ADDRESS_CHARACTERS = 320;

/** How long the lock of another owner is waited for where the runtime has no tryLock, ms. */
export const LOCK_WAIT_MS = 400;
