/** ZIP: the union of what any reader would take out. */
import type { NotScannedReason } from "../types.ts";
import { limitReason, outputLimit } from "./bounds.ts";
import { crc32 } from "./crc32.ts";
import { inflateRaw } from "./decompress.ts";
import { inflate } from "./inflate.ts";
import { bunzip } from "./bzip2.ts";
import { unlzmaRaw } from "./lzma.ts";
import { distinct, u16, u32 } from "./octets.ts";
import { Output } from "./output.ts";
import type { Entry, UnpackContext } from "./unpacker.ts";
import { xzStream } from "./xz.ts";
import { readZipDirectory, type ZipHeader, type ZipMember } from "./zip_directory.ts";

/** One way to read a member's data. */
interface Reading {
  readonly content?: Uint8Array;
  /** Octets of the archive used from the data's start. */
  readonly used: number;
  readonly end: "complete" | NotScannedReason;
}

/** Decompresses one method; `data` reaches to the end of the archive where the method knows its own end. */
type Method = (data: Uint8Array, header: ZipHeader, maxOctets: number) => Reading;

const ENDS = {
  complete: "complete",
  truncated: "malformed",
  corrupt: "malformed",
  limit: "ratio",
} as const;

const METHODS: Readonly<Record<number, Method>> = {
  8: (data, header, maxOctets) => {
    const { octets, used, end } = inflateRaw(data, maxOctets, header.unpacked);
    return { content: octets, used, end: ENDS[end] };
  },
  9: (data, header, maxOctets) => {
    const { octets, used, end } = inflate(data, maxOctets, {
      deflate64: true,
      expected: header.unpacked,
    });
    return { content: octets, used, end: ENDS[end] };
  },
  12: (data, header, maxOctets) => {
    const output = new Output(maxOctets, header.unpacked);
    const { end, used } = bunzip(data, output);
    return { content: output.octets, used, end: ENDS[end] };
  },
  // version, size of the properties, properties: APPNOTE 5.8.8; flag bit 1 says that an end mark is there
  14: (data, header, maxOctets) => {
    const size = (header.flags & 2) !== 0 ? Infinity : header.unpacked;
    const start = 4 + u16(data, 2);
    const { octets, used, end } = unlzmaRaw(data.subarray(start), data[4] ?? 255, size, maxOctets);
    return { content: octets, used: used + start, end: ENDS[end] };
  },
  95: (data, header, maxOctets) => {
    const output = new Output(maxOctets, header.unpacked);
    const { end, next } = xzStream(data, 0, output);
    return {
      content: output.octets,
      used: next,
      end: end === "filter" ? "unsupported" : ENDS[end],
    };
  },
};

/** Where data without a told size ends: at the next record, whichever it is. */
function nextRecord(octets: Uint8Array, from: number): number {
  for (let at = octets.indexOf(0x50, from); at >= 0; at = octets.indexOf(0x50, at + 1)) {
    const record = u32(octets, at);
    // local header, central header, data descriptor, end record
    if (
      record === 0x04034b50 || record === 0x02014b50 || record === 0x08074b50 ||
      record === 0x06054b50
    ) return at;
  }
  return octets.length;
}

/** Opens ZIP and everything that is a zip inside: jar, apk, ooxml, odf, self-extracting, polyglots. */
export function* unzip(octets: Uint8Array, context: UnpackContext): Generator<Entry> {
  const { budget } = context;
  const directory = readZipDirectory(octets, budget);
  /** Data of the last member read whole: a zip inside is that member's own content, and opened with it. */
  let covered = { start: 0, end: 0 };
  const isInside = (place: number) => place >= covered.start && place < covered.end;
  for (const member of directory.members) {
    if (!budget.time()) return;
    if (isInside(member.offset)) {
      if (member.central.every(({ place }) => isInside(place))) continue;
      context.note("malformed"); // members overlap
    }
    const { entries, used } = readMember(octets, member, context);
    if (member.data + used > covered.end) {
      covered = { start: member.data, end: member.data + used };
    }
    yield* entries;
    const views = new Set(member.central.map((header) => header.names[0]));
    if (views.size > 2) context.note("malformed"); // many names for one piece of data
  }
  for (const header of directory.lost) {
    if (!budget.time()) return;
    if (header.packed === 0) continue;
    yield {
      names: distinct(header.names),
      size: header.unpacked,
      notScanned: budgeted(context, "malformed"),
    };
  }
  if (directory.members.length === 0 && directory.lost.length === 0 && octets.length > 22) {
    context.note("malformed");
  }
}

