/** Bounds of the unpackers that do not depend on the scan's limits. */

/** Longest name kept of an entry, octets; longer ones are cut. ZIP allows 65,535. */
export const MAX_NAME_OCTETS = 1024;

/** Up to so many unpacked octets any ratio is fine; the same figure as in Budget.ratio(). */
export const RATIO_FREE_OCTETS = 1 << 20;

/** Of what claims to be larger than it may be, so much is unpacked and looked at, octets: it is not scanned anyway. */
export const PREVIEW_OCTETS = 8 << 20;

/** Output grows by steps up to here, octets; then it gets all that it may have: the system gives pages as they are written. */
const STEPPED_OCTETS = 8 << 20;

/**
 * Size of a larger buffer for output, octets.
 *
 * @param wanted At least so many; at most `most`.
 */
export function grownOctets(length: number, wanted: number, most: number): number {
  if (wanted > STEPPED_OCTETS) return most;
  return Math.min(most, STEPPED_OCTETS, Math.max(wanted, length * (length < 1 << 20 ? 2 : 4)));
}

/** Most octets that the native inflate may give: it holds them twice for a moment. */
export const NATIVE_INFLATE_TO_OCTETS = 16 << 20;

/** Packed pieces smaller than this are inflated in TypeScript: a native call costs more than it saves. Measured. */
export const NATIVE_INFLATE_FROM_OCTETS = 1 << 10;

/** Most places where a local header is looked for beyond those that the central directory names. */
export const MAX_STRAY_HEADERS = 100_000;

/** Most volumes of one set that are put together. */
export const MAX_VOLUMES = 1000;

/** Most rounds of Office's key derivation: programs write 100,000, which take some 0.3 s; the specification allows ten million. */
export const MAX_OFFICE_ROUNDS = 1_000_000;
