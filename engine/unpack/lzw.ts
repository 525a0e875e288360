/** LZW with codes that grow, least significant bit first: compress, ARC, zoo. */
import type { Output } from "./output.ts";

/** How a stream of codes is made. */
export interface LzwForm {
  /** Octets before the first code. */
  readonly start: number;
  /** Width that codes grow to, from 9 on. */
  readonly maxBits: number;
  /** Whether code 256 empties the table. */
  readonly hasClear: boolean;
  /** Whether code 257 ends the stream. */
  readonly hasEnd?: boolean;
  /** Codes come in groups of eight of one width; a change of width skips the rest of the group. */
  readonly isGrouped?: boolean;
}

const CLEAR = 256;
const END = 257;

/** Decodes; `corrupt` where a code is impossible. */
export function unlzw(
  octets: Uint8Array,
  output: Output,
  { start, maxBits, hasClear, hasEnd = false, isGrouped = false }: LzwForm,
): "complete" | "truncated" | "corrupt" | "limit" {
  if (maxBits < 9 || maxBits > 16) return "corrupt";
  const prefixes = new Uint16Array(1 << maxBits);
  const suffixes = new Uint8Array(1 << maxBits);
  const stack = new Uint8Array(1 << maxBits);
  const first = hasEnd ? 258 : hasClear ? 257 : 256;
  let next = first;
  let width = 9;
  let before = -1;
  let last = 0;
  let groupStart = start * 8;
  let at = groupStart;
  const end = octets.length * 8;
  const align = () => {
    if (!isGrouped) return;
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
      next = first;
      width = 9;
      before = -1;
      continue;
    }
    if (hasEnd && code === END) return "complete";
    let depth = 0;
    let symbol = code;
    if (before < 0) {
      if (code > 255) return "corrupt";
    } else if (code >= next) {
      if (code > next) return "corrupt";
      stack[depth++] = last;
      symbol = before;
    }
    while (symbol > 255) {
      stack[depth++] = suffixes[symbol] ?? 0;
      symbol = prefixes[symbol] ?? 0;
      if (depth >= stack.length) return "corrupt";
    }
    last = symbol;
    if (!output.put(last)) return "limit";
    while (depth > 0) if (!output.put(stack[--depth] ?? 0)) return "limit";
    if (before >= 0 && next < 1 << maxBits) {
      prefixes[next] = before;
      suffixes[next] = last;
      next++;
      if (next >= 1 << width && width < maxBits) {
        align();
        width++;
      }
    }
    before = code;
  }
  return hasEnd ? "truncated" : "complete";
}
