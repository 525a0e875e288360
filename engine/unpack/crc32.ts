/** CRC-32 as zip and gzip have it: RFC 1952, section 8. */
import * as zlib from "node:zlib";

const native: unknown = "crc32" in zlib ? zlib.crc32 : undefined;

/** Four tables: slicing by four. */
const TABLES = Array.from({ length: 4 }, () => new Int32Array(256));
const [T0 = new Int32Array(), T1 = T0, T2 = T0, T3 = T0] = TABLES;
for (let i = 0; i < 256; i++) {
  let value = i;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  T0[i] = value;
}
for (let i = 0; i < 256; i++) {
  for (let t = 1; t < 4; t++) {
    const before = TABLES[t - 1]?.[i] ?? 0;
    const table = TABLES[t];
    if (table) table[i] = (before >>> 8) ^ (T0[before & 255] ?? 0);
  }
}

/** The plain table, for ciphers that are built on it. */
export const CRC_TABLE: Int32Array = T0;

function portable(octets: Uint8Array): number {
  let crc = -1;
  let at = 0;
  for (const end = octets.length - 3; at < end; at += 4) {
    crc ^= (octets[at] ?? 0) | ((octets[at + 1] ?? 0) << 8) | ((octets[at + 2] ?? 0) << 16) |
      ((octets[at + 3] ?? 0) << 24);
    crc = (T3[crc & 255] ?? 0) ^ (T2[(crc >>> 8) & 255] ?? 0) ^ (T1[(crc >>> 16) & 255] ?? 0) ^
      (T0[crc >>> 24] ?? 0);
  }
  for (; at < octets.length; at++) {
    crc = (crc >>> 8) ^ (T0[(crc ^ (octets[at] ?? 0)) & 255] ?? 0);
  }
  return (crc ^ -1) >>> 0;
}

/** CRC-32 of octets, unsigned. */
export function crc32(octets: Uint8Array): number {
  if (typeof native === "function" && octets.length > 64) {
    const value: unknown = native(octets);
    if (typeof value === "number") return value >>> 0;
  }
  return portable(octets);
}
