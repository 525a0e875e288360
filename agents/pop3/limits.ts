/** Bounds of the POP3 agent, each with its unit and its reason. */

/** Longest line of a client, octets: RFC 2449, section 4 says 255 with CRLF, a response in AUTH has up to 12,288 (RFC 5034, section 4). */
export const MAX_LINE_OCTETS = 12_290;
/** Longest command other than AUTH, octets: names and passwords in UTF-8 are longer than RFC 2449 had in mind. */
export const MAX_COMMAND_OCTETS = 2048;
/** Commands in a session that fail before it is closed. */
export const MAX_ERRORS = 100;
/** Logins that fail in a session before it is closed; most servers close earlier. */
export const MAX_LOGINS = 10;
/** Responses of a client in one AUTH: the longest mechanism has three. */
export const MAX_SASL_STEPS = 20;
/** Longest line of a server, octets: RFC 2449, section 4 says 512; challenges of AUTH are longer. */
export const MAX_RESPONSE_OCTETS = 16_384;
/** Longest text of a server's reply that is handed to the client, characters: with status and CRLF the 512 octets of RFC 2449. */
export const MAX_REPLY_TEXT = 500;
/** Most capabilities of a server that are read. */
export const MAX_CAPABILITIES = 200;
/** Lines of one answer to LIST and UIDL: a mailbox has hardly a million messages. */
export const MAX_LISTED = 2_000_000;
/** Digits of a message number, and of the number of lines in TOP. */
export const MAX_DIGITS = 10;
/** What is read of a client at once, octets: commands are short, and most sessions wait. */
export const CLIENT_READ_OCTETS = 2048;
/** What is read of a server at once, octets. */
export const SERVER_READ_OCTETS = 64 * 1024;
/** Octets reserved for a message before more is asked for. */
export const RESERVE_STEP_OCTETS = 256 * 1024;
/** What is written to a client at once, octets, and how long it may take to read that, ms. */
export const WRITE_OCTETS = 256 * 1024;
export const WRITE_MS = 120_000;
/**
 * How long a client that has logged in may be silent when the agent is to end, ms: a mail program in the midst of its work comes
 * to its QUIT, without which it would fetch everything again.
 */
export const DRAIN_IDLE_MS = 2000;
