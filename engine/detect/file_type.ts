/**
 * The type of octets by what they are, never by what they are called.
 */
import { FILE_TYPES, type FileType, type FileTypeGroup } from "../file_types.ts";
import { type Magic, MAGICS } from "./file_type_table.ts";
import { isCms } from "./cms_type.ts";
import { looksLikeMail } from "../message/looks_like_mail.ts";
import { hasOwnHeader, textType, typesInText } from "./text_type.ts";
import { zipType } from "./zip_type.ts";

interface Row {
  readonly type: FileType;
  readonly offset: number;
  readonly values: Uint8Array;
  readonly masks: Uint8Array;
}

function row({ type, magic, offset = 0 }: Magic): Row {
  const length = magic.length / 2;
  const values = new Uint8Array(length);
  const masks = new Uint8Array(length);
  for (let i = 0; i < length; i++) {
    const pair = magic.slice(2 * i, 2 * i + 2);
    values[i] = parseInt(pair.replaceAll(".", "0"), 16);
    masks[i] = (pair[0] === "." ? 0 : 0xf0) | (pair[1] === "." ? 0 : 0x0f);
  }
  return { type, offset, values, masks };
}

const ROWS = MAGICS.map(row);
/** Rows that start at 0, by their first octet; most content then needs a handful of comparisons. */
const BY_FIRST: readonly (readonly Row[])[] = Array.from(
  { length: 256 },
  (_, octet) => ROWS.filter((r) => r.offset === 0 && (octet & (r.masks[0] ?? 0)) === r.values[0]),
);
const ELSEWHERE = ROWS.filter((r) => r.offset !== 0);

function matches(octets: Uint8Array, { offset, values, masks }: Row): boolean {
  if (offset + values.length > octets.length) return false;
  for (let i = 0; i < values.length; i++) {
    if (((octets[offset + i] ?? 0) & (masks[i] ?? 0)) !== values[i]) return false;
  }
  return true;
}

const u16 = (o: Uint8Array, at: number) => (o[at] ?? 0) | ((o[at + 1] ?? 0) << 8);
const u32 = (o: Uint8Array, at: number) => (u16(o, at) | (u16(o, at + 2) << 16)) >>> 0;

/** Magics of two or three octets also occur by chance: what else must hold. */
const CHECKS: Partial<Record<FileType, (octets: Uint8Array) => boolean>> = {
  // the block holds 9..16 bits and the flag octet has no other bit
  compress: (o) => o[1] !== 0x9d || ((o[2] ?? 0) & 0x60) === 0,
  // size of the basic header: ARJ technical note, 10..2600
  arj: (o) => u16(o, 2) >= 10 && u16(o, 2) <= 2600,
  cpio: (o) => (o[0] ?? 0) === 0x30 || o.length >= 26,
  flash: (o) => o.length > 8 && (o[3] ?? 0) < 60,
  ico: (o) => u16(o, 4) > 0 && u16(o, 4) < 256 && o.length >= 22 && (o[9] === 0 || o[9] === 255),
  mp3: (o) => o[0] === 0x49 || ((o[2] ?? 0) >> 4) % 15 !== 0,
  macho: (o) => o.length >= 28,
  alz: (o) => o.length >= 8,
  pkcs7: (o) => o[0] === 0x2d || isCms(o), // PEM has no other check
  zpaq: (o) => o[0] !== 0x7a || (o[3] ?? 0) <= 2,
  // s_log_block_size of a real file system is small
  ext: (o) => u32(o, 1048) < 8,
};

/** Programs and Java classes share first octets with other things, told apart here. */
function programType(octets: Uint8Array): FileType | undefined {
  const first = u16(octets, 0);
  if (first === 0x5a4d || first === 0x4d5a) {
    if (octets.length < 28) return octets.length >= 2 && looksBinary(octets) ? "mz" : undefined;
    const at = u32(octets, 60);
    if (at >= 4 && at + 4 <= octets.length) {
      if (u32(octets, at) === 0x4550) return "pe";
      const two = u16(octets, at);
      if (two === 0x454e) return "ne";
      if (two === 0x454c || two === 0x584c) return "le";
    }
    return looksBinary(octets) ? "mz" : undefined;
  }
  if (u32(octets, 0) === 0xbebafeca) {
    // a Java class has its version here (45 and more), a fat Mach-O the number of its architectures
    return ((octets[6] ?? 0) << 8 | (octets[7] ?? 0)) >= 43 ? "class" : "macho";
  }
  return undefined;
}

