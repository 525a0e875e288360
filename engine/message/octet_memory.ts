/** How the loops of octet_programs.ts share their memory: where a piece of octets is put and where what is made of it is found. */

/** Most octets of a piece. */
export const PIECE_OCTETS = 0x10000;
/** Where the value of each hex digit is, 255 octets of other values among them. */
export const HEX_TABLE = 0;
/** Where a piece begins; both loops look at the octets before it. */
export const INPUT = 0x200;
/** Octets that are looked at behind a piece: they are to be set, too. */
export const LOOK_AHEAD = 32;
/** Where results are written, as many octets as a piece may have and a vector more. */
export const OUTPUT = INPUT + PIECE_OCTETS + 0x100;
export const PAGES = 3;
