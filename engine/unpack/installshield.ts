/**
 * InstallShield's installers: the files behind the program, and its cabinets (`data1.hdr`, `data1.cab`, ...), which are put
 * together here whether they come behind the program or side by side.
 *
 * @see unshield describes the cabinets; libclamav's ishield.c what stands behind the programs
 */
import { outputLimit } from "./bounds.ts";
import { inflateRaw } from "./decompress.ts";
import { type Decoded, decodedEntry, storedOctets } from "./entries.ts";
import {
  type CabinetFile,
  cabinetHeader,
  type CabinetVolume,
  cabinetVolume,
} from "./installshield_header.ts";
import { latin1Text } from "../latin1.ts";
import { concat, hasAscii, nameText, u16, u32, u64 } from "./octets.ts";
import { Output } from "./output.ts";
import type { Entry, UnpackContext } from "./unpacker.ts";
import type { NamedOctets } from "./volumes.ts";

/** In front of the files of installers that bring a database (MSI); later versions have the second one. */
export const SETUP_MAGICS = ["InstallShield\0", "ISSetupStream\0"] as const;
const MAGIC_OCTETS = 14;
const SETUP_HEADER = MAGIC_OCTETS + 32;
/** Header of one of these files: its name in 260 octets, and where it says its size. */
const FILE_HEADER = 312;
const NAME_OCTETS = 260;
/** Header of a file of the later version, behind which its name stands; twice as long where the type is 4. */
const STREAM_HEADER = 24;
const MAX_STREAM_NAME = 520;
/** Flags: the key goes on, or begins anew every {@link KEY_PERIOD} octets. */
const MIXED = 2;
const MIXED_BY_PERIOD = 4;
const MAX_FILES = 10_000;
/** How many times its own size a set's files may be together, packed: files of the same content are links, as a rule. */
const MAX_SHARED = 4;
/** What names are mixed with to get the key, and over how many octets the key begins anew. */
const KEY = [0xec, 0xca, 0x79, 0xf8];
const KEY_PERIOD = 1024;
const CABINET = "ISc(";

/** Whether the files of an installer stand here: a number of them that is not 0, and what looks like the first one's name. */
export function isSetup(octets: Uint8Array, at: number): boolean {
  const header = at + MAGIC_OCTETS;
  const count = u16(octets, header);
  if (!SETUP_MAGICS.some((magic) => hasAscii(octets, at, magic))) return false;
  if (count === 0 || count > MAX_FILES) return false;
  if (hasAscii(octets, at, SETUP_MAGICS[1])) {
    const length = u32(octets, at + SETUP_HEADER);
    return length > 0 && length < MAX_STREAM_NAME && length % 2 === 0;
  }
  return octets[at + SETUP_HEADER] !== 0 &&
    octets.subarray(header + 8, header + 32).every((octet) => octet === 0);
}

/** One file of an installer. */
interface SetupFile {
  /** As the key is made of it. */
  readonly name: Uint8Array;
  readonly flags: number;
  readonly size: number;
  readonly data: number;
}

function setupFile(octets: Uint8Array, at: number, isStream: boolean, type: number): SetupFile {
  if (isStream) {
    const length = Math.min(u32(octets, at), MAX_STREAM_NAME);
    const nameAt = at + (type === 4 ? 2 : 1) * STREAM_HEADER;
    const text = new TextDecoder("utf-16le").decode(octets.subarray(nameAt, nameAt + length));
    return {
      name: new TextEncoder().encode(text.replace(/\0.*$/s, "")),
      flags: u32(octets, at + 4),
      size: u32(octets, at + 10),
      data: nameAt + length,
    };
  }
  const field = octets.subarray(at, at + NAME_OCTETS - 1);
  const length = field.indexOf(0);
  return {
    name: field.subarray(0, length < 0 ? field.length : length),
    flags: u32(octets, at + NAME_OCTETS),
    size: u64(octets, at + NAME_OCTETS + 8),
    data: at + FILE_HEADER,
  };
}

