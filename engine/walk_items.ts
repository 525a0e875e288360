/** What the walk looks at, and what it remembers. */
import type { EntryFacts } from "./detect/container_set.ts";
import type { PartReading } from "./message/types.ts";
import type { NotScannedReason, PartReport } from "./types.ts";
import { unpackerFor } from "./unpack/formats.ts";
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

/** What is known of octets that were seen; their findings stand between two places of the list. */
export interface Seen {
  readonly report: Draft;
  readonly from: number;
  /** Absent while still inside: octets that hold themselves. */
  to?: number;
}

/** What entries lie in. */
export interface Container {
  readonly type: string;
  /** Octets. */
  readonly size: number;
  readonly path: string;
}

/** Whether what the content holds comes as children of the part: the MIME reader opens messages and files within text itself. */
export function isReadByMime(part: PartReading, type: string): boolean {
  if (type === "uuencode" || type === "yenc" || type === "binhex") return true;
  return part.children.length > 0 && unpackerFor(type) === undefined;
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
