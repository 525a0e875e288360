/** What the walk looks at, and what it remembers. */
import type { EntryFacts } from "./detect/container_set.ts";
import { hasOwnHeader } from "./detect/text_type.ts";
import type { PartReading } from "./message/types.ts";
import type { NotScannedReason, PartReport } from "./types.ts";
import { distinct } from "./unpack/octets.ts";
import type { Entry } from "./unpack/unpacker.ts";
import {
  isOwnFile,
  isVolumeName,
  type NamedOctets,
  type Piece,
  type VolumeSet,
} from "./unpack/volumes.ts";

/** Something to look at. */
export interface Item {
  readonly octets: Uint8Array;
  readonly path: string;
  readonly parent?: string;
  readonly kind: PartReport["kind"];
  readonly names: readonly string[];
  readonly declaredType?: string;
  readonly reading?: string;
  readonly depth: number;
  readonly encrypted?: boolean;
  readonly notScanned?: NotScannedReason;
  /** Type by content, where the caller knows it already. */
  readonly type?: string;
  /** Its volumes, where only a reader that is given them one by one follows them. */
  readonly volumes?: readonly NamedOctets[];
  /** It was found inside something else, by its beginning. */
  readonly embedded?: boolean;
  /** It was found in the middle of what packs its own files: it may be pieces of one of them. */
  readonly amid?: boolean;
  /** It comes of octets that are read once more, as something else: what came of them before is not listed again. */
  readonly again?: boolean;
}

/** How an item is to be read. */
export interface ItemReading {
  /** As mail, whatever it looks like. */
  readonly asMail?: boolean;
  /** What it looks like by content: containers are opened. */
  readonly asFile?: boolean;
  /** As a piece of something that is looked at as a whole: the same octets elsewhere are looked at by themselves. */
  readonly asVolume?: boolean;
}

/** A report that is still being written. */
export type Draft = { -readonly [Key in keyof PartReport]: PartReport[Key] };

/** The report on an item as it begins. */
export function draftOf(item: Item, type: string, sha256: string): Draft {
  const { path, parent, kind, names, declaredType, reading, depth, encrypted, notScanned } = item;
  return {
    path,
    ...(parent === undefined ? {} : { parent }),
    kind,
    ...(reading === undefined || reading === "identity" ? {} : { reading }),
    type,
    ...(declaredType === undefined ? {} : { declaredType }),
    names,
    size: item.octets.length,
    sha256,
    depth,
    ...(encrypted ? { encrypted } : {}),
    ...(notScanned === undefined ? {} : { notScanned }),
  };
}

/** What is known of octets that were seen; their findings stand between two places of the list. */
export interface Seen {
  readonly report: Draft;
  readonly from: number;
  /** Absent while still inside: octets that hold themselves. */
  to?: number;
}

/** Whether an entry is one that is known, by the same names, and in which there was nothing to report. */
export function isSameGood(
  { names, encrypted, notScanned }: Entry,
  known: Seen | undefined,
): boolean {
  if (!known || encrypted || notScanned !== undefined) return false;
  const { report, from, to } = known;
  return to === from && !report.encrypted && report.notScanned === undefined &&
    distinct(names).join("\0") === report.names.join("\0");
}

/** What entries lie in. */
export interface Container {
  readonly type: string;
  /** Octets. */
  readonly size: number;
  readonly path: string;
}

/** What becomes of a content whose text the MIME reader has read: the files and parts in it are children of its part. */
export function readingByMime(
  { children }: PartReading,
  type: string,
  octets: Uint8Array,
): "open" | "closed" | "closed, then as mail" {
  const { buffer, byteOffset, length } = octets;
  if (type === "uuencode" || type === "yenc" || type === "binhex") {
    const isRead = children.some(({ kind, source }) =>
      kind === "embedded" && source.buffer === buffer && source.byteOffset <= byteOffset &&
      byteOffset + length <= source.byteOffset + source.length
    );
    return isRead ? "closed" : "open";
  }
  if (type !== "message" || children.length === 0) return "open";
  // a header says where the parts are, and the first line of dashes that looks like a delimiter need not be one
  return hasOwnHeader(octets) ? "closed, then as mail" : "closed";
}

/**
 * What octets are remembered by: what was found in them counts only where they are looked at in the same way.
 *
 * @param sha256 Of the octets.
 */
export function seenKey(
  sha256: string,
  { reading, type = "" }: Item,
  { asMail = false, asFile = true }: ItemReading,
): string {
  if (!asFile) return asMail ? `${sha256} mail` : `${sha256} closed`;
  return reading === "volumes" ? `${sha256} volumes ${type}` : sha256;
}

/** A part of a message that is a volume of a set. */
export interface Volume {
  /** Known once it was looked at. */
  path: string;
  readonly reading: ItemReading;
}

/** An entry that is looked at when all of its container are known. */
export interface HeldEntry {
  readonly entry: Entry;
  /** From 1. */
  readonly index: number;
}

/** Whether an entry may be a piece of something, by its names. */
export function mayBeVolume({ names, content, notScanned, quiet, isText }: Entry): boolean {
  return content !== undefined && notScanned === undefined && !quiet && !isText &&
    isVolumeName(names);
}

/** How a volume of a set is looked at by itself: it is opened where it is not just a piece. */
export function volumeReading(
  set: VolumeSet,
  index: number,
  piece: Piece | undefined,
): ItemReading {
  const isOwn = index > 0 && set.volumes === undefined && set.type === undefined &&
    piece !== undefined &&
    isOwnFile(piece.octets);
  return { asFile: isOwn, asVolume: true };
}

/** What signatures on archives may ask of an entry. */
export function entryFacts(
  entry: Entry,
  container: Container,
  names: readonly string[],
  position: number,
): EntryFacts {
  return {
    container: container.type,
    containerSize: container.size,
    names,
    ...(entry.packedSize === undefined ? {} : { packedSize: entry.packedSize }),
    size: entry.content?.length ?? entry.size ?? 0,
    position,
    encrypted: entry.encrypted ?? false,
  };
}
