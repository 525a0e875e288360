/** tar in all its dialects: POSIX ustar and pax (IEEE 1003.1, pax), GNU, and the one from before. */
import type { NotScannedReason } from "../types.ts";
import { MAX_NAME_OCTETS } from "./limits.ts";
import { latin1Text } from "../latin1.ts";
import { distinct, nameText, paddedName } from "./octets.ts";
import type { Entry, UnpackContext } from "./unpacker.ts";

const BLOCK = 512;
/** Records of pax and GNU long names are read up to this size, octets. */
const MAX_EXTENSION_OCTETS = 1 << 20;

/** What extension headers said of the next member. */
interface Extension {
  readonly names: string[];
  size?: number;
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
    const key = record.slice(0, equals);
    const value = record.slice(equals + 1, equals + 1 + MAX_NAME_OCTETS);
    if (key === "path" || key === "GNU.sparse.name") extension.names.unshift(value);
    if (key === "size" && /^\d{1,15}$/.test(value)) extension.size = Number(value);
    at += length;
  }
}

/** Opens tar. Content of sparse members is what is stored of it; what follows an end mark is read too. */
export function* untar(octets: Uint8Array, context: UnpackContext): Generator<Entry> {
  const { budget } = context;
  let extension: Extension = { names: [] };
  let at = 0;
  while (at + BLOCK <= octets.length && budget.time()) {
    const header = octets.subarray(at, at + BLOCK);
    if (!isHeader(header)) {
      if (header.some((octet) => octet !== 0)) {
        context.note("malformed");
        return;
      }
      at = nextHeader(octets, at + BLOCK);
      continue;
    }
    const kind = String.fromCharCode(header[156] ?? 0);
    const size = extension.size ?? number(header.subarray(124, 136));
    let data = at + BLOCK;
    if (kind === "x" || kind === "g" || kind === "L" || kind === "K") {
      const content = octets.subarray(data, data + Math.min(size, MAX_EXTENSION_OCTETS));
      if (kind === "x") readPax(content, extension);
      else if (kind === "L") extension.names.unshift(paddedName(content.subarray(0, 4096)));
      at = data + blocks(size);
      continue;
    }
    if (kind === "S") data = skipSparseMap(octets, at);
    const content = octets.subarray(data, data + size);
    const isLink = kind >= "1" && kind <= "6";
    const names = [...extension.names, headerName(header)];
    extension = { names: [] };
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
    budget.unpacked(content.length);
    yield { names: distinct(names), content, ...(notScanned ? { notScanned } : {}) };
  }
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

/** GNU sparse members have more of their map in blocks behind the header. */
function skipSparseMap(octets: Uint8Array, at: number): number {
  let more = octets[at + 482] === 1;
  let data = at + BLOCK;
  while (more && data + BLOCK <= octets.length) {
    more = octets[data + 504] === 1;
    data += BLOCK;
  }
  return data;
}

/** The next header behind an end mark, or the end. */
function nextHeader(octets: Uint8Array, from: number): number {
  let at = from;
  while (
    at + BLOCK <= octets.length && octets[at] === 0 && !isHeader(octets.subarray(at, at + BLOCK))
  ) {
    at += BLOCK;
  }
  return at + BLOCK <= octets.length && isHeader(octets.subarray(at, at + BLOCK))
    ? at
    : octets.length;
}
