/** BinHex 4.0 files in text: RFC 1741, appendix A. */
import { Buffer } from "node:buffer";
import type { EmbeddedFile } from "./uuencode.ts";

const COLON = 58, RUN = 0x90;
const TABLE = new Uint8Array(256).fill(255);
for (
  const [i, c] of [..."!\"#$%&'()*+,-012345689@ABCDEFGHIJKLMNPQRSTUVXYZ[`abcdefhijklmpqr"].entries()
) TABLE[c.charCodeAt(0)] = i;

/**
 * Decodes the first BinHex file from `at` on: its data fork, and its resource fork, where it has one.
 *
 * @param most Octets that may be put out at most: runs make BinHex a compressor.
 */
export function readBinhex(
  octets: Uint8Array,
  at: number,
  end: number,
  most: number,
): EmbeddedFile | undefined {
  const start = startOfData(octets, at, end);
  if (start < 0) return undefined;
  // The header first: without a sound one there is nothing to decode.
  if (!isSound(expandRuns(unpack(octets, start, Math.min(end, start + 256)).octets, 128))) {
    return undefined;
  }
  const { octets: packed, position, odd } = unpack(octets, start, end);
  const raw = expandRuns(packed, most);
  if (!isSound(raw)) return undefined;
  const nameLength = raw[0]!;
  const header = 1 + nameLength + 1 + 4 + 4 + 2;
  const name = Buffer.from(raw.subarray(1, 1 + nameLength)).toString("latin1");
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  const data = view.getUint32(header), resource = view.getUint32(header + 4);
  const from = header + 10;
  const fork = raw.subarray(from, Math.min(raw.length, from + data));
  const second = from + data + 2;
  return {
    name,
    octets: fork,
    ...(resource > 0 && second < raw.length
      ? { resource: raw.subarray(second, Math.min(raw.length, second + resource)) }
      : {}),
    reading: "binhex",
    end: Math.min(end, position + 1),
    odd: odd || from + data > raw.length,
  };
}

/** Whether there is a whole header with a name of at most 63 characters. */
function isSound(raw: Uint8Array): boolean {
  const nameLength = raw[0] ?? 64;
  return nameLength <= 63 && raw.length >= 1 + nameLength + 1 + 4 + 4 + 2 + 10;
}

/** Six bits a character until the closing colon. */
function unpack(
  octets: Uint8Array,
  start: number,
  end: number,
): { octets: Uint8Array; position: number; odd: boolean } {
  const colon = octets.indexOf(COLON, start);
  const position = colon < 0 || colon >= end ? end : colon;
  const packed = new Uint8Array(Math.ceil((position - start) * 3 / 4) + 3);
  let size = 0, bits = 0, count = 0;
  let odd = false;
  for (let i = start; i < position; i++) {
    const value = TABLE[octets[i]!]!;
    if (value === 255) {
      if (octets[i]! > 32) odd = true;
      continue;
    }
    bits = bits << 6 | value;
    if (++count === 4) {
      packed[size++] = bits >> 16;
      packed[size++] = bits >> 8;
      packed[size++] = bits;
      bits = count = 0;
    }
  }
  if (count === 2) packed[size++] = bits >> 4;
  if (count === 3) {
    packed[size++] = bits >> 10;
    packed[size++] = bits >> 2;
  }
  return { octets: packed.subarray(0, size), position, odd };
}

/** Past the colon that begins a line after `at`. */
function startOfData(octets: Uint8Array, at: number, end: number): number {
  const most = Math.min(end, at + 4096);
  for (let i = at; i < most; i++) {
    if (octets[i] === COLON && (i === 0 || octets[i - 1] === 10 || octets[i - 1] === 13)) {
      return i + 1;
    }
  }
  return -1;
}

function expandRuns(packed: Uint8Array, most: number): Uint8Array {
  let length = 0;
  for (let i = 0; i < packed.length; i++) {
    if (packed[i] === RUN && i + 1 < packed.length) {
      const run = packed[++i]!;
      length += run === 0 ? 1 : run - 1;
    } else length++;
  }
  const out = new Uint8Array(Math.min(length, most));
  let size = 0;
  for (let i = 0; i < packed.length && size < out.length; i++) {
    if (packed[i] === RUN && i + 1 < packed.length) {
      const run = packed[++i]!;
      if (run === 0) out[size++] = RUN;
      else {
        const last = size > 0 ? out[size - 1]! : 0;
        const stop = Math.min(out.length, size + run - 1);
        out.fill(last, size, stop);
        size = stop;
      }
    } else out[size++] = packed[i]!;
  }
  return out.subarray(0, size);
}
