/**
 * LZ4 frames, new and legacy.
 *
 * @see https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md
 * @see https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md
 */
import { limitReason, outputLimit } from "./bounds.ts";
import type { InflateEnd } from "./inflate.ts";
import { innerNames, u16, u32, u64 } from "./octets.ts";
import { Output } from "./output.ts";
import type { Entry, UnpackContext } from "./unpacker.ts";

const FRAME = 0x184d2204;
const LEGACY = 0x184c2102;

/** One block: literals and copies in turns, literals last. */
function readBlock(block: Uint8Array, output: Output): InflateEnd {
  let at = 0;
  const length = (nibble: number): number => {
    let total = nibble;
    if (nibble !== 15) return total;
    for (let octet = 255; octet === 255 && at < block.length; total += octet) {
      octet = block[at++] ?? 0;
    }
    return total;
  };
  while (at < block.length) {
    const token = block[at++] ?? 0;
    const literals = length(token >> 4);
    const piece = block.subarray(at, at + literals);
    if (!output.append(piece)) return "limit";
    if (piece.length < literals) return "truncated";
    at += literals;
    if (at >= block.length) return "complete";
    if (at + 2 > block.length) return "truncated";
    const distance = u16(block, at);
    at += 2;
    if (distance === 0 || distance > output.length) return "corrupt";
    if (!output.copy(distance, length(token & 15) + 4)) return "limit";
  }
  return "complete";
}

interface Frame {
  readonly end: InflateEnd;
  readonly next: number;
}

function readFrame(octets: Uint8Array, start: number, output: Output, time: () => boolean): Frame {
  const flags = octets[start + 4] ?? 0;
  // magic, two octets of flags, sizes, one octet of checksum
  let at = start + 7 + (flags & 8 ? 8 : 0) + (flags & 1 ? 4 : 0);
  while (time()) {
    if (at + 4 > octets.length) return { end: "truncated", next: at };
    const size = u32(octets, at);
    at += 4;
    if (size === 0) return { end: "complete", next: at + (flags & 4 ? 4 : 0) };
    const packed = size & 0x7fffffff;
    const block = octets.subarray(at, at + packed);
    const isPlain = size >= 0x80000000;
    const end = !isPlain ? readBlock(block, output) : output.append(block) ? "complete" : "limit";
    if (block.length < packed) return { end: "truncated", next: octets.length };
    if (end !== "complete") return { end, next: at };
    at += packed + (flags & 16 ? 4 : 0);
  }
  return { end: "truncated", next: at };
}

/** Blocks follow each other to the end, or to another magic. */
function readLegacy(octets: Uint8Array, start: number, output: Output, time: () => boolean): Frame {
  let at = start + 4;
  while (at + 4 <= octets.length && time()) {
    const size = u32(octets, at);
    if (size === FRAME || size === LEGACY) break;
    const block = octets.subarray(at + 4, at + 4 + size);
    const end = readBlock(block, output);
    if (block.length < size) return { end: "truncated", next: octets.length };
    if (end !== "complete") return { end, next: at };
    at += 4 + size;
  }
  return { end: "complete", next: at };
}

/** Opens LZ4: all frames joined. */
export function* unlz4(octets: Uint8Array, context: UnpackContext): Generator<Entry> {
  const { budget } = context;
  const claimed = (octets[4] ?? 0) & 8 && u32(octets, 0) === FRAME ? u64(octets, 6) : 0;
  const limit = outputLimit(budget, octets.length, claimed);
  const output = new Output(limit, claimed || octets.length * 4);
  let frame: Frame = { end: "complete", next: 0 };
  while (frame.end === "complete" && frame.next + 4 <= octets.length && budget.time()) {
    const magic = u32(octets, frame.next);
    if (magic === FRAME) frame = readFrame(octets, frame.next, output, () => budget.time());
    else if (magic === LEGACY) frame = readLegacy(octets, frame.next, output, () => budget.time());
    else if (magic >>> 4 === 0x184d2a5) {
      frame = { end: "complete", next: frame.next + 8 + u32(octets, frame.next + 4) };
    } else break;
  }
  const content = output.octets;
  budget.unpacked(content.length);
  const notScanned = frame.end === "complete"
    ? undefined
    : frame.end === "limit"
    ? limitReason(budget, octets.length)
    : "malformed";
  if (notScanned) budget.breach(notScanned);
  const names = innerNames(context.names, /\.(lz4|tlz4)$/i);
  yield { names, content, ...(notScanned ? { notScanned } : {}) };
  const rest = octets.subarray(frame.next);
  if (!notScanned && rest.some((octet) => octet !== 0)) yield { names: [], content: rest };
}
