/** Bounds of the unpackers that do not depend on the scan's limits. */

/** Longest name kept of an entry, octets; longer ones are cut. ZIP allows 65,535. */
export const MAX_NAME_OCTETS = 1024;

/** Up to so many unpacked octets any ratio is fine; the same figure as in Budget.ratio(). */
export const RATIO_FREE_OCTETS = 1 << 20;

/** Packed pieces smaller than this are inflated in TypeScript: a native call costs more than it saves. Measured. */
export const NATIVE_INFLATE_FROM_OCTETS = 1 << 10;

/** Most places where a local header is looked for beyond those that the central directory names. */
export const MAX_STRAY_HEADERS = 100_000;
