/** What an item is opened as: its own type, the other ones that it is besides, and archives inside it. */
import { fileTypeGroup } from "./detect/file_type.ts";
import { endsWithZip, findEmbedded } from "./unpack/embedded.ts";
import { holdsFiles, isUnopened, mayCarryArchive, unpackerFor } from "./unpack/formats.ts";
import type { Unpacker } from "./unpack/unpacker.ts";
import type { Item } from "./walk_items.ts";

/** One way of opening an item. */
export interface Opening {
  readonly inside: Item;
  /** Absent where it is a container that nothing here opens. */
  readonly unpacker?: Unpacker;
}

/**
 * Every way of opening an item, in order.
 *
 * @param type By content.
 * @param further Types that it is besides; that of a message is the MIME reader's.
 */
export function openingsOf(item: Item, type: string, further: readonly string[]): Opening[] {
  const openings: Opening[] = [];
  const own = unpackerFor(type);
  if (own) openings.push({ inside: item, unpacker: own });
  else if (isUnopened(type)) openings.push({ inside: item });
  const { volumes: _, ...plain } = item;
  const used = new Set([own]);
  for (const other of further) {
    const unpacker = unpackerFor(other);
    if (!unpacker || used.has(unpacker)) continue;
    used.add(unpacker);
    openings.push({ inside: { ...plain, again: true }, unpacker });
  }
  // an archive behind or inside something else; what its own format holds was opened above
  if (mayCarryArchive(type)) openings.push(...embeddedIn(item, type));
  return openings;
}

function embeddedIn(item: Item, type: string): readonly Opening[] {
  const group = fileTypeGroup(type);
  const isText = group === "markup" || group === "mail" || type === "text";
  const isHolder = holdsFiles(type);
  const openings: Opening[] = [];
  const { volumes, ...plain } = item;
  let isFirst = true;
  for (const { type: inner, offset } of findEmbedded(item.octets, isText || isHolder)) {
    if (inner === type) continue;
    const octets = inner === "zip" ? item.octets : item.octets.subarray(offset);
    const isSet = volumes !== undefined && inner === "rar"; // behind a program; the next ones are its volumes
    if (isSet && !isFirst) continue;
    if (isSet) isFirst = false;
    const inside = {
      ...plain,
      octets,
      embedded: true,
      ...(isSet ? { volumes } : {}),
      // one that ends where the content ends is no piece: most of these formats have something behind their files
      ...(isHolder ? { again: true, amid: !endsWithZip(octets) } : {}),
    };
    const unpacker = unpackerFor(inner);
    openings.push(unpacker ? { inside, unpacker } : { inside });
  }
  return openings;
}
