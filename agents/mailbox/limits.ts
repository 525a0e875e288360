/** Bounds that the gates to mailboxes share, each with its unit and its reason. */

/** How far into a message its sender is looked for, octets: a header is hardly ever longer, and without one the sender is `<>`. */
export const MAX_HEADER_OCTETS = 256 * 1024;
/** Longest field that an address is read from, characters: RFC 5322 has no limit, lists of addresses are not in From. */
export const MAX_ADDRESS_FIELD = 10_000;
/** Longest address, octets: RFC 5321, section 4.5.3.1.3 says 256 with brackets; some are longer. */
export const MAX_ADDRESS_OCTETS = 502;
/** Longest login name that is taken, octets. */
export const MAX_LOGIN_OCTETS = 1024;
/** How long making a connection to a server may take, ms. */
export const CONNECT_MS = 30_000;
/** Messages of which it is remembered that a copy is kept, and for how long, ms: clients ask for the same message again and again. */
export const MAX_KEPT = 10_000;
export const KEPT_MS = 24 * 3_600_000;
/** Most messages in one cache; each costs some hundred octets besides its own. */
export const MAX_CACHED = 10_000;
/** Longest text that a client is told of a refusal, characters. */
export const MAX_TEXT = 400;
