/**
 * ACE: stored files and LZ77 of versions 1 and 2, also in solid archives.
 *
 * @see acefile (Daniel Roethlisberger) describes the format
 */
import { unace } from "./ace_stream.ts";
import { outputLimit } from "./bounds.ts";
import { crc32 } from "./crc32.ts";
import { type Decoded, decodedEntry, storedOctets } from "./entries.ts";
import { nameText, u16, u32, u64 } from "./octets.ts";
import { Output } from "./output.ts";
import type { Entry, UnpackContext } from "./unpacker.ts";

/** Kinds of headers. */
const MAIN = 0;
const FILE = 1;
const FILE_64 = 3;
/** Flags. */
const HAS_DATA = 1;
const IS_64 = 4;
const FROM_BEFORE = 1 << 12;
const GOES_ON = 1 << 13;
const ENCRYPTED = 1 << 14;
const SOLID = 1 << 15;
const FOLDER = 0x10;

/** Methods. */
const STORED = 0;
const LZ77 = 1;
const BLOCKED = 2;

interface FileHeader {
  readonly names: readonly string[];
  readonly flags: number;
  readonly size: number;
  readonly crc: number;
  readonly method: number;
  readonly isFolder: boolean;
}

/** @param at Behind the sizes. */
function fileHeader(octets: Uint8Array, at: number, flags: number, size: number): FileHeader {
  const length = u16(octets, at + 18);
  return {
    names: [nameText(octets.subarray(at + 20, at + 20 + Math.min(length, 1024)))],
    flags,
    size,
    crc: u32(octets, at + 8),
    method: octets[at + 12] ?? 0,
    isFolder: (u32(octets, at + 4) & FOLDER) !== 0,
  };
}

/** Opens ACE. */
export function* unacefile(octets: Uint8Array, context: UnpackContext): Generator<Entry> {
  const { budget } = context;
  let window: Output | undefined;
  let isSolid = false;
  let at = 0;
  while (at + 7 <= octets.length && budget.time()) {
    const next = at + 4 + u16(octets, at + 2);
    const kind = octets[at + 4] ?? 0;
    const flags = u16(octets, at + 5);
    const wide = (flags & IS_64) !== 0 ? 8 : 4;
    const number = (place: number) => wide === 8 ? u64(octets, place) : u32(octets, place);
    const packed = (flags & HAS_DATA) !== 0 && kind !== MAIN ? number(at + 7) : 0;
    if (next < at + 7 || next > octets.length) break;
    if (kind === MAIN) isSolid = (flags & SOLID) !== 0;
    if (kind === FILE || kind === FILE_64) {
      const header = fileHeader(octets, at + 7 + 2 * wide, flags, number(at + 7 + wide));
      if (header.isFolder || header.size === 0) budget.file();
      else {
        const limit = outputLimit(budget, octets.length, isSolid ? 0 : header.size);
        if (!isSolid || !window) window = new Output(limit, header.size);
        const data = storedOctets(octets, next, packed);
        const decoded = unpackFile(data, header, window, limit, () => budget.time());
        const entry = decodedEntry(header.names, decoded, octets.length, context);
        yield (flags & ENCRYPTED) !== 0 ? { ...entry, encrypted: true } : entry;
        // nothing behind it can be read any more
        if (isSolid && decoded.end !== "complete") return context.note("malformed");
      }
    }
    at = next + packed;
    if (at >= octets.length) return at > octets.length ? context.note("malformed") : undefined;
  }
  if (octets.subarray(at).some((octet) => octet !== 0)) context.note("malformed");
}

function unpackFile(
  data: Decoded,
  { flags, size, crc, method }: FileHeader,
  window: Output,
  limit: number,
  time: () => boolean,
): Decoded {
  const none = new Uint8Array(0);
  if ((flags & ENCRYPTED) !== 0) return { octets: none, end: "encrypted" };
  let decoded: Decoded;
  if (method === STORED) {
    // later files of a solid archive may copy from it
    window.append(data.octets);
    decoded = data.octets.length < size ? { octets: data.octets, end: "truncated" } : data;
  } else if (method === LZ77 || method === BLOCKED) {
    const output = new Output(Math.min(limit, size), size);
    const end = unace(data.octets, size, { isBlocked: method === BLOCKED, output, window, time });
    decoded = { octets: output.octets, end: end === "limit" && size <= limit ? "corrupt" : end };
  } else return { octets: none, end: "unsupported" };
  // pieces of files that other volumes hold have no sum of their own
  if ((flags & (FROM_BEFORE | GOES_ON)) !== 0) return { octets: decoded.octets, end: "corrupt" };
  const isWrong = decoded.end === "complete" && (~crc32(decoded.octets) >>> 0) !== crc;
  return isWrong ? { octets: decoded.octets, end: "corrupt" } : decoded;
}
