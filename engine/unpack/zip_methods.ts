/** How the members of a zip are packed. */
import type { NotScannedReason } from "../types.ts";
import { inflateRaw } from "./decompress.ts";
import { bunzip } from "./bzip2.ts";
import { inflate } from "./inflate.ts";
import { unlzmaRaw } from "./lzma.ts";
import { u16 } from "./octets.ts";
import { Output } from "./output.ts";
import type { UnpackContext } from "./unpacker.ts";
import { xzStream } from "./xz.ts";
import type { ZipHeader } from "./zip_directory.ts";

/** One way to read a member's data. */
export interface ZipReading {
  readonly content?: Uint8Array;
  /** Octets of the archive used from the data's start. */
  readonly used: number;
  readonly end: "complete" | NotScannedReason;
  /** The content is these very octets. */
  readonly isStored?: true;
}

/** Decompresses one method; `data` reaches to the end of the archive where the method knows its own end. */
export type ZipMethod = (
  data: Uint8Array,
  header: ZipHeader,
  maxOctets: number,
  context: UnpackContext,
) => ZipReading;

const ENDS = {
  complete: "complete",
  truncated: "malformed",
  corrupt: "malformed",
  limit: "ratio",
} as const;

/** Methods that 7-Zip knows besides: shrink, reduce, implode, zstd, PPMd. */
const FOREIGN = [1, 2, 3, 4, 5, 6, 20, 93, 98];

/** By number: APPNOTE 4.4.5. Stored data needs none. */
export const ZIP_METHODS: Readonly<Record<number, ZipMethod>> = {
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
  ...Object.fromEntries(FOREIGN.map((method) => [method, foreign])),
};

/** Gives 7-Zip a zip with nothing but this member. */
function foreign(
  data: Uint8Array,
  header: ZipHeader,
  maxOctets: number,
  { tools, budget }: UnpackContext,
): ZipReading {
  const used = header.packed;
  if (!tools.sevenZip) return { used, end: "unsupported" };
  const packed = data.subarray(0, header.packed);
  const limits = { octets: maxOctets, kept: maxOctets, files: 1, skip: 0 };
  const run = tools.sevenZip.unpack(oneMember(packed, header), limits, budget);
  const content = run.files.written[0]?.octets;
  const end = run.status === 0
    ? "complete"
    : run.stopped === "octets"
    ? "ratio"
    : run.stopped === "time"
    ? "time"
    : run.starved
    ? "memory"
    : "malformed";
  return { ...(content ? { content } : {}), used, end };
}

/** A zip of one member named `a`. */
function oneMember(packed: Uint8Array, header: ZipHeader): Uint8Array {
  const zip = new Uint8Array(31 + packed.length + 47 + 22);
  const view = new DataView(zip.buffer);
  const fields = (at: number) => {
    // neither encrypted, nor with a data descriptor; bits 1 and 2 belong to the method
    view.setUint16(at, header.flags & 6, true);
    view.setUint16(at + 2, header.method, true);
    view.setUint32(at + 8, header.crc, true);
    view.setUint32(at + 12, packed.length, true);
    view.setUint32(at + 16, header.unpacked, true);
    view.setUint16(at + 20, 1, true);
  };
  view.setUint32(0, 0x04034b50, true);
  view.setUint16(4, 63, true);
  fields(6);
  zip[30] = 0x61;
  zip.set(packed, 31);
  const central = 31 + packed.length;
  view.setUint32(central, 0x02014b50, true);
  view.setUint16(central + 6, 63, true);
  fields(central + 8);
  zip[central + 46] = 0x61;
  const end = central + 47;
  view.setUint32(end, 0x06054b50, true);
  view.setUint16(end + 8, 1, true);
  view.setUint16(end + 10, 1, true);
  view.setUint32(end + 12, 47, true);
  view.setUint32(end + 16, central, true);
  return zip;
}