function budgeted(context: UnpackContext, reason: NotScannedReason): NotScannedReason {
  context.budget.breach(reason);
  return reason;
}

function readMember(
  octets: Uint8Array,
  member: ZipMember,
  context: UnpackContext,
): { entries: readonly Entry[]; used: number } {
  const headers = [...member.central, member.local];
  const names = distinct(headers.flatMap((header) => header.names));
  const isFolder = headers.every((header) =>
    header.packed === 0 && /[/\\]$/.test(header.names[0] ?? "")
  );
  if (isFolder) {
    context.budget.file();
    return { entries: [], used: 0 };
  }
  const readings = readAll(octets, member, headers, context);
  const used = Math.max(0, ...readings.filter((r) => r.end === "complete").map((r) => r.used));
  const checks = new Set(headers.map((header) => header.crc));
  const matches = (r: Reading) => r.content !== undefined && checks.has(crc32(r.content));
  const marked = headers.filter((header) => (header.flags & 1) === 1).length;
  const sound = readings.filter((r) => r.end === "complete" && matches(r));
  if (marked === headers.length && sound.length === 0) {
    const packed = Math.max(...headers.map((header) => header.packed));
    const entry: Entry = {
      names,
      size: Math.max(...headers.map((header) => header.unpacked)),
      encrypted: true,
      packedSize: packed,
      notScanned: budgeted(context, "encrypted"),
    };
    return { entries: [entry], used: Math.min(packed, octets.length - member.data) };
  }
  const entries = readings.map((reading): Entry => {
    // where one reading is sound, the others may be what they are; what could not be read at all stays unknown
    const isFine = sound.length > 0 && reading.content !== undefined;
    const notScanned = isFine ? undefined : reading.end === "complete" ? "malformed" : reading.end;
    if (notScanned) context.budget.breach(notScanned);
    return {
      names,
      ...(reading.content ? { content: reading.content } : { size: headers[0]?.unpacked ?? 0 }),
      packedSize: headers[0]?.packed ?? 0,
      ...(notScanned ? { notScanned } : {}),
    };
  });
  return { entries, used };
}

/** Reads the data in every way that one of the headers asks for; the same way only once, empty or repeated contents not at all. */
function readAll(
  octets: Uint8Array,
  member: ZipMember,
  headers: readonly ZipHeader[],
  { budget }: UnpackContext,
): readonly Reading[] {
  const readings: Reading[] = [];
  const done = new Set<string>();
  for (const header of headers) {
    if (header.method === 0) {
      for (const size of storedSizes(octets, member, header)) {
        if (done.has(`0:${size}`)) continue;
        done.add(`0:${size}`);
        readings.push(stored(octets.subarray(member.data, member.data + size), size, budget));
      }
      continue;
    }
    const method = METHODS[header.method];
    const key = String(header.method);
    if (done.has(key)) continue;
    done.add(key);
    if (!method) {
      readings.push({ used: header.packed, end: "unsupported" });
      continue;
    }
    const maxOctets = outputLimit(budget, octets.length);
    const reading = method(octets.subarray(member.data), header, maxOctets);
    const end = reading.end === "ratio" ? limitReason(budget, octets.length) : reading.end;
    budget.unpacked(reading.content?.length ?? 0);
    readings.push({ ...reading, end });
  }
  // "stored, no octets" is what a header without sizes says when another one knows better
  const telling = readings.filter((r) => r.content?.length !== 0);
  return telling.length > 0 ? telling : readings.slice(0, 1);
}

function storedSizes(octets: Uint8Array, member: ZipMember, header: ZipHeader): readonly number[] {
  const sizes = new Set([header.packed, header.unpacked]);
  const descriptor = (header.flags & 8) !== 0;
  if (header.packed === 0 && (descriptor || member.central.length === 0)) {
    sizes.add(nextRecord(octets, member.data) - member.data);
  }
  if (sizes.size > 1) sizes.delete(0);
  return [...sizes];
}

function stored(content: Uint8Array, size: number, budget: UnpackContext["budget"]): Reading {
  const charged = budget.unpacked(content.length);
  const end = !charged ? "octets" : content.length < size ? "malformed" : "complete";
  return { content, used: content.length, end };
}
