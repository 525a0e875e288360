/** Limits of the wrapper around a delivery agent. */

/** How far the first line or field is looked for that names the sender, octets. */
export const MAX_LOOK_OCTETS = 64 * 1024;
