import type { FileType } from "../file_types.ts";

/** How many names are looked at. */
const MAX_NAMES = 64;
const latin1 = new TextDecoder("latin1");

/** What stands in a zip of each kind; the first row that matches wins. */
const KINDS: readonly { readonly type: FileType; readonly name: RegExp }[] = [
  { type: "apk", name: /^(AndroidManifest\.xml|classes\.dex)$/ },
  { type: "ooxml", name: /^(\[Content_Types\]\.xml|(word|xl|ppt|visio)\/.+|_rels\/\.rels)$/i },
  { type: "jar", name: /^(META-INF\/MANIFEST\.MF|META-INF\/$|.+\.class)$/i },
];

const u16 = (o: Uint8Array, at: number) => (o[at] ?? 0) | ((o[at + 1] ?? 0) << 8);
const u32 = (o: Uint8Array, at: number) => (u16(o, at) | (u16(o, at + 2) << 16)) >>> 0;

/**
 * Tells which kind of zip this is by the names inside: an office document, a program, or just a zip.
 *
 * @param octets Content that begins with a local file header or an end record.
 */
export function zipType(octets: Uint8Array): FileType {
  const first = u32(octets, 0) === 0x04034b50 ? 0 : 4;
  // ODF 1.2 part 3, 3.3 and EPUB OCF, 4.3: the first entry is `mimetype`, stored
  const nameLength = u16(octets, first + 26);
  const dataAt = first + 30 + nameLength + u16(octets, first + 28);
  if (nameLength === 8 && text(octets, first + 30, 8) === "mimetype") {
    const type = text(octets, dataAt, 64);
    if (type.startsWith("application/epub")) return "epub";
    if (type.startsWith("application/vnd.oasis") || type.startsWith("application/vnd.sun.xml")) {
      return "odf";
    }
  }
  const names = [...zipNames(octets)];
  for (const { type, name } of KINDS) if (names.some((n) => name.test(n))) return type;
  return "zip";
}

function text(octets: Uint8Array, at: number, length: number): string {
  return latin1.decode(octets.subarray(at, at + length));
}

/** Names of the central directory that stands last, or else of the local headers from the start. */
function* zipNames(octets: Uint8Array): Generator<string> {
  const end = endRecord(octets);
  let at = end === undefined ? -1 : u32(octets, end + 16);
  if (end !== undefined && u32(octets, at) !== 0x02014b50) at = end - u32(octets, end + 12);
  if (at >= 0 && u32(octets, at) === 0x02014b50) {
    for (let n = 0; n < MAX_NAMES && u32(octets, at) === 0x02014b50; n++) {
      const length = u16(octets, at + 28);
      yield text(octets, at + 46, length);
      at += 46 + length + u16(octets, at + 30) + u16(octets, at + 32);
    }
    return;
  }
  at = 0;
  for (let n = 0; n < MAX_NAMES && u32(octets, at) === 0x04034b50; n++) {
    const length = u16(octets, at + 26);
    yield text(octets, at + 30, length);
    at += 30 + length + u16(octets, at + 28) + u32(octets, at + 18);
  }
}

/** The end record is within the last 64 KiB: APPNOTE 4.3.16, comment of at most 65,535 octets. */
function endRecord(octets: Uint8Array): number | undefined {
  const lowest = Math.max(0, octets.length - 22 - 0xffff);
  for (let at = octets.length - 22; at >= lowest; at--) {
    at = octets.lastIndexOf(0x50, at);
    if (at < lowest) return undefined;
    if (u32(octets, at) === 0x06054b50) return at;
  }
  return undefined;
}
