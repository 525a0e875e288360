/** tar in all its dialects: POSIX ustar and pax (IEEE 1003.1, pax), GNU, and the one from before. */
import type { NotScannedReason } from "../types.ts";
import { MAX_NAME_OCTETS } from "./limits.ts";
import { latin1Text } from "../latin1.ts";
import { distinct, nameText, paddedName } from "./octets.ts";
import {
  headerSparseMap,
  pairedSparseMap,
  type SparseMap,
  spread,
  storedSparseMap,
} from "./tar_sparse.ts";
import type { Entry, UnpackContext } from "./unpacker.ts";

const BLOCK = 512;
/** Records of pax and GNU long names are read up to this size, octets. */
const MAX_EXTENSION_OCTETS = 1 << 20;

/** What extension headers said of the next member, or of all that follow. */
interface Extension {
  readonly names: string[];
  size?: number;
  /** Of a sparse member: its size, and its map where that stands here; PAX 1.0 has it in front of the data. */
  sparseSize?: number;
  readonly sparse: number[];
  isMapStored?: boolean;
}

function noExtension(): Extension {
  return { names: [], sparse: [] };
}

/** Octal digits, or base 256 where the first bit is set (GNU). */
function number(octets: Uint8Array): number {
  const first = octets[0] ?? 0;
  if (first & 0x80) {
    let value = first & 0x7f;
    if (first === 0xff) return 0; // negative
    for (const octet of octets.subarray(1)) value = value * 256 + octet;
    return value;
  }
  const digits = /^[\s\0]*([0-7]+)/.exec(latin1Text(octets));
  return digits ? parseInt(digits[1] ?? "0", 8) : 0;
}

function checksumHolds(header: Uint8Array): boolean {
  let sum = 0;
  for (let i = 0; i < BLOCK; i++) sum += i >= 148 && i < 156 ? 0x20 : header[i] ?? 0;
  return sum !== 8 * 0x20 && sum === number(header.subarray(148, 156));
}

/** A header whose checksum is wrong is still one if it says so itself. */
function isHeader(header: Uint8Array): boolean {
  if (header.length < BLOCK) return false;
  return latin1Text(header.subarray(257, 262)) === "ustar" || checksumHolds(header);
}

/** Records `LENGTH KEY=VALUE\n` of a pax header. */
function readPax(octets: Uint8Array, extension: Extension): void {
  for (let at = 0; at < octets.length;) {
    const blank = octets.indexOf(0x20, at);
    if (blank < 0 || blank - at > 10) return;
    const length = Number(latin1Text(octets.subarray(at, blank)));
    if (!Number.isInteger(length) || length <= blank - at) return;
    const record = nameText(octets.subarray(blank + 1, at + length - 1));
    const equals = record.indexOf("=");
    readRecord(record.slice(0, equals), record.slice(equals + 1), extension);
    at += length;
  }
}

function readRecord(key: string, value: string, extension: Extension): void {
  const isNumber = /^\d{1,15}$/.test(value);
  if (key === "path" || key === "GNU.sparse.name") {
    extension.names.unshift(value.slice(0, MAX_NAME_OCTETS));
  } else if (key === "GNU.sparse.map" && /^\d{1,15}(,\d{1,15})*$/.test(value)) {
    extension.sparse.splice(0);
    for (const one of value.split(",")) extension.sparse.push(Number(one));
  } else if (!isNumber) return;
  else if (key === "size") extension.size = Number(value);
  else if (key === "GNU.sparse.size" || key === "GNU.sparse.realsize") {
    extension.sparseSize = Number(value);
  } else if (key === "GNU.sparse.offset" || key === "GNU.sparse.numbytes") {
    extension.sparse.push(Number(value));
  } else if (key === "GNU.sparse.major") extension.isMapStored = value === "1";
}

