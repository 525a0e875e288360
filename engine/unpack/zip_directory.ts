/**
 * What a zip says it holds: its central directories and its local headers, both, since programs differ in which they believe.
 *
 * @see PKWARE APPNOTE 6.3.10, section 4.3
 */
import type { Budget } from "../budget.ts";
import { indexOfAscii } from "../latin1.ts";
import { type AesField, aesField } from "./zip_cipher.ts";
import { MAX_NAME_OCTETS, MAX_STRAY_HEADERS } from "./limits.ts";
import { nameText, u16, u32, u64 } from "./octets.ts";

const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const LOCAL_OCTETS = 30;
const CENTRAL_OCTETS = 46;

/** One header's view of a member. */
export interface ZipHeader {
  readonly names: readonly string[];
  readonly flags: number;
  readonly method: number;
  readonly crc: number;
  readonly packed: number;
  readonly unpacked: number;
  /** Time of the last change, as DOS has it; also a check of passwords. */
  readonly time: number;
  /** Of a member under WinZip's AES. */
  readonly aes?: AesField;
  /** Where the header itself stands. */
  readonly place: number;
  /** Of a central header: where the next end record stands behind it; the archive's end where there is none. */
  readonly closed?: number;
}

/** A member: its local header and every central one that points at it. */
export interface ZipMember {
  /** Where the local header starts. */
  readonly offset: number;
  /** Where its data starts. */
  readonly data: number;
  readonly local: ZipHeader;
  readonly central: ZipHeader[];
}

/** Everything found. */
export interface ZipDirectory {
  /** By offset. */
  readonly members: readonly ZipMember[];
  /** Central headers that point at no local header. */
  readonly lost: readonly ZipHeader[];
}

/** Sizes and names that stand in extra fields: zip64 (4.5.3) and the Unicode path (4.6.9). */
function readExtra(
  extra: Uint8Array,
  header: { packed: number; unpacked: number; offset: number; names: string[] },
): void {
  for (let at = 0; at + 4 <= extra.length;) {
    const id = u16(extra, at);
    const end = at + 4 + u16(extra, at + 2);
    at += 4;
    if (id === 1) {
      let field = at;
      const next = () => (field += 8, field <= end ? u64(extra, field - 8) : 0);
      if (header.unpacked === 0xffffffff) header.unpacked = next();
      if (header.packed === 0xffffffff) header.packed = next();
      if (header.offset === 0xffffffff) header.offset = next();
    } else if (id === 0x7075 && end - at > 5) {
      header.names.push(nameText(extra.subarray(at + 5, Math.min(end, at + 5 + MAX_NAME_OCTETS))));
    }
    at = end;
  }
}

/** Fields that local and central headers share, at their places. */
function readHeader(
  octets: Uint8Array,
  at: number,
  fixed: number,
  offset: number,
): ZipHeader & { readonly offset: number; readonly end: number } {
  const shift = fixed === CENTRAL_OCTETS ? 2 : 0;
  const nameLength = u16(octets, at + 26 + shift);
  const extraLength = u16(octets, at + 28 + shift);
  const nameAt = at + fixed;
  const header = {
    names: [nameText(octets.subarray(nameAt, nameAt + Math.min(nameLength, MAX_NAME_OCTETS)))],
    packed: u32(octets, at + 18 + shift),
    unpacked: u32(octets, at + 22 + shift),
    offset,
  };
  const extraAt = nameAt + nameLength;
  const extra = octets.subarray(extraAt, extraAt + extraLength);
  readExtra(extra, header);
  const method = u16(octets, at + 8 + shift);
  const aes = method === 99 ? aesField(extra) : undefined;
  return {
    ...header,
    place: at,
    flags: u16(octets, at + 6 + shift),
    method,
    ...(aes ? { aes } : {}),
    time: u16(octets, at + 10 + shift),
    crc: u32(octets, at + 14 + shift),
    end: extraAt + extraLength,
  };
}

