/** ZIP without some of its members (PKWARE APPNOTE 6.3.10, section 4.3). */
import { Buffer } from "node:buffer";
import { deflateRawSync } from "node:zlib";
import { outputLimit } from "../unpack/bounds.ts";
import { crc32 } from "../unpack/crc32.ts";
import { inflateRaw } from "../unpack/decompress.ts";
import { nameText, u16, u32 } from "../unpack/octets.ts";
import { MAX_REBUILD_MEMBERS } from "./limits.ts";
import { noticeName, type Rebuild, type Rebuilt } from "./rebuild.ts";

const LOCAL = 0x04034b50, CENTRAL = 0x02014b50, END = 0x06054b50, DESCRIPTOR = 0x08074b50;
const LOCAL_OCTETS = 30, CENTRAL_OCTETS = 46, END_OCTETS = 22;
/** Flags: encrypted, and sizes behind the data. */
const ENCRYPTED = 1, DESCRIBED = 8, UTF8 = 0x800;

/** A member in its two headers, which agree. */
interface Member {
  /** Local header, data and descriptor as they stand. */
  readonly whole: Uint8Array;
  readonly local: Uint8Array;
  readonly central: Uint8Array;
  readonly data: Uint8Array;
  readonly name: string;
  readonly flags: number;
  readonly method: number;
  readonly crc: number;
  readonly size: number;
}

/** Writes a zip anew; see {@link Rebuild}. */
export function rebuildZip(octets: Uint8Array, rebuild: Rebuild): Rebuilt {
  const archive = readStrictly(octets, rebuild);
  if (archive === undefined) return undefined;
  const made: { local: Uint8Array; central: Uint8Array }[] = [];
  let changed = false;
  for (const member of archive.members) {
    const content = contentOf(member, octets, rebuild);
    if (content === "unsound") return undefined;
    const fate = content === undefined ? { fate: "keep" as const } : rebuild.fate(content);
    if (fate.fate === "keep") made.push({ local: member.whole, central: member.central });
    else {
      changed = true;
      made.push(
        fate.fate === "remove"
          ? noticeMember(member, rebuild.notice)
          : replaced(member, fate.content),
      );
    }
  }
  return changed ? assemble(made, archive.comment) : octets;
}

/** Members in the order of their data; undefined unless they fill the file without a gap and every header agrees. */
function readStrictly(
  octets: Uint8Array,
  { budget }: Rebuild,
): { readonly members: readonly Member[]; readonly comment: Uint8Array } | undefined {
  const end = endRecord(octets);
  if (end === undefined) return undefined;
  const count = u16(octets, end + 10);
  const directory = u32(octets, end + 16);
  const sound = u16(octets, end + 4) === 0 && u16(octets, end + 6) === 0 &&
    u16(octets, end + 8) === count && directory + u32(octets, end + 12) === end;
  if (!sound || count > MAX_REBUILD_MEMBERS) return undefined;
  const members: Member[] = [];
  let at = directory;
  let next = 0;
  for (let i = 0; i < count; i++) {
    if (!budget.time() || u32(octets, at) !== CENTRAL) return undefined;
    const length = CENTRAL_OCTETS + u16(octets, at + 28) + u16(octets, at + 30) +
      u16(octets, at + 32);
    const central = octets.subarray(at, at + length);
    if (at + length > end || u32(central, 42) !== next) return undefined;
    const member = readMember(octets, central, next, directory);
    if (member === undefined) return undefined;
    members.push(member);
    next += member.whole.length;
    at += length;
  }
  return at === end && next === directory
    ? { members, comment: octets.subarray(end + END_OCTETS) }
    : undefined;
}

function endRecord(octets: Uint8Array): number | undefined {
  const from = Math.max(0, octets.length - END_OCTETS - 65535);
  for (let at = octets.length - END_OCTETS; at >= from; at--) {
    if (u32(octets, at) === END) {
      return at + END_OCTETS + u16(octets, at + 20) === octets.length ? at : undefined;
    }
  }
  return undefined;
}

function readMember(
  octets: Uint8Array,
  central: Uint8Array,
  start: number,
  directory: number,
): Member | undefined {
  const flags = u16(central, 8);
  const crc = u32(central, 16), packed = u32(central, 20), size = u32(central, 24);
  const nameLength = u16(central, 28);
  const header = LOCAL_OCTETS + u16(octets, start + 26) + u16(octets, start + 28);
  const dataEnd = start + header + packed;
  if (
    u32(octets, start) !== LOCAL || dataEnd > directory || u16(octets, start + 6) !== flags ||
    u16(octets, start + 8) !== u16(central, 10) || u16(octets, start + 26) !== nameLength
  ) return undefined;
  const local = octets.subarray(start, start + header);
  const name = central.subarray(CENTRAL_OCTETS, CENTRAL_OCTETS + nameLength);
  if (Buffer.compare(name, local.subarray(LOCAL_OCTETS, LOCAL_OCTETS + nameLength)) !== 0) {
    return undefined;
  }
  if (hasTellingExtra(local.subarray(LOCAL_OCTETS + nameLength))) return undefined;
  const extra = central.subarray(CENTRAL_OCTETS + nameLength);
  if (hasTellingExtra(extra.subarray(0, u16(central, 30)))) return undefined;
  const same = u32(local, 14) === crc && u32(local, 18) === packed && u32(local, 22) === size;
  const left = u32(local, 14) === 0 && u32(local, 18) === 0 && u32(local, 22) === 0;
  const described = (flags & DESCRIBED) !== 0;
  if (!same && !(described && left)) return undefined;
  const descriptor = described ? descriptorOctets(octets, dataEnd, crc, packed, size) : 0;
  if (descriptor === undefined) return undefined;
  return {
    whole: octets.subarray(start, dataEnd + descriptor),
    local,
    central,
    data: octets.subarray(start + header, dataEnd),
    name: nameText(name),
    flags,
    method: u16(central, 10),
    crc,
    size,
  };
}

