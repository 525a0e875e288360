/**
 * ARC of the 1980s: stored, packed, squeezed, crunched and squashed files, each behind its header.
 *
 * @see ARC's arcsqs.c and arclzw.c describe the methods; file(1) and nomarch the header
 */
import { outputLimit } from "./bounds.ts";
import { crc16 } from "./crc16.ts";
import { type Decoded, decodedEntry } from "./entries.ts";
import { unlzw } from "./lzw.ts";
import { paddedName, u16, u32 } from "./octets.ts";
import { Output } from "./output.ts";
import type { Entry, UnpackContext } from "./unpacker.ts";

const MARK = 0x1a;
const HEADER_OCTETS = 29;
/** The first version's header has no unpacked size. */
const OLD_HEADER_OCTETS = 25;
/** Stands before the number of repetitions. */
const REPEAT = 0x90;
/** Ends squeezed data. */
const SQUEEZE_END = 256;

/** Undoes run lengths: an octet, 0x90 and how often it stands there in all; 0x90 and 0 is 0x90 itself. */
function unpackRuns({ octets, end }: Decoded, maxOctets: number): Decoded {
  const output = new Output(maxOctets, octets.length * 2);
  for (let at = 0; at < octets.length; at++) {
    const octet = octets[at] ?? 0;
    const count = octet === REPEAT ? octets[++at] ?? 0 : 0;
    const isRun = octet === REPEAT && count > 0;
    if (isRun && output.length === 0) return { octets: output.octets, end: "corrupt" };
    const fits = isRun ? count === 1 || output.copy(1, count - 1) : output.put(octet);
    if (!fits) return { octets: output.octets, end: "limit" };
  }
  return { octets: output.octets, end };
}

/** Huffman's codes; the tree is in front, as pairs of branches: a node's number, or an octet as its complement. */
function unsqueeze(octets: Uint8Array, maxOctets: number): Decoded {
  const nodes = u16(octets, 0);
  const output = new Output(maxOctets, octets.length * 2);
  if (nodes === 0) return { octets: output.octets, end: "complete" };
  let at = 2 + 4 * nodes;
  if (nodes > SQUEEZE_END || at > octets.length) return { octets: output.octets, end: "corrupt" };
  for (let node = 0, bit = 0, steps = 0; at < octets.length;) {
    const branch = ((octets[at] ?? 0) >> bit) & 1;
    if (++bit === 8) {
      bit = 0;
      at++;
    }
    const next = (u16(octets, 2 + 4 * node + 2 * branch) << 16) >> 16;
    if (next >= nodes || ++steps > nodes) return { octets: output.octets, end: "corrupt" };
    if (next >= 0) {
      node = next;
      continue;
    }
    const value = -(next + 1);
    if (value === SQUEEZE_END) return { octets: output.octets, end: "complete" };
    if (!output.put(value)) return { octets: output.octets, end: "limit" };
    node = 0;
    steps = 0;
  }
  return { octets: output.octets, end: "truncated" };
}

function crunched(octets: Uint8Array, maxOctets: number, start: number, maxBits: number): Decoded {
  const output = new Output(maxOctets, octets.length * 4);
  const end = unlzw(octets, output, { start, maxBits, hasClear: true, isGrouped: true });
  return { octets: output.octets, end };
}

/** Unpacks by method; 5 to 7, of 1985, and those of later programs are not known. */
function unpack(octets: Uint8Array, method: number, maxOctets: number): Decoded {
  switch (method) {
    case 1:
    case 2:
      return { octets, end: "complete" };
    case 3:
      return unpackRuns({ octets, end: "complete" }, maxOctets);
    case 4:
      return unpackRuns(unsqueeze(octets, maxOctets), maxOctets);
    case 8:
      return unpackRuns(crunched(octets, maxOctets, 1, octets[0] ?? 0), maxOctets);
    case 9:
      return crunched(octets, maxOctets, 0, 13);
    default:
      return { octets: new Uint8Array(0), end: "unsupported" };
  }
}

/** Opens ARC. */
export function* unarc(octets: Uint8Array, context: UnpackContext): Generator<Entry> {
  const { budget } = context;
  let at = 0;
  while (octets[at] === MARK && budget.time()) {
    const method = octets[at + 1] ?? 0;
    if (method === 0 && at + 2 <= octets.length) return yield* behind(octets.subarray(at + 2));
    const data = at + (method === 1 ? OLD_HEADER_OCTETS : HEADER_OCTETS);
    if (data > octets.length) break;
    const names = [paddedName(octets.subarray(at + 2, at + 15))];
    const packed = u32(octets, at + 15);
    const claimed = method === 1 ? packed : u32(octets, at + 25);
    const piece = octets.subarray(data, data + packed);
    const limit = outputLimit(budget, octets.length, claimed);
    const decoded = unpack(piece, method, limit);
    const isCut = piece.length < packed && decoded.end === "complete";
    const isWrong = decoded.end === "complete" && crc16(decoded.octets) !== u16(octets, at + 23);
    const end = isCut || isWrong ? "corrupt" : decoded.end;
    yield decodedEntry(names, { octets: decoded.octets, end }, octets.length, context);
    if (piece.length < packed) return;
    at = data + packed;
  }
  context.note("malformed");
}

/** What stands behind the end. */
function* behind(rest: Uint8Array): Generator<Entry> {
  // archives were filled up to whole sectors, with 0 or with 0x1a
  if (rest.some((octet) => octet !== 0 && octet !== MARK)) yield { names: [], content: rest };
}