/** Whether the first octets hold what text never does. */
function looksBinary(octets: Uint8Array): boolean {
  const end = Math.min(octets.length, 512);
  for (let i = 0; i < end; i++) if ((octets[i] ?? 0) === 0) return true;
  return false;
}

/** Types that no octets at the start tell. */
function placedType(octets: Uint8Array): FileType | undefined {
  const length = octets.length;
  if (length >= 512) {
    const footed = footerType(octets);
    if (footed) return footed;
    // boot sector: jump, sane geometry, signature
    const jump = octets[0] === 0xeb || octets[0] === 0xe9;
    if (octets[510] === 0x55 && octets[511] === 0xaa) {
      if (jump && u16(octets, 11) % 128 === 0 && u16(octets, 11) !== 0) return "fat";
      if (length % 512 === 0 && length > 512) return "fat"; // partition table
    }
    if (isOldTar(octets)) return "tar";
  }
  if (octets[0] === 0x42 && octets[1] === 0x4d && length >= 26) {
    const header = u32(octets, 14);
    if (header === 12 || header === 40 || header === 108 || header === 124) return "bmp";
  }
  if (isZlib(octets)) return "zlib";
  if (isLzmaAlone(octets)) return "lzma";
  if (isArc(octets)) return "arc";
  return undefined;
}

/** Disk images that say it in their last 512 octets. */
function footerType(octets: Uint8Array): FileType | undefined {
  const at = octets.length - 512;
  if (octets[at] === 0x6b && u32(octets, at) === 0x796c6f6b) return "dmg"; // koly
  // a fixed disk has its footer only
  return u32(octets, at) === 0x656e6f63 && u32(octets, at + 4) === 0x78697463 ? "vhd" : undefined;
}

/** Whether there is a partition table and no chance: each of the four entries is active or not, one has a type. */
function hasPartitions(octets: Uint8Array): boolean {
  if (octets.length % 512 !== 0 || octets[510] !== 0x55 || octets[511] !== 0xaa) return false;
  const entries = [446, 462, 478, 494];
  return entries.every((at) => ((octets[at] ?? 0) & 0x7f) === 0) &&
    entries.some((at) => octets[at + 4] !== 0);
}

/** A tar from before ustar has no magic, only a checksum over its header. */
function isOldTar(octets: Uint8Array): boolean {
  let said = 0;
  let digits = 0;
  for (let i = 148; i < 156; i++) {
    const c = octets[i] ?? 0;
    if (c >= 0x30 && c <= 0x37) {
      said = said * 8 + c - 0x30;
      digits++;
    } else if (c !== 0 && c !== 0x20) return false;
  }
  if (digits < 3 || (octets[0] ?? 0) === 0) return false;
  let sum = 0;
  for (let i = 0; i < 512; i++) sum += i >= 148 && i < 156 ? 0x20 : octets[i] ?? 0;
  return sum === said;
}

/** RFC 1950, section 2.2: method 8, window at most 32 KiB, the two octets divisible by 31, no dictionary, a valid first block. */
function isZlib(octets: Uint8Array): boolean {
  const [method = 0, flags = 0, block = 0] = octets;
  return octets.length >= 8 && method === 0x78 && (flags & 0x20) === 0 &&
    ((method << 8) | flags) % 31 === 0 && (block & 6) !== 6;
}

/** LZMA alone: properties, a dictionary of a plausible size, and a size that is unknown or below 256 GiB. */
function isLzmaAlone(octets: Uint8Array): boolean {
  if (octets.length < 18 || (octets[0] ?? 255) > 224 || octets[13] !== 0) return false;
  const dictionary = u32(octets, 1);
  const power = (dictionary & (dictionary - 1)) === 0;
  const threeHalves = dictionary % 3 === 0 && ((dictionary / 3) & (dictionary / 3 - 1)) === 0;
  if (dictionary < 4096 || !(power || threeHalves || dictionary === 0xffffffff)) return false;
  const high = u32(octets, 9);
  return (u32(octets, 5) === 0xffffffff && high === 0xffffffff) || high < 64;
}

/**
 * ARC: 0x1a, method 1..9, a DOS name ended by NUL, and a size below 512 MiB, whether so much is there or not. Compiled descriptions of
 * terminals begin with 0x1a 0x01, too, and have text where the size stands.
 */
