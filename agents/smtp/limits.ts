/** Bounds of the SMTP agent, each with its unit and its reason. */

/** Longest command line, octets: RFC 5321, section 4.5.3.1.4 says 512, extensions add some 2000; a line of AUTH may have 12288 (RFC 4954, section 4). */
export const MAX_COMMAND_OCTETS = 12_288;
/** Responses of a client in one AUTH exchange. */
export const MAX_SASL_STEPS = 10;
/** Longest path in MAIL and RCPT, octets: 64 + 1 + 255, and quotes; RFC 5321, section 4.5.3.1.3 says 256 with brackets. */
export const MAX_PATH_OCTETS = 502;
/** Longest local part, octets: RFC 5321, section 4.5.3.1.1 says 64; lists encode whole addresses in theirs. */
export const MAX_LOCAL_OCTETS = 256;
/** Longest domain, octets: RFC 5321, section 4.5.3.1.2. */
export const MAX_DOMAIN_OCTETS = 255;
/** Errors that a client may make in a session before it hears 421; each command that fails counts. */
export const MAX_ERRORS = 100;
/** Commands in a row that do no work (NOOP, RSET, VRFY, HELP, EHLO) before the client hears 421. */
export const MAX_IDLE_COMMANDS = 1000;
/** BDAT chunks of one message: a chunk of one octet costs as much as a command. */
export const MAX_CHUNKS = 100_000;
/** Largest chunk size that BDAT may name, decimal digits: more is not a size. */
export const MAX_CHUNK_DIGITS = 15;
/** Longest decoded value of an XFORWARD or XCLIENT attribute, characters (XFORWARD_README). */
export const MAX_ATTRIBUTE_CHARACTERS = 255;
/** Longest ENVID, characters: RFC 3461, section 4.4. */
export const MAX_ENVID_CHARACTERS = 100;
/** Longest ORCPT, characters: RFC 3461, section 4.2. */
export const MAX_ORCPT_CHARACTERS = 500;
/** Received fields after which a message goes in circles: RFC 5321, section 6.3 says at least 100. */
export const MAX_RECEIVED_FIELDS = 100;
/** What a session reads at once, octets. */
export const READ_OCTETS = 32 * 1024;
/** Octets reserved for a message whose size was not declared, before more is asked for. */
export const RESERVE_STEP_OCTETS = 256 * 1024;
/** Longest reply line of a next hop, octets: RFC 5321, section 4.5.3.1.5 says 512; text after that is common. */
export const MAX_REPLY_LINE_OCTETS = 4096;
/** Most lines of one reply of a next hop. */
export const MAX_REPLY_LINES = 200;
/** How much of a next hop's reply text is handed to the client, characters. */
export const MAX_RELAYED_TEXT = 400;
/** How long making a connection to the next hop may take, ms. */
export const CONNECT_MS = 30_000;
/** How long an idle connection to the next hop is kept, ms: shorter than what any server keeps. */
export const IDLE_CONNECTION_MS = 30_000;
/** Transactions on one connection to the next hop before it is made anew. */
export const MAX_TRANSACTIONS = 1000;
/** Content up to so many octets is sent to the next hop in one write. */
export const ONE_WRITE_OCTETS = 256 * 1024;
/** Recipients whose delivery is remembered after a partial failure, and for how long, ms. */
export const MAX_REMEMBERED = 100_000;
export const REMEMBER_MS = 5 * 24 * 3_600_000;