function unmixed(octets: Uint8Array, { name, flags }: SetupFile): Uint8Array {
  if ((flags & (MIXED | MIXED_BY_PERIOD)) === 0) return octets;
  const period = flags & MIXED_BY_PERIOD ? KEY_PERIOD : Infinity;
  const key = name.map((octet, i) => octet ^ (KEY[i & 3] ?? 0));
  return octets.map((octet, i) =>
    ((octet >> 4) | (octet << 4)) ^ (key[(i % period) % key.length] ?? 0)
  );
}

/** Opens the files behind one of {@link SETUP_MAGICS}. */
export function* unsetup(octets: Uint8Array, context: UnpackContext): Generator<Entry> {
  const { budget } = context;
  const isStream = hasAscii(octets, 0, SETUP_MAGICS[1]);
  const type = u32(octets, MAGIC_OCTETS + 2);
  let at = SETUP_HEADER;
  for (let left = u16(octets, MAGIC_OCTETS); left > 0 && budget.time(); left--) {
    const file = setupFile(octets, at, isStream, type);
    if (file.data > octets.length || file.name.length === 0) return context.note("malformed");
    const packed = storedOctets(octets, file.data, file.size);
    at = file.data + packed.octets.length;
    const plain = unmixed(packed.octets, file);
    budget.unpacked(plain.length);
    const unpacked = inflateRaw(plain.subarray(2), outputLimit(budget, octets.length));
    const isZlib = (plain[0] ?? 0) % 16 === 8 &&
      (unpacked.end === "complete" || unpacked.octets.length > 0);
    const decoded = isZlib ? unpacked : { octets: plain, end: packed.end };
    const name = nameText(file.name).replace(/^.*[/\\]/s, "");
    yield decodedEntry([name], decoded, octets.length, context);
  }
}

interface ListedFile extends NamedOctets {
  /** Whether it goes on behind the end. */
  readonly isCut: boolean;
}

/** Files one behind the other, each after four texts: name, path, version, size. */
function fileList(octets: Uint8Array, most: number): readonly ListedFile[] {
  const files: ListedFile[] = [];
  for (let at = 0; files.length < most;) {
    const texts: string[] = [];
    let next = at;
    for (let i = 0; i < 4; i++) {
      const end = octets.indexOf(0, next);
      if (end < 0 || end - next > 2048 || end === next) return files;
      texts.push(nameText(octets.subarray(next, end)));
      next = end + 1;
    }
    const [name = "", , version = "", digits = ""] = texts;
    const size = Number(digits);
    if (!/^\d{1,10}$/.test(digits) || !/^[\d.]+$/.test(version)) return files;
    const isCut = next + size > octets.length;
    files.push({ name, octets: octets.subarray(next, next + size), isCut });
    if (isCut) return files;
    at = next + size;
  }
  return files;
}

/** Whether a list of files begins here. */
export function isFileList(octets: Uint8Array): boolean {
  return fileList(octets, 1).length > 0;
}

/** A list of files as installers have it, for volumes that came side by side. */
export function makeFileList(files: readonly NamedOctets[]): readonly Uint8Array[] {
  return files.flatMap(({ name, octets }) => [
    new TextEncoder().encode(`${name}\0${name}\x000.0.0.0\0${octets.length}\0`),
    octets,
  ]);
}

/** Opens a cabinet without the others of its set, or a list of files in which there are cabinets. */
export function* uniscab(octets: Uint8Array, context: UnpackContext): Generator<Entry> {
  const isAlone = hasAscii(octets, 0, CABINET);
  const files = isAlone
    ? [{ name: "data1.cab", octets, isCut: false }]
    : fileList(octets, MAX_FILES);
  const volumes = new Map<number, CabinetVolume>();
  const headers: Uint8Array[] = [];
  for (const { name, octets: content, isCut } of files) {
    if (isCut) context.note("malformed");
    const cabinet = /^data(\d{1,5})\.(cab|hdr)$/i.exec(name);
    if (!cabinet || !hasAscii(content, 0, CABINET)) {
      if (!isAlone) yield { names: [name], content, ...(isCut ? { notScanned: "malformed" } : {}) };
      continue;
    }
    const volume = cabinetVolume(content);
    // the header of a set may be that of its first cabinet
    if (volume.hasFiles) headers.push(content);
    if (/cab/i.test(cabinet[2] ?? "")) volumes.set(Number(cabinet[1]), volume);
  }
  const [header] = headers;
  if (!header) {
    if (volumes.size > 0) context.note("malformed");
    return;
  }
  const { files: listed, isWhole } = cabinetHeader(header, context.budget.limits.files);
  if (!isWhole) context.note("malformed");
  let read = 0;
  for (const file of listed) {
    if (!context.budget.time()) return;
    read += file.size;
    // files that share their data are made only to cost
    if (read > MAX_SHARED * octets.length) return context.note("malformed");
    yield* cabinetFile(file, volumes, octets, context);
  }
}

