/**
 * Headers of InstallShield's cabinets: of a volume, and of a set's files. Version 5 and those from 6 on differ in widths.
 *
 * @see unshield's cabfile.h
 */
import { nameText, u16, u32, u64 } from "./octets.ts";

const VOLUME_HEADER = 20;
const FLAG_SPLIT = 1;
const FLAG_OBFUSCATED = 2;
const FLAG_PACKED = 4;
const FLAG_INVALID = 8;
/** Octets of a file's entry from version 6 on. */
const NEW_ENTRY = 0x57;
/** The link to a file of the same content is one to the one before it: that one has the data. */
const LINK_PREVIOUS = 1;

/** One cabinet. */
export interface CabinetVolume {
  readonly octets: Uint8Array;
  /** Whether it lists the files of the set. */
  readonly hasFiles: boolean;
  /** Numbers of its first and last file. */
  readonly first: number;
  readonly last: number;
  /** Where the rest of the first file is that began in the volume before. */
  readonly firstOffset: number;
  /** Octets of its last file that are in it. */
  readonly lastSize: number;
}

/** One file of a set. */
export interface CabinetFile {
  readonly names: readonly string[];
  readonly index: number;
  /** Number of the cabinet that it begins in; version 5 does not say it. */
  readonly volume: number | undefined;
  readonly offset: number;
  /** Octets in the cabinets. */
  readonly size: number;
  readonly unpacked: number;
  readonly isSplit: boolean;
  readonly isObfuscated: boolean;
  readonly isPacked: boolean;
}

function majorVersion(octets: Uint8Array): number {
  const version = u32(octets, 4);
  if (version >>> 24 === 1) return (version >> 12) & 15;
  const number = version & 0xffff;
  return version >>> 24 === 2 || version >>> 24 === 4 ? Math.floor(number / 100) : 0;
}

const isOld = (octets: Uint8Array) => majorVersion(octets) <= 5;

/** Reads the header of one cabinet. */
export function cabinetVolume(octets: Uint8Array): CabinetVolume {
  const hasFiles = u32(octets, 16) > 0 && u32(octets, 12) < octets.length;
  if (isOld(octets)) {
    const field = (n: number) => u32(octets, VOLUME_HEADER + 4 * n);
    const [first, last, firstOffset, lastSize] = [field(2), field(3), field(4), field(9)];
    return { octets, hasFiles, first, last, firstOffset, lastSize };
  }
  return {
    octets,
    hasFiles,
    first: u32(octets, VOLUME_HEADER + 8),
    last: u32(octets, VOLUME_HEADER + 12),
    firstOffset: u64(octets, VOLUME_HEADER + 16),
    lastSize: u64(octets, VOLUME_HEADER + 56),
  };
}

/**
 * Lists the files of a set; those without data of their own are left out.
 *
 * @returns Also, whether all of the list was there.
 */
export function cabinetHeader(
  octets: Uint8Array,
  most: number,
): { readonly files: readonly CabinetFile[]; readonly isWhole: boolean } {
  const descriptor = u32(octets, 12);
  const table = descriptor + u32(octets, descriptor + 12);
  const folders = u32(octets, descriptor + 28);
  const count = u32(octets, descriptor + 40);
  const entries = table + u32(octets, descriptor + 44);
  const old = isOld(octets);
  const text = (offset: number) => {
    const end = octets.indexOf(0, table + offset);
    return end < 0 || offset === 0
      ? ""
      : nameText(octets.subarray(table + offset, Math.min(end, table + offset + 1024)));
  };
  const files: CabinetFile[] = [];
  for (let index = 0; index < count; index++) {
    const at = old
      ? table + u32(octets, table + 4 * (folders + index))
      : entries + NEW_ENTRY * index;
    if (at + (old ? 0x3a : NEW_ENTRY) > octets.length || files.length >= most) {
      return { files, isWhole: false };
    }
    const file = old ? oldEntry(octets, at) : newEntry(octets, at);
    if ((file.flags & FLAG_INVALID) !== 0 || file.nameOffset === 0 || file.isLinked) continue;
    if (file.offset === 0) continue; // lies beside the cabinets
    const folder = text(u32(octets, table + 4 * file.folder));
    const name = text(file.nameOffset);
    files.push({
      names: [folder ? `${folder}/${name}` : name],
      index,
      volume: file.volume,
      offset: file.offset,
      size: file.flags & FLAG_PACKED ? file.packed : file.unpacked,
      unpacked: file.unpacked,
      isSplit: (file.flags & FLAG_SPLIT) !== 0,
      isObfuscated: (file.flags & FLAG_OBFUSCATED) !== 0,
      isPacked: (file.flags & FLAG_PACKED) !== 0,
    });
  }
  return { files, isWhole: true };
}

interface FileEntry {
  readonly flags: number;
  readonly unpacked: number;
  readonly packed: number;
  readonly offset: number;
  readonly nameOffset: number;
  readonly folder: number;
  readonly volume: number | undefined;
  readonly isLinked: boolean;
}

function oldEntry(octets: Uint8Array, at: number): FileEntry {
  return {
    nameOffset: u32(octets, at),
    folder: u32(octets, at + 4),
    flags: u16(octets, at + 8),
    unpacked: u32(octets, at + 10),
    packed: u32(octets, at + 14),
    offset: u32(octets, at + 38),
    volume: undefined,
    isLinked: false,
  };
}

function newEntry(octets: Uint8Array, at: number): FileEntry {
  return {
    flags: u16(octets, at),
    unpacked: u64(octets, at + 2),
    packed: u64(octets, at + 10),
    offset: u64(octets, at + 18),
    nameOffset: u32(octets, at + 58),
    folder: u16(octets, at + 62),
    volume: u16(octets, at + 85),
    isLinked: ((octets[at + 84] ?? 0) & LINK_PREVIOUS) !== 0,
  };
}
