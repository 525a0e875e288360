/** Cabinets, stored and MSZIP. [MS-CAB], [MS-MCI] */
import type { NotScannedReason } from "../types.ts";
import { limitReason, outputLimit } from "./bounds.ts";
import { unforeign } from "./foreign/foreign.ts";
import { inflate } from "./inflate.ts";
import { nameText, u16, u32 } from "./octets.ts";
import { Output } from "./output.ts";
import type { Entry, UnpackContext } from "./unpacker.ts";

/** A block of MSZIP gives at most this; the next one may look back into it. */
const BLOCK_OCTETS = 32768;

interface Folder {
  readonly start: number;
  readonly blocks: number;
  readonly method: number;
}

interface File {
  readonly name: string;
  readonly size: number;
  readonly offset: number;
  readonly folder: number;
}

interface Directory {
  readonly folders: readonly Folder[];
  readonly files: readonly File[];
  readonly dataReserve: number;
}

/** Where a NUL-terminated string at `at` ends, NUL included. */
function afterString(octets: Uint8Array, at: number): number {
  const end = octets.indexOf(0, at);
  return end < 0 ? octets.length : end + 1;
}

function readDirectory(octets: Uint8Array): Directory {
  const flags = u16(octets, 30);
  let at = 36;
  let folderReserve = 0;
  let dataReserve = 0;
  if (flags & 4) {
    folderReserve = octets[38] ?? 0;
    dataReserve = octets[39] ?? 0;
    at = 40 + u16(octets, 36);
  }
  for (const flag of [1, 2]) {
    if (flags & flag) at = afterString(octets, afterString(octets, at));
  }
  const folders: Folder[] = [];
  for (let n = u16(octets, 26); n > 0 && at + 8 <= octets.length; n--) {
    folders.push({
      start: u32(octets, at),
      blocks: u16(octets, at + 4),
      method: u16(octets, at + 6) & 15,
    });
    at += 8 + folderReserve;
  }
  const files: File[] = [];
  at = u32(octets, 16);
  for (let n = u16(octets, 28); n > 0 && at + 16 < octets.length; n--) {
    const end = afterString(octets, at + 16);
    files.push({
      size: u32(octets, at),
      offset: u32(octets, at + 4),
      folder: u16(octets, at + 8),
      name: nameText(octets.subarray(at + 16, Math.min(end - 1, at + 16 + 1024))),
    });
    at = end;
  }
  return { folders, files, dataReserve };
}

/** Unpacks a folder's blocks into one piece. */
function readFolder(
  octets: Uint8Array,
  { start, blocks, method }: Folder,
  reserve: number,
  { budget }: UnpackContext,
): { content: Uint8Array; notScanned?: NotScannedReason } {
  if (method > 1) return { content: new Uint8Array(0), notScanned: "unsupported" }; // Quantum, LZX
  const output = new Output(outputLimit(budget, octets.length), blocks * 4096);
  const scratch = new Uint8Array(2 * BLOCK_OCTETS);
  let at = start;
  for (let block = 0; block < blocks && budget.time(); block++) {
    const size = u16(octets, at + 4);
    at += 8 + reserve;
    const packed = octets.subarray(at, at + size);
    at += size;
    let piece = packed;
    let isWhole = packed.length === size;
    if (method === 1) {
      if (packed[0] !== 0x43 || packed[1] !== 0x4b) isWhole = false;
      const dictionary = output.view(Math.max(0, output.length - BLOCK_OCTETS));
      const result = inflate(packed.subarray(2), BLOCK_OCTETS, {
        dictionary,
        expected: BLOCK_OCTETS,
        scratch,
      });
      piece = result.octets;
      isWhole &&= result.end === "complete";
    }
    if (!output.append(piece)) {
      return { content: output.octets, notScanned: limitReason(budget, octets.length) };
    }
    if (!isWhole) return { content: output.octets, notScanned: "malformed" };
  }
  return { content: output.octets };
}

/** Opens a cabinet. Files that begin or end in another one of its set are what is here of them. */
export function* uncab(octets: Uint8Array, context: UnpackContext): Generator<Entry> {
  const { budget } = context;
  const { folders, files, dataReserve } = readDirectory(octets);
  if (folders.length === 0 || files.length === 0) return context.note("malformed");
  if (context.volumes && context.tools.sevenZip) return yield* unforeign(octets, context);
  if (context.tools.sevenZip && folders.some(({ method }) => method > 1)) {
    yield* unforeign(octets, context);
    return yield* behind(octets);
  }
  for (const [index, folder] of folders.entries()) {
    const { content, notScanned } = readFolder(octets, folder, dataReserve, context);
    budget.unpacked(content.length);
    for (const file of files) {
      // 0xfffd to 0xffff: continued from or to another cabinet, in the first or last folder of this one
      const own = file.folder >= 0xfffd
        ? (file.folder === 0xfffe ? folders.length - 1 : 0)
        : file.folder;
      if (own !== index) continue;
      if (!budget.time()) return;
      const piece = content.subarray(file.offset, file.offset + file.size);
      const reason = piece.length === file.size ? undefined : notScanned ?? "malformed";
      if (reason) budget.breach(reason);
      const names = [file.name];
      if (piece.length === 0 && reason) yield { names, size: file.size, notScanned: reason };
      else yield { names, content: piece, ...(reason ? { notScanned: reason } : {}) };
    }
  }
  yield* behind(octets);
}

/** What stands behind the cabinet. */
function* behind(octets: Uint8Array): Generator<Entry> {
  const rest = octets.subarray(u32(octets, 8));
  if (rest.length > 0 && rest.some((octet) => octet !== 0)) yield { names: [], content: rest };
}
