/**
 * ALZip's archives: ALZ, and EGG after it.
 *
 * @see ESTsoft, "EGG format specification"; unalz for ALZ, which has none
 */
import { outputLimit } from "./bounds.ts";
import { bunzip } from "./bzip2.ts";
import { crc32 } from "./crc32.ts";
import { inflateRaw } from "./decompress.ts";
import { type Decoded, decodedEntry, storedOctets } from "./entries.ts";
import { unlzmaRaw } from "./lzma.ts";
import { concat, nameText, u16, u32, u64 } from "./octets.ts";
import { Output } from "./output.ts";
import { fittingPassword } from "./passwords.ts";
import type { Entry, UnpackContext } from "./unpacker.ts";
import { decipherOld } from "./zip_cipher.ts";

const NONE = new Uint8Array(0);

function bunzipped(octets: Uint8Array, limit: number, size: number): Decoded {
  const output = new Output(limit, size);
  const { end } = bunzip(octets, output);
  return { octets: output.octets, end };
}

/** What the octets were deciphered from a member under ZIP's old cipher; `undefined` where no password fits. */
function deciphered(
  octets: Uint8Array,
  crc: number,
  unpack: (plain: Uint8Array) => Decoded,
  context: UnpackContext,
): Decoded | undefined {
  return fittingPassword(context, [], (password) => {
    const plain = decipherOld(octets, password, new Set([crc >>> 24]));
    if (!plain) return undefined;
    const decoded = unpack(plain);
    return decoded.end === "complete" && crc32(decoded.octets) === crc ? decoded : undefined;
  });
}

const ALZ_ENTRY = 0x015a4c42;
const ALZ_DIRECTORY = 0x015a4c43;
const ALZ_END = 0x025a4c43;

/** Opens ALZ and EGG. */
export function* unalz(octets: Uint8Array, context: UnpackContext): Generator<Entry> {
  if (u32(octets, 0) === EGG) return yield* unegg(octets, context);
  const { budget } = context;
  let at = 8;
  while (u32(octets, at) === ALZ_ENTRY && budget.time()) {
    const nameLength = u16(octets, at + 4);
    const descriptor = octets[at + 11] ?? 0;
    const width = descriptor >> 4;
    const isPlain = width === 0; // a folder, or nothing
    const number = (place: number) =>
      width === 8 ? u64(octets, place) : u32(octets, place) % 2 ** (8 * width);
    const method = isPlain ? 0 : octets[at + 13] ?? 0;
    const crc = u32(octets, at + 15);
    const packed = isPlain ? 0 : number(at + 19);
    const size = isPlain ? 0 : number(at + 19 + width);
    const nameAt = isPlain ? at + 13 : at + 19 + 2 * width;
    const names = [nameText(octets.subarray(nameAt, nameAt + Math.min(nameLength, 1024)))];
    const isEncrypted = (descriptor & 1) !== 0;
    const piece = storedOctets(
      octets,
      nameAt + nameLength,
      packed + (isEncrypted && !isPlain ? 12 : 0),
    );
    at = nameAt + nameLength + piece.octets.length;
    if (isPlain || (packed === 0 && size === 0)) {
      budget.file();
      continue;
    }
    const unpack = (plain: Uint8Array) =>
      unpackAlz(plain, method, size, outputLimit(budget, octets.length, size));
    const opened = isEncrypted
      ? deciphered(piece.octets, crc, unpack, context)
      : unpack(piece.octets);
    const decoded: Decoded = opened ?? { octets: NONE, end: "encrypted" };
    const isWrong = decoded.end === "complete" && crc32(decoded.octets) !== crc;
    const end = isWrong ? "corrupt" : piece.end === "complete" ? decoded.end : "truncated";
    const entry = decodedEntry(names, { octets: decoded.octets, end }, octets.length, context);
    yield isEncrypted ? { ...entry, encrypted: true } : entry;
  }
  const mark = u32(octets, at);
  if (mark !== ALZ_DIRECTORY && mark !== ALZ_END) context.note("malformed");
}

/** Method 3 is deflate with its tables turned round, which ALZip itself hardly writes. */
function unpackAlz(octets: Uint8Array, method: number, size: number, limit: number): Decoded {
  switch (method) {
    case 0:
      return { octets, end: "complete" };
    case 1:
      return bunzipped(octets, limit, size);
    case 2:
      return inflateRaw(octets, limit, size);
    default:
      return { octets: NONE, end: "unsupported" };
  }
}

const EGG = 0x41474745;
const EGG_END = 0x08e28222;
const EGG_FILE = 0x0a8590e3;
const EGG_BLOCK = 0x02b50c13;
const EGG_NAME = 0x0a8591ac;
const EGG_CIPHER = 0x08d1470f;
const EGG_SOLID = 0x24e5a060;
const EGG_SPLIT = 0x24f5a262;
const EGG_COMMENT = 0x04c63672;
const EGG_HEADER_OCTETS = 14;
const EGG_BLOCK_OCTETS = 22;

/** One field of an EGG's header. */
interface EggField {
  readonly kind: number;
  readonly flags: number;
  readonly data: Uint8Array;
}

/** Fields up to the end mark; `undefined` where there is none. */
function eggFields(
  octets: Uint8Array,
  start: number,
): { readonly fields: readonly EggField[]; readonly next: number } | undefined {
  const fields: EggField[] = [];
  let at = start;
  while (at + 4 <= octets.length) {
    const kind = u32(octets, at);
    if (kind === EGG_END) return { fields, next: at + 4 };
    const flags = octets[at + 4] ?? 0;
    const wide = flags & 1;
    const length = wide ? u32(octets, at + 5) : u16(octets, at + 5);
    const data = at + 5 + (wide ? 4 : 2);
    fields.push({ kind, flags, data: octets.subarray(data, data + length) });
    at = data + length;
  }
  return undefined;
}

