/** Entries as most readers make them. */
import type { NotScannedReason } from "../types.ts";
import { limitReason } from "./bounds.ts";
import type { Entry, UnpackContext } from "./unpacker.ts";

/** How a decoder ended, or why there was nothing to decode. */
export type DecodeEnd = "complete" | "truncated" | "corrupt" | "limit" | NotScannedReason;

/** What a decoder gave. */
export interface Decoded {
  readonly octets: Uint8Array;
  readonly end: DecodeEnd;
}

/**
 * The entry for what was decoded; its octets are charged to the budget, and what is missing is recorded.
 *
 * @param packed Octets that it was decoded from, or of the container.
 */
export function decodedEntry(
  names: readonly string[],
  { octets, end }: Decoded,
  packed: number,
  { budget }: UnpackContext,
): Entry {
  budget.unpacked(octets.length);
  if (end === "complete") return { names, content: octets };
  const notScanned = end === "limit"
    ? limitReason(budget, packed)
    : end === "truncated" || end === "corrupt"
    ? "malformed"
    : end;
  budget.breach(notScanned);
  return octets.length > 0
    ? { names, content: octets, notScanned }
    : { names, size: 0, notScanned, ...(notScanned === "encrypted" ? { encrypted: true } : {}) };
}

/** What stands as it is: all of it, or what is there. */
export function storedOctets(octets: Uint8Array, at: number, size: number): Decoded {
  const piece = octets.subarray(at, at + size);
  return { octets: piece, end: piece.length < size ? "truncated" : "complete" };
}
