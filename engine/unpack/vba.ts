/**
 * Source text of VBA macros: a compressed container inside a module stream.
 *
 * @see [MS-OVBA] 2.4.1
 */
import { Buffer } from "node:buffer";
import { u16 } from "./octets.ts";

/** Every module begins with an attribute, whose compressed form starts so: a flag octet of zeros, then eight literals. */
const FIRST = Buffer.from("\0Attribut", "latin1");
/** Most octets of source that are read of one module. */
const MAX_SOURCE_OCTETS = 4 << 20;

/**
 * Finds and decompresses the source of a module.
 *
 * @returns `undefined` where the stream holds no module.
 */
export function macroText(stream: Uint8Array): Uint8Array | undefined {
  const found = Buffer.from(stream.buffer, stream.byteOffset, stream.length).indexOf(FIRST);
  if (found < 3 || stream[found - 3] !== 1) return undefined;
  return decompressVba(stream.subarray(found - 3));
}

/** Decompresses a container; what is broken ends it. */
export function decompressVba(octets: Uint8Array): Uint8Array {
  const output: number[] = [];
  if (octets[0] !== 1) return new Uint8Array(0);
  for (let at = 1; at + 2 <= octets.length && output.length < MAX_SOURCE_OCTETS;) {
    const header = u16(octets, at);
    const end = Math.min(octets.length, at + (header & 0xfff) + 3);
    if (((header >> 12) & 7) !== 3) break;
    at += 2;
    if ((header & 0x8000) === 0) {
      for (; at < end; at++) output.push(octets[at] ?? 0);
      continue;
    }
    if (!decompressChunk(octets, at, end, output)) break;
    at = end;
  }
  return Uint8Array.from(output);
}

/** Literals and copies, eight to a flag octet; a copy's split between length and distance grows with the chunk. */
function decompressChunk(octets: Uint8Array, from: number, end: number, output: number[]): boolean {
  const start = output.length;
  let at = from;
  while (at < end) {
    const flags = octets[at++] ?? 0;
    for (let bit = 0; bit < 8 && at < end; bit++) {
      if (((flags >> bit) & 1) === 0) {
        output.push(octets[at++] ?? 0);
        continue;
      }
      const token = u16(octets, at);
      at += 2;
      const written = output.length - start;
      let bits = 4;
      while (1 << bits < written) bits++;
      const length = (token & (0xffff >> bits)) + 3;
      const distance = (token >> (16 - bits)) + 1;
      if (distance > written) return false;
      for (let i = 0; i < length; i++) output.push(output[output.length - distance] ?? 0);
      if (output.length - start > 8192) return false;
    }
  }
  return true;
}
