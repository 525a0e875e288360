/** Bounds of what runs the stubs of packed programs. */

/** Largest image of a program in memory, octets; larger ones are not run. */
export const MAX_IMAGE_OCTETS = 32 << 20;

/** Most that a stub may allocate beside the image, octets. */
export const MAX_HEAP_OCTETS = 16 << 20;

/** Programs that import more functions than that are hardly packed, whatever else they look like. */
export const FEW_FUNCTIONS = 40;

/** Stack, octets. */
export const STACK_OCTETS = 256 << 10;

/** Most instructions of one program; each repetition of a string instruction counts. Stubs take some 50 per unpacked octet. */
export const MAX_INSTRUCTIONS = 30_000_000;

/** Most instructions behind the first image that was unpacked: packers are seldom used twice, and what runs there may be the program. */
export const MAX_INSTRUCTIONS_BEHIND = 5_000_000;

/** The clock is read every so many instructions. */
export const INSTRUCTIONS_PER_SLICE = 16_384;

/** A call of the system counts as so many instructions: it takes as long. */
export const INSTRUCTIONS_PER_CALL = 200;

/** So many octets that a call of the system copies count as one instruction. */
export const OCTETS_PER_INSTRUCTION = 16;

/** Repetitions of a string instruction that run at once. */
export const REPETITIONS_AT_ONCE = 4096;

/** Most images of one program that are looked at: one for each layer of packing. */
export const MAX_IMAGES = 4;

/** So much has to be written for an image to be worth a look where control never reached it, octets. */
export const MIN_WRITTEN_OCTETS = 64;

/** So much has to be written behind an image to be worth another one where the run then gets stuck, octets: less is a program's own data. */
export const MIN_WRITTEN_BEHIND_OCTETS = 4096;

/** Most libraries that a program imports from. */
export const MAX_LIBRARIES = 256;

/** Most functions that a program imports or asks for. */
export const MAX_FUNCTIONS = 3500;

/** Longest name of a function or library, octets. */
export const MAX_NAME_OCTETS = 256;

/** Most exceptions that a program's own handlers may see. */
export const MAX_EXCEPTIONS = 1000;
