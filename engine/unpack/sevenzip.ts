/** 7z with LZMA, LZMA2, deflate, bzip2 and copies, alone or behind the x86 filter and delta. */
import type { NotScannedReason } from "../types.ts";
import { undoX86 } from "./bcj.ts";
import { limitReason, outputLimit } from "./bounds.ts";
import { bunzip } from "./bzip2.ts";
import { unforeign } from "./foreign/foreign.ts";
import { MAX_SEVENZIP_POWER } from "./foreign/key_work.ts";
import { inflateRaw } from "./decompress.ts";
import { inflate, type InflateEnd } from "./inflate.ts";
import { unlzma2, unlzmaRaw } from "./lzma.ts";
import { u32, u64 } from "./octets.ts";
import { Output } from "./output.ts";
import {
  type Coder,
  type Folder,
  readSevenZipHeader,
  type SevenZipHeader,
} from "./sevenzip_header.ts";
import type { Entry, UnpackContext } from "./unpacker.ts";

/** Headers packed in headers. */
const MAX_PACKED_HEADERS = 4;
const AES = "06f10701";

type Decode = (
  input: Uint8Array,
  coder: Coder,
  size: number,
  maxOctets: number,
) => { readonly octets: Uint8Array; readonly end: InflateEnd };

const METHODS: Readonly<Record<string, Decode>> = {
  "00": (octets) => ({ octets, end: "complete" }),
  "21": (input, _coder, size, maxOctets) => {
    const output = new Output(maxOctets, size);
    const { end } = unlzma2(input, output);
    return { octets: output.octets, end };
  },
  "030101": (input, { properties }, size, maxOctets) =>
    unlzmaRaw(input, properties[0] ?? 255, size, maxOctets),
  "040108": (input, _coder, size, maxOctets) => inflateRaw(input, maxOctets, size),
  "040109": (input, _coder, size, maxOctets) =>
    inflate(input, maxOctets, { expected: size, deflate64: true }),
  "040202": (input, _coder, size, maxOctets) => {
    const output = new Output(maxOctets, size);
    const { end } = bunzip(input, output);
    return { octets: output.octets, end };
  },
  "03": (input, { properties }) => ({
    octets: undoDelta(input, (properties[0] ?? 0) + 1),
    end: "complete",
  }),
  "03030103": undoFilter,
  "04": undoFilter,
};

function undoFilter(input: Uint8Array): { octets: Uint8Array; end: InflateEnd } {
  const octets = input.slice();
  undoX86(octets);
  return { octets, end: "complete" };
}

function undoDelta(input: Uint8Array, distance: number): Uint8Array {
  const octets = input.slice();
  for (let i = distance; i < octets.length; i++) {
    octets[i] = (octets[i] ?? 0) + (octets[i - distance] ?? 0);
  }
  return octets;
}

/** Whether every coder is one of {@link METHODS}, in one line. */
function isOwn(chain: Folder["chain"]): boolean {
  return chain?.every(({ id }) => Object.hasOwn(METHODS, id)) ?? false;
}

/** Whether its key takes more work than is allowed; 63 stands for none at all. */
function isSlow({ coders }: Folder): boolean {
  return coders.some(({ id, properties }) => {
    const power = (properties[0] ?? 0) & 63;
    return id === AES && power > MAX_SEVENZIP_POWER && power !== 63;
  });
}

/** What a folder gives, and why it is not all. */
function unpackFolder(
  octets: Uint8Array,
  folder: Folder,
  { budget }: UnpackContext,
): { content?: Uint8Array; notScanned?: NotScannedReason } {
  if (folder.coders.some(({ id }) => id === AES)) return { notScanned: "encrypted" };
  const { chain, packStart, packSize, unpackSize } = folder;
  if (!chain || !isOwn(chain)) return { notScanned: "unsupported" };
  let content = octets.subarray(packStart, packStart + packSize);
  if (content.length < packSize) return { notScanned: "malformed" };
  for (const coder of chain) {
    const limit = outputLimit(budget, octets.length, unpackSize);
    const result = METHODS[coder.id]?.(content, coder, unpackSize, limit);
    if (!result) return { notScanned: "unsupported" };
    content = result.octets;
    if (result.end === "limit") return { content, notScanned: limitReason(budget, octets.length) };
    if (result.end !== "complete") return { content, notScanned: "malformed" };
  }
  return { content };
}

/** The header, unpacked as often as it is packed. */
function header(octets: Uint8Array, context: UnpackContext): SevenZipHeader | NotScannedReason {
  const start = 32 + u64(octets, 12);
  let content = octets.subarray(start, start + u64(octets, 20));
  if (content.length === 0) return u32(octets, 20) === 0 ? { folders: [], names: [] } : "malformed";
  for (let depth = 0; depth < MAX_PACKED_HEADERS; depth++) {
    const read = readSevenZipHeader(content);
    if (!read) return "malformed";
    if (!read.isPacked) return read;
    const [folder] = read.folders;
    if (folder && isSlow(folder)) return "unsupported";
    const unpacked = folder && unpackFolder(octets, folder, context);
    if (!unpacked?.content || unpacked.notScanned) return unpacked?.notScanned ?? "malformed";
    content = unpacked.content;
  }
  return "depth";
}

/** Opens 7z. */
export function* unsevenzip(octets: Uint8Array, context: UnpackContext): Generator<Entry> {
  const { budget } = context;
  const read = header(octets, context);
  const isForeign = read === "encrypted" ||
    (typeof read !== "string" && read.folders.some(({ chain }) => !isOwn(chain)));
  if (typeof read !== "string" && read.folders.some(isSlow)) return context.note("encrypted");
  if (context.tools.sevenZip && isForeign) {
    return yield* unforeign(octets, context, read === "encrypted");
  }
  if (typeof read === "string") return context.note(read);
  let file = 0;
  for (const folder of read.folders) {
    if (!budget.time()) return;
    const { content, notScanned } = unpackFolder(octets, folder, context);
    if (notScanned) budget.breach(notScanned);
    const reason = notScanned ? { notScanned } : {};
    budget.unpacked(content?.length ?? 0);
    let at = 0;
    for (const size of folder.sizes) {
      const name = read.names[file++];
      const names = name === undefined ? [] : [name];
      if (!content) {
        yield {
          names,
          size,
          ...reason,
          ...(notScanned === "encrypted" ? { encrypted: true } : {}),
        };
        continue;
      }
      const own = content.subarray(at, at + size);
      at += size;
      yield {
        names,
        content: own,
        ...(own.length < size ? { notScanned: notScanned ?? "malformed" } : {}),
      };
      if (own.length < size) budget.breach(notScanned ?? "malformed");
    }
  }
}
