/** gzip around something that changes: RFC 1952. */
import { Buffer } from "node:buffer";
import { deflateRawSync } from "node:zlib";
import { outputLimit } from "../unpack/bounds.ts";
import { crc32 } from "../unpack/crc32.ts";
import { inflateRaw } from "../unpack/decompress.ts";
import { u16, u32 } from "../unpack/octets.ts";
import type { Rebuild, Rebuilt } from "./rebuild.ts";

/** Writes a gzip of one member anew with its own header; what must go whole makes it go. See {@link Rebuild}. */
export function rebuildGzip(octets: Uint8Array, rebuild: Rebuild): Rebuilt {
  const { budget } = rebuild;
  const start = headerOctets(octets);
  if (start === undefined) return undefined;
  const { octets: content, used, end } = inflateRaw(
    octets.subarray(start),
    outputLimit(budget, octets.length),
  );
  budget.unpacked(content.length);
  const trailer = start + used;
  if (
    end !== "complete" || trailer + 8 !== octets.length ||
    u32(octets, trailer) !== crc32(content) ||
    u32(octets, trailer + 4) !== content.length % 2 ** 32
  ) return undefined;
  const fate = rebuild.fate(content);
  if (fate.fate === "remove") return "remove";
  if (fate.fate === "keep") return octets;
  const sums = Buffer.alloc(8);
  sums.writeUInt32LE(crc32(fate.content), 0);
  sums.writeUInt32LE(fate.content.length % 2 ** 32, 4);
  return new Uint8Array(
    Buffer.concat([octets.subarray(0, start), deflateRawSync(fate.content), sums]),
  );
}

function headerOctets(octets: Uint8Array): number | undefined {
  if (octets[0] !== 0x1f || octets[1] !== 0x8b || octets[2] !== 8) return undefined;
  const flags = octets[3] ?? 0;
  if ((flags & 0xe0) !== 0) return undefined;
  let end = 10;
  if (flags & 4) end += 2 + u16(octets, end);
  for (const flag of [8, 16]) {
    if ((flags & flag) === 0) continue;
    const nul = octets.indexOf(0, end);
    if (nul < 0) return undefined;
    end = nul + 1;
  }
  if (flags & 2) end += 2;
  return end < octets.length ? end : undefined;
}
