/** compress (.Z): LZW with codes of 9 to 16 bits. compress(1) */
import { limitReason, outputLimit } from "./bounds.ts";
import { innerNames } from "./octets.ts";
import { Output } from "./output.ts";
import type { Entry, UnpackContext } from "./unpacker.ts";

const CLEAR = 256;

/** Decodes the codes behind the three octets of the header; false where one is impossible. */
function decode(octets: Uint8Array, output: Output): "complete" | "corrupt" | "limit" {
  const flags = octets[2] ?? 0;
  const maxBits = flags & 0x1f;
  const hasClear = (flags & 0x80) !== 0;
  if (maxBits < 9 || maxBits > 16) return "corrupt";
  const prefixes = new Uint16Array(1 << maxBits);
  const suffixes = new Uint8Array(1 << maxBits);
  const stack = new Uint8Array(1 << maxBits);
  let next = hasClear ? 257 : 256;
  let width = 9;
  let before = -1;
  let first = 0;
  /** Codes come in groups of eight of one width; a change of width skips the rest of the group. */
  let groupStart = 24;
  let at = 24;
  const end = octets.length * 8;
  const align = () => {
    const groupBits = width * 8;
    at = groupStart + Math.ceil((at - groupStart) / groupBits) * groupBits;
    groupStart = at;
  };
  while (at + width <= end) {
    const octet = at >> 3;
    const bits = (octets[octet] ?? 0) | ((octets[octet + 1] ?? 0) << 8) |
      ((octets[octet + 2] ?? 0) << 16);
    const code = (bits >> (at & 7)) & ((1 << width) - 1);
    at += width;
    if (hasClear && code === CLEAR) {
      align();
      next = 257;
      width = 9;
      before = -1;
      continue;
    }
    let depth = 0;
    let symbol = code;
    if (before < 0) {
      if (code > 255) return "corrupt";
    } else if (code >= next) {
      if (code > next) return "corrupt";
      stack[depth++] = first;
      symbol = before;
    }
    while (symbol > 255) {
      stack[depth++] = suffixes[symbol] ?? 0;
      symbol = prefixes[symbol] ?? 0;
      if (depth >= stack.length) return "corrupt";
    }
    first = symbol;
    if (!output.put(first)) return "limit";
    while (depth > 0) if (!output.put(stack[--depth] ?? 0)) return "limit";
    if (before >= 0 && next < 1 << maxBits) {
      prefixes[next] = before;
      suffixes[next] = first;
      next++;
      if (next >= 1 << width && width < maxBits) {
        align();
        width++;
      }
    }
    before = code;
  }
  return "complete";
}

/** Opens compress. */
export function* uncompress(octets: Uint8Array, context: UnpackContext): Generator<Entry> {
  const { budget } = context;
  if (octets[1] !== 0x9d) return context.note("unsupported"); // pack and LZH, which share the ending
  const output = new Output(outputLimit(budget, octets.length), octets.length * 4);
  const end = decode(octets, output);
  const content = output.octets;
  budget.unpacked(content.length);
  const names = innerNames(context.names, /\.Z$/i);
  const notScanned = end === "limit"
    ? limitReason(budget, octets.length)
    : end === "corrupt"
    ? "malformed"
    : undefined;
  if (notScanned) budget.breach(notScanned);
  yield { names, content, ...(notScanned ? { notScanned } : {}) };
}
