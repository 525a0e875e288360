/**
 * Sparse members of tar: stored are the stretches that are not zeros, and a map of where they belong.
 *
 * @see GNU tar manual, Storing Sparse Files: old GNU format, PAX 0.0, 0.1 and 1.0
 */
import type { NotScannedReason } from "../types.ts";
import { limitReason, outputLimit } from "./bounds.ts";
import { latin1Text } from "../latin1.ts";
import type { UnpackContext } from "./unpacker.ts";

const BLOCK = 512;
/** Digits of a number in a map; more are none that fits. */
const MAX_DIGITS = 15;

/** Where the stored octets belong. */
export interface SparseMap {
  /** Octets of the whole file. */
  readonly size: number;
  /** In the order in which the stretches are stored. */
  readonly stretches: readonly { readonly offset: number; readonly length: number }[];
}

/** A member as the map makes it. */
export interface Spread {
  readonly content?: Uint8Array;
  readonly size?: number;
  readonly notScanned?: NotScannedReason;
}

/** A field of a header: octal digits, or base 256. */
type ReadNumber = (field: Uint8Array) => number;

/** Reads the map of the old GNU format: four stretches in the header, more in blocks behind it while they say so. */
export function headerSparseMap(
  octets: Uint8Array,
  at: number,
  number: ReadNumber,
): { readonly map: SparseMap; readonly data: number } {
  const stretches: { offset: number; length: number }[] = [];
  const read = (from: number, count: number) => {
    for (let i = 0; i < count; i++) {
      const field = from + 24 * i;
      if ((octets[field] ?? 0) === 0) return;
      stretches.push({
        offset: number(octets.subarray(field, field + 12)),
        length: number(octets.subarray(field + 12, field + 24)),
      });
    }
  };
  read(at + 386, 4);
  let more = (octets[at + 482] ?? 0) !== 0;
  let data = at + BLOCK;
  while (more && data + BLOCK <= octets.length) {
    read(data, 21);
    more = (octets[data + 504] ?? 0) !== 0;
    data += BLOCK;
  }
  return { map: { size: number(octets.subarray(at + 483, at + 495)), stretches }, data };
}

/** Makes a map of the numbers of PAX 0.0 and 0.1: offset and length in turn. */
export function pairedSparseMap(size: number, numbers: readonly number[]): SparseMap {
  const stretches = [];
  for (let i = 0; i + 1 < numbers.length; i += 2) {
    stretches.push({ offset: numbers[i] ?? 0, length: numbers[i + 1] ?? 0 });
  }
  return { size, stretches };
}

/**
 * Reads the map of PAX 1.0: a count, then offsets and lengths, each on a line of its own, before the data and filled up to a block.
 *
 * @returns `undefined` where it is none.
 */
export function storedSparseMap(
  stored: Uint8Array,
  size: number,
): { readonly map: SparseMap; readonly data: number } | undefined {
  const numbers: number[] = [];
  let at = 0;
  for (let count = Infinity; numbers.length <= 2 * count;) {
    const end = stored.indexOf(0x0a, at);
    if (end <= at || end - at > MAX_DIGITS) return undefined;
    const digits = latin1Text(stored.subarray(at, end));
    if (!/^\d+$/.test(digits)) return undefined;
    numbers.push(Number(digits));
    count = numbers[0] ?? 0;
    at = end + 1;
  }
  return {
    map: pairedSparseMap(size, numbers.slice(1)),
    data: Math.ceil(at / BLOCK) * BLOCK,
  };
}

/** Whether what is stored is the member already, or nothing of it is stored: zeros hold nothing. */
function isTrivial({ size, stretches }: SparseMap): boolean {
  const stored = stretches.filter(({ length }) => length > 0);
  const [first] = stored;
  return !first || (stored.length === 1 && first.offset === 0 && first.length === size);
}

/**
 * Puts a member together.
 *
 * @param packed Octets of the archive that it comes from.
 * @returns Of one that is larger than it may be, no content; `undefined` where what is stored says as much.
 */
export function spread(
  stored: Uint8Array,
  map: SparseMap,
  packed: number,
  { budget }: UnpackContext,
): Spread | undefined {
  if (isTrivial(map)) return undefined;
  if (map.size > outputLimit(budget, packed)) {
    return { size: map.size, notScanned: limitReason(budget, packed) };
  }
  const content = new Uint8Array(map.size);
  budget.unpacked(map.size);
  let isPlain = true;
  let at = 0;
  for (const { offset, length } of map.stretches) {
    const place = Math.min(offset, map.size);
    const fitting = stored.subarray(at, at + length).subarray(0, map.size - place);
    content.set(fitting, place);
    isPlain &&= fitting.length === length;
    at += length;
  }
  // what the map leaves over no reader puts anywhere, and what is not there each fills in otherwise
  if (isPlain && at === stored.length) return { content };
  budget.breach("malformed");
  return { content, notScanned: "malformed" };
}
