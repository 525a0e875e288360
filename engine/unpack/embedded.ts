/** Archives inside something else: self-extracting programs, pictures with a zip behind them, text before an archive. */
import { AUTOIT_BEFORE, AUTOIT_MAGIC, isAutoit } from "./autoit.ts";
import { crc32 } from "./crc32.ts";
import { isSetup, SETUP_MAGICS, setupOffset } from "./installshield.ts";
import { latin1Text } from "../latin1.ts";
import { hasAscii, u16, u32 } from "./octets.ts";

/** So many characters of a magic are looked for: longer ones are searched for in ways that cost many times as much. Measured. */
const SOUGHT = 6;
/** Contents are looked at piece by piece, so that no second copy of a large one is made. */
const PIECE_OCTETS = 1 << 20;
/** Longest magic, characters; pieces overlap by it. */
const MAX_MAGIC = 32;
/** Most archives of one kind that are looked for in one content. */
const MAX_FOUND = 8;

/** What installers have behind their programs; none of these is a file by itself. */
export const INSTALLER_TYPES = ["nsis", "installshield", "installshield-msi", "autoit"] as const;
/** One of {@link INSTALLER_TYPES}. */
type InstallerType = (typeof INSTALLER_TYPES)[number];

/** An archive that starts in the middle of a content. */
export interface Embedded {
  readonly type: "zip" | "7z" | "rar" | "cab" | InstallerType;
  /** Where it starts; zip's reader finds its own way and gets the whole content. */
  readonly offset: number;
}

interface Kind {
  readonly type: Embedded["type"];
  /** Its beginning is what is looked for; `holds` tells the rest. */
  readonly magic: string;
  /** Octets of the archive in front of the magic. */
  readonly before?: number;
  /** Whether what follows is such an archive and not a program that knows the magic. */
  readonly holds: (octets: Uint8Array, at: number) => boolean;
  /** A record that makes it one whatever {@link Kind.holds} says, where it stands behind it. */
  readonly closing?: string;
}

const ZIP: Kind = {
  type: "zip",
  magic: "PK\x03\x04",
  // readers that believe the directory ask of a local header no more than its magic
  closing: "PK\x01\x02",
  holds: (o, at) =>
    (u16(o, at + 4) & 0xff) <= 99 && u16(o, at + 8) < 100 && u16(o, at + 26) > 0 &&
    u16(o, at + 26) < 4096 && at + 30 + u16(o, at + 26) <= o.length,
};

/** Version 5: 01 00, then the CRC of the first header, its size and the header itself. */
function isRar5(octets: Uint8Array, at: number): boolean {
  if (octets[at + 6] !== 1 || octets[at + 7] !== 0) return false;
  let size = 0;
  let start = at + 12;
  for (let shift = 0; shift < 21; shift += 7) {
    const octet = octets[start++] ?? 0;
    size += (octet & 0x7f) << shift;
    if (octet < 0x80) break;
  }
  const end = start + size;
  return size > 0 && end <= octets.length &&
    u32(octets, at + 8) === crc32(octets.subarray(at + 12, end));
}