/** Whether octets that no directory points at are a local header and not chance. */
function isLikely(octets: Uint8Array, at: number): boolean {
  const version = u16(octets, at + 4) & 0xff;
  const method = u16(octets, at + 8);
  return at + LOCAL_OCTETS <= octets.length && version <= 99 &&
    (method <= 20 || (method >= 90 && method <= 99) || u16(octets, at + 26) > 0) &&
    at + LOCAL_OCTETS + u16(octets, at + 26) + u16(octets, at + 28) <= octets.length;
}

/** Reads all central headers, wherever they stand; what they claim of counts and places is not needed. */
function* centralHeaders(
  octets: Uint8Array,
  budget: Budget,
): Generator<{ readonly header: ZipHeader; readonly offset: number; readonly directory: number }> {
  let directory = -1;
  let expected = -1;
  let closed = -1;
  for (let at = indexOfAscii(octets, "PK\x01\x02", 0); at >= 0;) {
    if (at + CENTRAL_OCTETS > octets.length || !budget.time()) return;
    if (at !== expected) directory = at;
    if (closed < at) {
      closed = indexOfAscii(octets, "PK\x05\x06", at);
      if (closed < 0) closed = octets.length;
    }
    const header = readHeader(octets, at, CENTRAL_OCTETS, u32(octets, at + 42));
    yield { header: { ...header, closed }, offset: header.offset, directory };
    // an implausible header must not hide the next one
    expected = header.end <= octets.length ? header.end : at + 4;
    if (u32(octets, expected) === CENTRAL) at = expected;
    else at = indexOfAscii(octets, "PK\x01\x02", at + 4);
  }
}

/** How far octets before the archive shift each central directory, by the end record behind it. */
function shifts(octets: Uint8Array): Map<number, number> {
  const found = new Map<number, number>();
  for (
    let at = indexOfAscii(octets, "PK\x05\x06", 0);
    at >= 0 && found.size < 1024;
    at = indexOfAscii(octets, "PK\x05\x06", at + 4)
  ) {
    const start = at - u32(octets, at + 12);
    if (start >= 0 && u32(octets, start) === CENTRAL) {
      found.set(start, start - u32(octets, at + 16));
    }
  }
  return found;
}

/** The member, if it goes by one of the header's names: where a directory is shifted, another may stand where it points. */
function namesake(member: ZipMember | undefined, header: ZipHeader): ZipMember | undefined {
  return member?.local.names.some((name) => header.names.includes(name)) ? member : undefined;
}

/**
 * Reads every header of a zip: of the archive itself, of archives before, behind and between, and of members that only one of
 * the two directories knows.
 */
export function readZipDirectory(octets: Uint8Array, budget: Budget): ZipDirectory {
  const members = new Map<number, ZipMember>();
  const add = (offset: number): ZipMember | undefined => {
    const known = members.get(offset);
    if (known || offset < 0 || u32(octets, offset) !== LOCAL) return known;
    const local = readHeader(octets, offset, LOCAL_OCTETS, 0);
    const member = { offset, data: local.end, local, central: [] };
    members.set(offset, member);
    return member;
  };
  const lost: ZipHeader[] = [];
  const shiftOf = shifts(octets);
  // what is over the limit of files would not be looked at
  const most = budget.limits.files + 1;
  for (const { header, offset, directory } of centralHeaders(octets, budget)) {
    if (members.size + lost.length > most) {
      budget.breach("files");
      break;
    }
    const shift = shiftOf.get(directory) ?? 0;
    const member = add(offset + shift) ?? (shift === 0 ? undefined : namesake(add(offset), header));
    if (member) member.central.push(header);
    else lost.push(header);
  }
  let strays = 0;
  for (
    let at = indexOfAscii(octets, "PK\x03\x04", 0);
    at >= 0 && budget.time();
    at = indexOfAscii(octets, "PK\x03\x04", at + 4)
  ) {
    if (members.has(at)) continue;
    if (++strays > MAX_STRAY_HEADERS || members.size > most) {
      budget.breach("files");
      break;
    }
    if (isLikely(octets, at)) add(at);
  }
  return { members: [...members.values()].sort((a, b) => a.offset - b.offset), lost };
}
