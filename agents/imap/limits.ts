/** Bounds of the IMAP agent, each with its unit and its reason. */

/**
 * Longest line of a client, octets: RFC 7162, section 4 asks for 8,192; programs that synchronise a mailbox send sets of messages
 * that are longer.
 */
export const MAX_COMMAND_LINE_OCTETS = 256 * 1024;
/** The same before the client has logged in: a token of Kerberos or OAuth is the longest. */
export const MAX_LOGIN_LINE_OCTETS = 32 * 1024;
/** Literals of one command that is not APPEND, octets together: search texts, mailbox names, METADATA. */
export const MAX_COMMAND_LITERAL_OCTETS = 512 * 1024;
/** The same before the client has logged in: a name and a password. */
export const MAX_LOGIN_LITERAL_OCTETS = 8 * 1024;
/** Literals of one command: a search or a list of header fields has a few. */
export const MAX_LITERALS = 200;
/** Messages of one APPEND: RFC 3502. */
export const MAX_APPENDED = 100;
/** Octets of a message that is too large that are read and dropped before the connection is closed, as a multiple of the limit. */
export const MAX_DROPPED_FACTOR = 4;
/** Depth of lists in what is parsed. */
export const MAX_DEPTH = 100;
/** Items of one FETCH. */
export const MAX_FETCH_ITEMS = 500;
/** Length of a tag, octets: programs use 4 to 12. */
export const MAX_TAG_OCTETS = 200;
/** Commands of one client that may wait for the server at once. */
export const MAX_IN_FLIGHT = 64;
/** Mistakes that one client may make before the connection is closed. */
export const MAX_MISTAKES = 50;
/** Log-ins that may fail on one connection. */
export const MAX_FAILED_LOGINS = 10;

/** Longest line of a server, octets: one SEARCH of a million messages. */
export const MAX_RESPONSE_LINE_OCTETS = 16 * 1024 * 1024;
/** Octets of one FETCH response that are held besides message content: a BODYSTRUCTURE of ten thousand parts. */
export const MAX_HELD_OCTETS = 8 * 1024 * 1024;
/** Literal in the place of a header field's name, octets. */
export const MAX_NAME_LITERAL_OCTETS = 1024;
/** What is read from a server at once, octets. */
export const READ_OCTETS = 16 * 1024;
/** What is read from a client at once, octets: commands are short, and most sessions wait. */
export const CLIENT_READ_OCTETS = 4096;
/** What is written to a client at once, octets. */
export const WRITE_OCTETS = 64 * 1024;

/** Messages that are fetched to be scanned by one command. */
export const SCAN_BATCH = 32;
/** Scans of one session that run at once. */
export const SCANS_AT_ONCE = 4;
/** Octets of messages that one session holds while they are scanned, before it waits for one to be done. */
export const SCAN_HELD_OCTETS = 32 * 1024 * 1024;
/** Messages named one by one in a set up to which the set is taken as it stands, without asking the server what is in it. */
export const MAX_NAMED = 200;
/** Longest set in a command to the server, octets: with the rest below the 8,192 of RFC 7162, section 4. */
export const MAX_SET_OCTETS = 6000;

/** How long a client may take to read what is written to it, ms. */
export const WRITE_MS = 120_000;
/** How long the goodbye of a session may take, ms. */
export const GOODBYE_MS = 5_000;
/** How often a client that waits for scans hears that work goes on, ms: less than any program waits. */
export const PROGRESS_MS = 15_000;

/** Parts of one message in a BODYSTRUCTURE that is computed; what is beyond counts as part of the one around it. */
export const MAX_PARTS = 1000;
/** Depth of parts in the same. */
export const MAX_PART_DEPTH = 30;
/** Addresses of one field in an ENVELOPE that is computed. */
export const MAX_ADDRESSES = 2000;
/** Octets of one header field that are read for an ENVELOPE. */
export const MAX_FIELD_OCTETS = 256 * 1024;
/** Characters of a PREVIEW: RFC 8970, section 3.1. */
export const PREVIEW_CHARACTERS = 200;