/** Opens tar. Of sparse members, both what is stored and what their map makes of it; what follows an end mark is read, too. */
export function* untar(octets: Uint8Array, context: UnpackContext): Generator<Entry> {
  const { budget } = context;
  const global = noExtension();
  let extension = noExtension();
  let isEnded = false;
  let at = 0;
  while (at + BLOCK <= octets.length && budget.time()) {
    const header = octets.subarray(at, at + BLOCK);
    if (!isHeader(header)) {
      const next = nextHeader(octets, at);
      const between = octets.subarray(at, next);
      isEnded ||= isZero(header);
      if (!isEnded) context.note("malformed");
      if (at > 0 && !isZero(between)) {
        // no part of the archive: another file may begin here
        budget.unpacked(between.length);
        yield { names: [], content: trimmed(between) };
      }
      at = next;
      continue;
    }
    const kind = String.fromCharCode(header[156] ?? 0);
    const said = number(header.subarray(124, 136));
    if (kind === "x" || kind === "g" || kind === "L" || kind === "K") {
      const data = at + BLOCK;
      const content = octets.subarray(data, data + Math.min(said, MAX_EXTENSION_OCTETS));
      if (kind === "x") readPax(content, extension);
      else if (kind === "g") readPax(content, global);
      else if (kind === "L") extension.names.unshift(paddedName(content.subarray(0, 4096)));
      at = data + blocks(said);
      continue;
    }
    const size = extension.size ?? global.size ?? said;
    // readers that know no pax go on elsewhere
    if (blocks(size) !== blocks(said)) context.note("malformed");
    const old = kind === "S" ? headerSparseMap(octets, at, number) : undefined;
    const data = old?.data ?? at + BLOCK;
    const content = octets.subarray(data, data + size);
    const isLink = kind >= "1" && kind <= "6";
    const names = distinct([...extension.names, headerName(header)]);
    const sparse = old ? { map: old.map, data: 0 } : sparseMap(content, extension);
    extension = noExtension();
    // links, devices and folders have no data for most readers, whatever their size says
    const dataIsHeader = isLink && isHeader(octets.subarray(data, data + BLOCK));
    at = dataIsHeader ? data : data + blocks(size);
    if (isLink && content.length === 0) {
      budget.file();
      continue;
    }
    const notScanned: NotScannedReason | undefined = content.length < size && !dataIsHeader
      ? "malformed"
      : undefined;
    if (notScanned) budget.breach(notScanned);
    const whole = sparse &&
      spread(content.subarray(sparse.data), sparse.map, octets.length, context);
    if (whole) yield { names, ...whole };
    budget.unpacked(content.length);
    yield { names, content, ...(notScanned ? { notScanned } : {}) };
  }
  const rest = octets.subarray(at);
  if (at > 0 && rest.length < BLOCK && !isZero(rest)) {
    budget.unpacked(rest.length);
    yield { names: [], content: trimmed(rest) };
  }
}

/** The map of a sparse member that pax records tell of, and where the data begin behind it. */
function sparseMap(
  content: Uint8Array,
  { sparseSize, sparse, isMapStored }: Extension,
): { readonly map: SparseMap; readonly data: number } | undefined {
  if (sparseSize === undefined) return undefined;
  if (!isMapStored) return { map: pairedSparseMap(sparseSize, sparse), data: 0 };
  // a map that cannot be read leaves all of the data over
  return storedSparseMap(content, sparseSize) ??
    { map: pairedSparseMap(sparseSize, []), data: 0 };
}

function blocks(size: number): number {
  return Math.ceil(size / BLOCK) * BLOCK;
}

function headerName(header: Uint8Array): string {
  const name = paddedName(header.subarray(0, 100));
  const isPosix = latin1Text(header.subarray(257, 263)) === "ustar\0";
  const prefix = isPosix ? paddedName(header.subarray(345, 500)) : "";
  return prefix ? `${prefix}/${name}` : name;
}

/** Where the next header is, in blocks from `from` on, or the end. */
function nextHeader(octets: Uint8Array, from: number): number {
  for (let at = from + BLOCK; at + BLOCK <= octets.length; at += BLOCK) {
    if (octets[at] !== 0 && isHeader(octets.subarray(at, at + BLOCK))) return at;
  }
  return octets.length;
}

function isZero(octets: Uint8Array): boolean {
  return octets.every((octet) => octet === 0);
}

/** What stands behind zeros. */
function trimmed(octets: Uint8Array): Uint8Array {
  return octets.subarray(octets.findIndex((octet) => octet !== 0));
}