interface EggFile {
  readonly names: readonly string[];
  readonly size: number;
  /** What stands for the cipher's header, where the file is under ZIP's old cipher; empty under another one. */
  readonly cipher: Uint8Array | undefined;
}

/** A name may stand behind its code page and behind the number of its folder. */
function eggName({ flags, data }: EggField): string {
  return nameText(data.subarray((flags & 8 ? 2 : 0) + (flags & 16 ? 4 : 0)).subarray(0, 1024));
}

function eggFile(fields: readonly EggField[], size: number): EggFile {
  const names = fields.filter(({ kind }) => kind === EGG_NAME).map(eggName);
  const cipher = fields.find(({ kind }) => kind === EGG_CIPHER)?.data;
  // method 0: twelve octets and the CRC
  const header = cipher && (cipher[0] === 0 ? cipher.subarray(1, 13) : NONE);
  return { names, size, cipher: header };
}

function* unegg(octets: Uint8Array, context: UnpackContext): Generator<Entry> {
  const { budget } = context;
  const head = eggFields(octets, EGG_HEADER_OCTETS);
  if (!head) return context.note("malformed");
  const isSolid = head.fields.some(({ kind }) => kind === EGG_SOLID);
  if (head.fields.some(({ kind }) => kind === EGG_SPLIT)) context.note("malformed");
  let at = head.next;
  const files: EggFile[] = [];
  let blocks: Decoded[] = [];
  const flush = function* (): Generator<Entry> {
    yield* eggEntries(files.splice(0), blocks, octets.length, context);
    blocks = [];
  };
  while (at + 4 <= octets.length && budget.time()) {
    const kind = u32(octets, at);
    if (kind === EGG_END) return yield* flush();
    if (kind === EGG_FILE) {
      if (!isSolid) yield* flush();
      const fields = eggFields(octets, at + 16);
      if (!fields) break;
      files.push(eggFile(fields.fields, u64(octets, at + 8)));
      at = fields.next;
    } else if (kind === EGG_BLOCK) {
      blocks.push(eggBlock(octets, at, files.at(-1)?.cipher, context));
      at += EGG_BLOCK_OCTETS + u32(octets, at + 10);
    } else if (kind === EGG_COMMENT) {
      const wide = (octets[at + 4] ?? 0) & 1;
      at += wide ? 9 + u32(octets, at + 5) : 7 + u16(octets, at + 5);
    } else break;
  }
  yield* flush();
  context.note("malformed");
}

function eggBlock(
  octets: Uint8Array,
  at: number,
  cipher: Uint8Array | undefined,
  context: UnpackContext,
): Decoded {
  const size = u32(octets, at + 6);
  const crc = u32(octets, at + 14);
  const piece = storedOctets(octets, at + EGG_BLOCK_OCTETS, u32(octets, at + 10));
  const limit = outputLimit(context.budget, octets.length, size);
  const unpack = (plain: Uint8Array) => unpackEgg(plain, octets[at + 4] ?? 0, { size, crc, limit });
  if (piece.end !== "complete") return { octets: NONE, end: "truncated" };
  if (cipher) {
    const closed = cipher.length > 0 ? concat([cipher, piece.octets]) : NONE;
    return deciphered(closed, crc, unpack, context) ?? { octets: NONE, end: "encrypted" };
  }
  const decoded = unpack(piece.octets);
  const isWrong = decoded.end === "complete" && crc32(decoded.octets) !== crc;
  return isWrong ? { octets: decoded.octets, end: "corrupt" } : decoded;
}

/** Places of the properties of LZMA and of its stream: as in zip, alone, and with a size. The checksum tells which it is. */
const LZMA_FORMS = [[4, 9], [0, 5], [0, 13]] as const;

/** AZO is ESTsoft's own. */
function unpackEgg(
  octets: Uint8Array,
  method: number,
  { size, crc, limit }: { readonly size: number; readonly crc: number; readonly limit: number },
): Decoded {
  switch (method) {
    case 0:
      return { octets, end: "complete" };
    case 1:
      return inflateRaw(octets, limit, size);
    case 2:
      return bunzipped(octets, limit, size);
    case 4:
      for (const [properties, start] of LZMA_FORMS) {
        const decoded = unlzmaRaw(octets.subarray(start), octets[properties] ?? 255, size, limit);
        if (decoded.end === "limit") return decoded;
        if (decoded.octets.length === size && crc32(decoded.octets) === crc) {
          return { octets: decoded.octets, end: "complete" };
        }
      }
      return { octets: NONE, end: "corrupt" };
    default:
      return { octets: NONE, end: "unsupported" };
  }
}

/** Files of what their blocks gave: of all together in solid archives, where only sizes tell them apart. */
function* eggEntries(
  files: readonly EggFile[],
  blocks: readonly Decoded[],
  packed: number,
  context: UnpackContext,
): Generator<Entry> {
  const whole = concat(blocks.map(({ octets }) => octets));
  const bad = blocks.find(({ end }) => end !== "complete")?.end;
  let at = 0;
  for (const { names, size, cipher } of files) {
    if (size === 0) continue;
    const octets = files.length === 1 ? whole : whole.subarray(at, at + size);
    at += octets.length;
    const end = bad ?? (octets.length < size ? "truncated" : "complete");
    const entry = decodedEntry(names, { octets, end }, packed, context);
    yield cipher ? { ...entry, encrypted: true } : entry;
  }
}
