/** Bounds of the milter agent, each with its unit and its reason. */

/** Longest packet before the negotiation is done, octets: it has 13, and a filter's may list macros. */
export const MAX_NEGOTIATION_OCTETS = 1024;
/**
 * Longest packet after it, octets with its command: body chunks have 65,535 (1 MB where an MTA was built for it), and Postfix puts
 * a whole header field into one (header_size_limit, 102,400).
 */
export const MAX_PACKET_OCTETS = 1024 * 1024 + 1;
/** Longest packet outside of a transaction, octets: macros are the longest then. */
export const MAX_COMMAND_PACKET_OCTETS = 128 * 1024;
/** Octets of a body chunk that is sent: what every MTA takes (MILTER_CHUNK_SIZE). */
export const BODY_CHUNK_OCTETS = 65_535;
/** Header fields of one message; more than any mail has, and each costs a packet. */
export const MAX_FIELDS = 50_000;
/** Macros of one command, and octets of them all: Sendmail and Postfix send some ten. */
export const MAX_MACROS = 200;
export const MAX_MACRO_OCTETS = 64 * 1024;
/** Longest address in MAIL and RCPT, octets: RFC 5321, section 4.5.3.1.3 says 256; MTAs take longer ones. */
export const MAX_ADDRESS_OCTETS = 2048;
/** ESMTP parameters behind an address. */
export const MAX_ARGUMENTS = 100;
/** Longest host name in CONNECT and HELO, octets: RFC 5321, section 4.5.3.1.2 says 255. */
export const MAX_NAME_OCTETS = 2048;
/** Longest value of a header field that is sent, octets: an MTA would cut or refuse a longer one. */
export const MAX_VALUE_OCTETS = 60_000;
/** Fields of one name that are compared one by one with those after the change; with more, only their places count. */
export const MAX_COMPARED_FIELDS = 200;
/** What a session reads at once while a message comes, octets: a whole body chunk. */
export const READ_OCTETS = 70 * 1024;
/** What it reads at once else, octets: an envelope with its macros. */
export const IDLE_READ_OCTETS = 4096;
/** Octets reserved for a message before more is asked for. */
export const RESERVE_STEP_OCTETS = 256 * 1024;
/** How long an MTA may take from its connection to its first packet, ms: it speaks at once. */
export const FIRST_PACKET_MS = 30_000;
/** How long a packet may take from its first octet to its last, ms: an MTA writes it at once. */
export const PACKET_MS = 60_000;
/** How long an MTA may take to read what is written to it, ms. */
export const WRITE_MS = 60_000;
/** How often a waiting MTA hears that its message is being worked on, ms: less than the shortest time-out in use (10 s). */
export const PROGRESS_MS = 5_000;