const OTHERS: readonly Kind[] = [
  {
    type: "7z",
    magic: "7z\xbc\xaf\x27\x1c",
    // the start header carries its own CRC
    holds: (o, at) => at + 32 <= o.length && u32(o, at + 8) === crc32(o.subarray(at + 12, at + 32)),
  },
  {
    type: "rar",
    magic: "Rar!\x1a\x07",
    // version 4: a marker, then the archive header 0x73
    holds: (o, at) => (o[at + 6] === 0 && o[at + 9] === 0x73) || isRar5(o, at),
  },
  {
    type: "cab",
    magic: "MSCF\0\0\0\0",
    holds: (o, at) =>
      u32(o, at + 4) === 0 && u32(o, at + 8) > 36 && u32(o, at + 12) === 0 &&
      u32(o, at + 16) < u32(o, at + 8) &&
      o[at + 25] === 1 && u16(o, at + 26) > 0 && u16(o, at + 28) > 0,
  },
  {
    // NSIS, Source/exehead/fileform.h: flags, magic, size of the header, size of all
    type: "nsis",
    magic: "\xef\xbe\xad\xdeNull",
    before: 4,
    holds: (o, at) =>
      hasAscii(o, at + 8, "NullsoftInst") && u32(o, at) < 256 && u32(o, at + 20) > 0 &&
      u32(o, at + 24) > 28 &&
      u32(o, at + 24) <= o.length - at,
  },
  ...SETUP_MAGICS.map((magic): Kind => ({ type: "installshield-msi", magic, holds: isSetup })),
  { type: "autoit", magic: AUTOIT_MAGIC, before: AUTOIT_BEFORE, holds: isAutoit },
];

/** Where `ascii` stands last; -1 where it does not. */
function lastIndexOfAscii(octets: Uint8Array, ascii: string): number {
  for (let end = octets.length; end > 0;) {
    const from = Math.max(0, end - PIECE_OCTETS);
    const piece = latin1Text(
      octets.subarray(from, Math.min(octets.length, end + ascii.length - 1)),
    );
    const found = piece.lastIndexOf(ascii);
    if (found >= 0) return from + found;
    end = from;
  }
  return -1;
}

/** A zip's end record with nothing behind it, octets, and the longest comment in it: APPNOTE 4.3.16. */
const END_OCTETS = 22;
const MAX_COMMENT = 0xffff;

/** Whether the octets end where the end record of a zip says that it ends. */
export function endsWithZip(octets: Uint8Array): boolean {
  const from = Math.max(0, octets.length - END_OCTETS - MAX_COMMENT);
  const end = latin1Text(octets.subarray(from));
  for (let at = end.indexOf("PK\x05\x06"); at >= 0; at = end.indexOf("PK\x05\x06", at + 4)) {
    const size = END_OCTETS + u16(octets, from + at + 20);
    if (from + at + size === octets.length) return true;
  }
  return false;
}

/**
 * Looks for archives past the start of `octets`.
 *
 * @param isText Text carries no 7z, RAR or CAB that any program would start; a zip is found from its end and may follow text.
 */
export function findEmbedded(octets: Uint8Array, isText: boolean): readonly Embedded[] {
  const found: Embedded[] = [];
  const setup = isText ? undefined : setupOffset(octets);
  if (setup !== undefined) found.push({ type: "installshield", offset: setup });
  const kinds = isText ? [ZIP] : [ZIP, ...OTHERS];
  const counts = new Map<Kind, number>();
  const last = new Map<Kind, number>();
  const closes = (kind: Kind, offset: number) => {
    if (kind.closing === undefined) return false;
    // looked for once: the last of them is behind all that any other is behind
    const end = last.get(kind) ?? lastIndexOfAscii(octets, kind.closing);
    last.set(kind, end);
    return offset < end;
  };
  for (let from = 0; from < octets.length; from += PIECE_OCTETS) {
    const end = Math.min(octets.length, from + PIECE_OCTETS + MAX_MAGIC);
    const piece = latin1Text(octets.subarray(from, end));
    for (const kind of kinds) {
      let count = counts.get(kind) ?? 0;
      const sought = kind.magic.slice(0, SOUGHT);
      for (let at = piece.indexOf(sought); at >= 0 && count < MAX_FOUND;) {
        const offset = from + at - (kind.before ?? 0);
        if (offset > 0 && (kind.holds(octets, offset) || closes(kind, offset))) {
          found.push({ type: kind.type, offset });
          count = kind === ZIP ? MAX_FOUND : count + 1; // one zip is enough: its reader finds the others
        }
        at = piece.indexOf(sought, at + 1);
      }
      counts.set(kind, count);
    }
  }
  return found;
}