/** Whether extra fields tell another size (zip64), name (0x7075) or encryption (0x9901), or do not end where they should. */
function hasTellingExtra(extra: Uint8Array): boolean {
  let at = 0;
  for (; at + 4 <= extra.length; at += 4 + u16(extra, at + 2)) {
    const id = u16(extra, at);
    if (id === 1 || id === 0x7075 || id === 0x9901) return true;
  }
  return at !== extra.length;
}

function descriptorOctets(
  octets: Uint8Array,
  at: number,
  crc: number,
  packed: number,
  size: number,
): number | undefined {
  const marked = u32(octets, at) === DESCRIPTOR && u32(octets, at + 4) === crc;
  const from = marked ? at + 4 : at;
  const agrees = u32(octets, from) === crc && u32(octets, from + 4) === packed &&
    u32(octets, from + 8) === size;
  return agrees ? from + 12 - at : undefined;
}

/** Undefined where the content cannot be had here: encrypted, or another method. */
function contentOf(
  { flags, method, data, size, crc }: Member,
  octets: Uint8Array,
  { budget }: Rebuild,
): Uint8Array | "unsound" | undefined {
  if ((flags & ENCRYPTED) !== 0) return undefined;
  let content: Uint8Array;
  if (method === 0) content = data;
  else if (method === 8) {
    const inflated = inflateRaw(data, outputLimit(budget, octets.length), size);
    budget.unpacked(inflated.octets.length);
    if (inflated.end !== "complete" || inflated.used !== data.length) return "unsound";
    content = inflated.octets;
  } else return undefined;
  return content.length === size && crc32(content) === crc ? content : "unsound";
}

/** The same member with another content: name, time, attributes and extra fields stay. */
function replaced(
  member: Member,
  content: Uint8Array,
): { local: Uint8Array; central: Uint8Array } {
  const method = member.method === 0 ? 0 : 8;
  const data = method === 0 ? content : deflateRawSync(content);
  const local = Buffer.from(member.local);
  const central = Buffer.from(member.central);
  for (const [header, at] of [[local, 6], [central, 8]] as const) {
    header.writeUInt16LE(member.flags & ~DESCRIBED, at);
    header.writeUInt16LE(method, at + 2);
    header.writeUInt32LE(crc32(content), at + 8);
    header.writeUInt32LE(data.length, at + 12);
    header.writeUInt32LE(content.length, at + 16);
  }
  return { local: Buffer.concat([local, data]), central };
}

/** A stored text file, as old as what it stands for. */
function noticeMember(
  member: Member,
  notice: Uint8Array,
): { local: Uint8Array; central: Uint8Array } {
  const name = Buffer.from(noticeName(member.name), "utf8");
  const local = Buffer.alloc(LOCAL_OCTETS);
  local.writeUInt32LE(LOCAL, 0);
  local.writeUInt16LE(20, 4);
  local.writeUInt16LE(UTF8, 6);
  local.set(member.local.subarray(10, 14), 10); // time and date
  local.writeUInt32LE(crc32(notice), 14);
  local.writeUInt32LE(notice.length, 18);
  local.writeUInt32LE(notice.length, 22);
  local.writeUInt16LE(name.length, 26);
  const central = Buffer.alloc(CENTRAL_OCTETS);
  central.writeUInt32LE(CENTRAL, 0);
  central.writeUInt16LE(20, 4);
  central.set(local.subarray(4, 30), 6);
  return {
    local: Buffer.concat([local, name, notice]),
    central: Buffer.concat([central, name]),
  };
}

function assemble(
  members: readonly { readonly local: Uint8Array; readonly central: Uint8Array }[],
  comment: Uint8Array,
): Uint8Array {
  const chunks: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let offset = 0;
  for (const { local, central } of members) {
    const header = Buffer.from(central);
    header.writeUInt32LE(offset, 42);
    chunks.push(local);
    directory.push(header);
    offset += local.length;
  }
  const size = directory.reduce((sum, header) => sum + header.length, 0);
  const end = Buffer.alloc(END_OCTETS);
  end.writeUInt32LE(END, 0);
  end.writeUInt16LE(members.length, 8);
  end.writeUInt16LE(members.length, 10);
  end.writeUInt32LE(size, 12);
  end.writeUInt32LE(offset, 16);
  end.writeUInt16LE(comment.length, 20);
  return new Uint8Array(Buffer.concat([...chunks, ...directory, end, comment]));
}