function isArc(octets: Uint8Array): boolean {
  if (octets[0] !== 0x1a || octets.length < 29) return false;
  const method = octets[1] ?? 0;
  if (method < 1 || method > 9) return false;
  const end = octets.indexOf(0, 2);
  if (end < 3 || end > 14) return false;
  for (let i = 2; i < end; i++) if ((octets[i] ?? 0) <= 0x20 || octets[i] === 0x7f) return false;
  return (octets[18] ?? 0) < 0x20;
}

/**
 * Tells the type of content.
 *
 * @param octets The whole content; a few kilobytes of it are looked at.
 * @returns One of {@link FILE_TYPES}; `text` and `binary` where nothing better is known, `empty` for no octets.
 */
export function fileType(octets: Uint8Array): FileType {
  if (octets.length === 0) return "empty";
  const found = magicType(octets);
  if (found === "zip") return zipType(octets);
  return found ?? textType(octets) ?? "binary";
}

function magicType(octets: Uint8Array): FileType | undefined {
  for (const candidate of BY_FIRST[octets[0] ?? 0] ?? []) {
    if (matches(octets, candidate) && (CHECKS[candidate.type]?.(octets) ?? true)) {
      return candidate.type;
    }
  }
  const program = programType(octets);
  if (program) return program;
  for (const candidate of ELSEWHERE) {
    if (matches(octets, candidate) && (CHECKS[candidate.type]?.(octets) ?? true)) {
      return candidate.type;
    }
  }
  const placed = placedType(octets);
  if (placed) return placed;
  return lateType(octets);
}

/** PDF may begin after up to 1,024 other octets and is opened all the same (PDF 1.7 reference, appendix H, note 13). */
function lateType(octets: Uint8Array): FileType | undefined {
  const end = Math.min(octets.length - 4, 1024);
  for (let i = octets.indexOf(0x25); i >= 0 && i < end; i = octets.indexOf(0x25, i + 1)) {
    if (octets[i + 1] === 0x50 && octets[i + 2] === 0x44 && octets[i + 3] === 0x46) return "pdf";
  }
  return undefined;
}

/** Content of these has been tried for every other type already. */
const LAST_TYPES: ReadonlySet<string> = new Set(["text", "empty"]);
const NONE: readonly FileType[] = [];

/**
 * What the content is besides: types whose readers do not look at its first octets, or pass over others before their own. Programs
 * choose by the name as well, so that each of them may be the one that is opened.
 *
 * @param type What {@link fileType} says.
 * @returns Containers and markup only, each once.
 */
export function furtherTypes(octets: Uint8Array, type: string): readonly FileType[] {
  if (LAST_TYPES.has(type)) return NONE;
  const found: FileType[] = [];
  for (const candidate of CONTAINERS_ELSEWHERE) {
    if (matches(octets, candidate) && (CHECKS[candidate.type]?.(octets) ?? true)) {
      found.push(candidate.type);
    }
  }
  if (octets.length >= 512) {
    const footed = footerType(octets);
    if (footed) found.push(footed);
    if (isOldTar(octets)) found.push("tar");
    // images of disks have several maps of their own
    if (fileTypeGroup(type) !== "disk" && hasPartitions(octets)) found.push("fat");
  }
  const late = lateType(octets);
  if (late) found.push(late);
  if (type !== "message" && type !== "mbox") {
    if (looksLikeMail(octets) && hasOwnHeader(octets)) found.push("message");
    found.push(...typesInText(octets));
  }
  return found.length === 0 ? NONE : [...new Set(found)].filter((one) => one !== type);
}

const GROUP_OF = new Map<string, FileTypeGroup>(
  (Object.keys(FILE_TYPES) as FileTypeGroup[]).flatMap((group) =>
    FILE_TYPES[group].map((type) => [type, group] as const)
  ),
);

/** Rows elsewhere that are containers. */
const CONTAINERS_ELSEWHERE = ELSEWHERE.filter(({ type }) => {
  const group = fileTypeGroup(type);
  return group === "archive" || group === "disk";
});

/** What a type is for: `executable`, `archive`, ...; `other` for a name that is none of {@link FILE_TYPES}. */
export function fileTypeGroup(type: string): FileTypeGroup {
  return GROUP_OF.get(type) ?? "other";
}
