/**
 * Trees of an image of a disc. An image has several over the same files as a rule: the primary one (with the names of Rock Ridge),
 * Joliet's, that of UDF. 7-Zip reads one of them, other readers another one, and nothing makes them agree.
 *
 * @see ECMA-119, section 8, descriptors, and 9.1, records of directories; ECMA-167, part 2, UDF's descriptors among them
 */
import { latin1Text } from "../../latin1.ts";
import { hasAscii, u16, u32 } from "../octets.ts";

/** Octets. Descriptors begin at the sixteenth. */
const SECTOR = 2048;
const FIRST = 16 * SECTOR;
/** Descriptors that are looked at; images have three or four, and those of UDF behind them. */
const MAX_DESCRIPTORS = 32;
/** Trees that are read besides the first. */
const MAX_OTHERS = 3;
/** Records of directories that are looked at in one tree; an image with more has its other trees read, whatever stands there. */
const MAX_RECORDS = 100_000;
/** Types of descriptors: 1 and 2 have a tree, 255 ends the list. */
const PRIMARY = 1;
const SUPPLEMENTARY = 2;
const TERMINATOR = 255;

/** Where descriptors stand. */
interface Descriptors {
  /** Those with a tree. */
  readonly trees: readonly number[];
  /** Those that say that there is UDF. */
  readonly udf: readonly number[];
}

function descriptorsOf(octets: Uint8Array): Descriptors {
  const trees: number[] = [];
  const udf: number[] = [];
  let isEnded = false;
  for (let i = 0, at = FIRST; i < MAX_DESCRIPTORS && at + SECTOR <= octets.length; i++) {
    const type = octets[at] ?? 0;
    if (hasAscii(octets, at + 1, "NSR0")) udf.push(at);
    else if (hasAscii(octets, at + 1, "CD001") && !isEnded) {
      if (type === PRIMARY || type === SUPPLEMENTARY) trees.push(at);
      isEnded = type === TERMINATOR;
    }
    at += SECTOR;
  }
  return { trees, udf };
}

/** Joliet says it in its escape sequence. */
function isJoliet(octets: Uint8Array, at: number): boolean {
  return octets[at] === SUPPLEMENTARY &&
    /^%\/[@CE]/.test(latin1Text(octets.subarray(at + 88, at + 91)));
}

/** Places and sizes of the files in a tree; `undefined` where it is too large, or is none. */
function filesOf(octets: Uint8Array, descriptor: number): ReadonlySet<string> | undefined {
  const block = u16(octets, descriptor + 128) || SECTOR;
  const files = new Set<string>();
  const open = [descriptor + 156];
  const seen = new Set<number>();
  let records = 0;
  for (let record = open.pop(); record !== undefined; record = open.pop()) {
    const start = u32(octets, record + 2) * block;
    const end = start + u32(octets, record + 10);
    if (end > octets.length) return undefined;
    if (seen.has(start)) continue;
    seen.add(start);
    for (let at = start; at < end;) {
      const length = octets[at] ?? 0;
      if (length === 0) { // records do not go over the end of a sector
        at = start + (Math.floor((at - start) / SECTOR) + 1) * SECTOR;
        continue;
      }
      if (++records > MAX_RECORDS) return undefined;
      const isDirectory = ((octets[at + 25] ?? 0) & 2) !== 0;
      const isItself = octets[at + 32] === 1 && (octets[at + 33] ?? 0) < 2;
      if (!isDirectory) files.add(`${u32(octets, at + 2)} ${u32(octets, at + 10)}`);
      else if (!isItself) open.push(at);
      at += length;
    }
  }
  return files;
}

/** The image with one tree and no other. */
function withOnly(octets: Uint8Array, tree: number, { trees, udf }: Descriptors): Uint8Array {
  const image = new Uint8Array(octets); // a copy: slice() of a Buffer is none
  // it takes no tree for the first that is neither primary nor Joliet's
  if (!isJoliet(octets, tree)) image[tree] = PRIMARY;
  for (const at of trees) image.copyWithin(at, tree, tree + SECTOR);
  for (const at of udf) image.fill(0, at, at + 6);
  return image;
}

/**
 * Finds the trees that hold files which the one that 7-Zip reads does not.
 *
 * @returns The image once for each, made so that 7-Zip reads that tree; made one after the other.
 */
export function* otherTrees(octets: Uint8Array): Generator<Uint8Array> {
  const found = descriptorsOf(octets);
  const { trees, udf } = found;
  // 7-Zip takes UDF before all others, then the last Joliet, then the first
  const main = trees.findLast((at) => isJoliet(octets, at)) ?? trees[0];
  if (main === undefined) return;
  const known = new Set<string>();
  let others = 0;
  for (const tree of [main, ...trees.filter((at) => at !== main)]) {
    const files = filesOf(octets, tree);
    const isRead = tree === main ? udf.length === 0 : files && files.isSubsetOf(known);
    for (const file of files ?? []) known.add(file);
    if (isRead) continue;
    if (++others > MAX_OTHERS) return;
    yield withOnly(octets, tree, found);
  }
}