/** The octets of a file, which may go on in the next volume. */
function* pieces(
  { index, volume, offset, size, isSplit }: CabinetFile,
  volumes: ReadonlyMap<number, CabinetVolume>,
): Generator<Uint8Array> {
  let number = volume;
  if (number === undefined) {
    number = [...volumes].find(([, { first, last }]) => index >= first && index <= last)?.[0] ?? 0;
  }
  let left = size;
  let at = offset;
  for (let current = volumes.get(number); current && left > 0; current = volumes.get(++number)) {
    const isLast = isSplit && index === current.last && current.lastSize > 0;
    const length = Math.min(left, isLast ? current.lastSize : left);
    const piece = current.octets.subarray(at, at + length);
    yield piece;
    left -= length;
    if (!isSplit || piece.length < length) return;
    at = volumes.get(number + 1)?.firstOffset ?? 0;
  }
}

function* cabinetFile(
  file: CabinetFile,
  volumes: ReadonlyMap<number, CabinetVolume>,
  octets: Uint8Array,
  context: UnpackContext,
): Generator<Entry> {
  const { names, size, unpacked, isObfuscated, isPacked } = file;
  if (unpacked === 0) return;
  const limit = outputLimit(context.budget, octets.length, unpacked);
  const whole = concat([...pieces(file, volumes)]);
  const data = isObfuscated ? clear(whole) : whole;
  const end = data.length < size ? "truncated" : "complete";
  const decoded: Decoded = isPacked
    ? inflateChunks(data, end, unpacked, limit)
    : { octets: data, end };
  yield decodedEntry(names, decoded, octets.length, context);
}

/** Undoes what keeps people from looking into cabinets. */
function clear(octets: Uint8Array): Uint8Array {
  return octets.map((octet, i) => {
    const mixed = octet ^ 0xd5;
    return ((mixed >> 2) | (mixed << 6)) - (i % 0x47);
  });
}

/** Pieces of deflate, each behind its length. */
function inflateChunks(
  octets: Uint8Array,
  end: Decoded["end"],
  size: number,
  limit: number,
): Decoded {
  const output = new Output(limit, size);
  for (let at = 0; at + 2 <= octets.length && output.length < size;) {
    const length = u16(octets, at);
    const chunk = octets.subarray(at + 2, at + 2 + length);
    at += 2 + length;
    if (length === 0) continue;
    const inflated = inflateRaw(chunk, limit - output.length);
    if (!output.append(inflated.octets)) return { octets: output.octets, end: "limit" };
    if (inflated.end === "limit") return { octets: output.octets, end: "limit" };
    // chunks need no last block
    if (inflated.end === "corrupt" || inflated.octets.length === 0) {
      return { octets: output.octets, end: "corrupt" };
    }
  }
  return { octets: output.octets, end: output.length < size ? "truncated" : end };
}

/** What a program brings behind its sections, if that is a list of files. */
export function setupOffset(octets: Uint8Array): number | undefined {
  const header = u32(octets, 60);
  if (latin1Text(octets.subarray(header, header + 4)) !== "PE\0\0") return undefined;
  const table = header + 24 + u16(octets, header + 20);
  let end = 0;
  for (let i = Math.min(u16(octets, header + 6), 96); i > 0; i--) {
    const at = table + 40 * (i - 1);
    end = Math.max(end, u32(octets, at + 16) + u32(octets, at + 20));
  }
  return end > 0 && end < octets.length && isFileList(octets.subarray(end)) ? end : undefined;
}
