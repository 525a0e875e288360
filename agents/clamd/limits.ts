/** Bounds of the clamd agent, each with its unit and its reason. */

/** Longest command, octets: a path (PATH_MAX is 4096) and the word before it. */
export const MAX_COMMAND_OCTETS = 4096 + 64;
/** What a session reads at once, octets. */
export const READ_OCTETS = 64 * 1024;
/** What it reads at once while no object comes, octets: most connections ask one thing. */
export const COMMAND_READ_OCTETS = 4096;
/** How long a client may take to read what is written to it, ms. */
export const WRITE_MS = 60_000;
/** Names that ALLMATCHSCAN says of one file. */
export const MAX_NAMES = 100;
/** Entries of one directory; more are not read, and the command ends with an error. */
export const MAX_DIRECTORY_ENTRIES = 1_000_000;
/** A file is read in pieces of so many octets. */
export const FILE_READ_OCTETS = 256 * 1024;
