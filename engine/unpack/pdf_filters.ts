/** Stream filters of PDF: ISO 32000-1, 7.4. */
import { inflate } from "./inflate.ts";
import { inflateRaw } from "./decompress.ts";

/** Octets decoded so far, and whether more was cut off at the limit. */
export interface Filtered {
  readonly octets: Uint8Array;
  readonly isOver: boolean;
}

type Filter = (octets: Uint8Array, maxOctets: number) => Filtered;

/** zlib around deflate; a wrong header or an early end is tolerated, as readers do. */
function flate(octets: Uint8Array, maxOctets: number): Filtered {
  const hasHeader = ((octets[0] ?? 0) & 15) === 8;
  const packed = hasHeader ? octets.subarray(2) : octets;
  const { octets: content, end } = inflateRaw(packed, maxOctets);
  if (content.length > 0 || !hasHeader) return { octets: content, isOver: end === "limit" };
  const again = inflate(octets, maxOctets);
  return { octets: again.octets, isOver: again.end === "limit" };
}

function asciiHex(octets: Uint8Array): Filtered {
  const output = new Uint8Array((octets.length >> 1) + 1);
  let length = 0;
  let half = -1;
  for (const octet of octets) {
    if (octet === 0x3e) break;
    const digit = parseInt(String.fromCharCode(octet), 16);
    if (Number.isNaN(digit)) continue;
    if (half < 0) half = digit;
    else {
      output[length++] = half << 4 | digit;
      half = -1;
    }
  }
  if (half >= 0) output[length++] = half << 4;
  return { octets: output.subarray(0, length), isOver: false };
}

function ascii85(octets: Uint8Array): Filtered {
  const output: number[] = [];
  let group: number[] = [];
  const flush = (count: number) => {
    let value = 0;
    for (let i = 0; i < 5; i++) value = value * 85 + (group[i] ?? 84);
    for (let i = 0; i < count; i++) output.push(Math.floor(value / 256 ** (3 - i)) & 255);
    group = [];
  };
  for (const octet of octets) {
    if (octet === 0x7e) break;
    if (octet === 0x7a && group.length === 0) output.push(0, 0, 0, 0);
    else if (octet >= 0x21 && octet <= 0x75) {
      group.push(octet - 0x21);
      if (group.length === 5) flush(4);
    }
  }
  if (group.length > 1) flush(group.length - 1);
  return { octets: Uint8Array.from(output), isOver: false };
}

function runLength(octets: Uint8Array, maxOctets: number): Filtered {
  const output: number[] = [];
  for (let at = 0; at < octets.length && output.length <= maxOctets;) {
    const length = octets[at++] ?? 128;
    if (length === 128) break;
    if (length < 128) {
      for (let i = 0; i <= length && at < octets.length; i++) output.push(octets[at++] ?? 0);
    } else {
      const octet = octets[at++] ?? 0;
      for (let i = length; i < 257; i++) output.push(octet);
    }
  }
  return { octets: Uint8Array.from(output.slice(0, maxOctets)), isOver: output.length > maxOctets };
}

/** LZW with codes of 9 to 12 bits, clear 256, end 257, early change. */
function lzw(octets: Uint8Array, maxOctets: number): Filtered {
  const output: number[] = [];
  const starts = new Uint32Array(4097);
  const lengths = new Uint16Array(4097);
  let next = 258;
  let width = 9;
  let before = -1;
  let hold = 0;
  let held = 0;
  for (const octet of octets) {
    hold = (hold << 8 | octet) & 0xffffff;
    held += 8;
    if (held < width) continue;
    held -= width;
    const code = (hold >> held) & ((1 << width) - 1);
    if (code === 257) break;
    if (code === 256) {
      next = 258;
      width = 9;
      before = -1;
      continue;
    }
    const start = output.length;
    if (code < 256) output.push(code);
    else if (code < next) {
      for (let i = 0; i < (lengths[code] ?? 0); i++) {
        output.push(output[(starts[code] ?? 0) + i] ?? 0);
      }
    } else break;
    if (before >= 0 && next < 4096) {
      // the entry: what was written before, and one octet more, which stands behind it in the output
      starts[next] = before;
      lengths[next] = start - before + 1;
      next++;
    }
    // an entry may be used before its last octet is known
    if (next < 4097) {
      starts[next] = start;
      lengths[next] = output.length - start + 1;
    }
    before = start;
    width = next + 2 > 2048 ? 12 : next + 2 > 1024 ? 11 : next + 2 > 512 ? 10 : 9;
    if (output.length > maxOctets) {
      return { octets: Uint8Array.from(output.slice(0, maxOctets)), isOver: true };
    }
  }
  return { octets: Uint8Array.from(output), isOver: false };
}

/** By name and abbreviation. Filters of pictures are not here: what they give is no file. */
export const PDF_FILTERS: Readonly<Record<string, Filter>> = {
  FlateDecode: flate,
  Fl: flate,
  ASCIIHexDecode: asciiHex,
  AHx: asciiHex,
  ASCII85Decode: ascii85,
  A85: ascii85,
  RunLengthDecode: runLength,
  RL: runLength,
  LZWDecode: lzw,
  LZW: lzw,
};
