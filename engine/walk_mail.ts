/** What a walk needs to know of a message that it was not told part by part. */
import type { MessageReading, PartReading } from "./message/types.ts";
import type { Passwords } from "./unpack/passwords.ts";
import { type VolumeSet, volumeSets } from "./unpack/volumes.ts";
import { type Item, type Volume, volumeReading } from "./walk_items.ts";

/**
 * Finds parts that are volumes of a set.
 *
 * @param path Of the message.
 */
export function partVolumes(parts: readonly PartReading[], path: string): {
  readonly sets: readonly VolumeSet[];
  readonly volumes: ReadonlyMap<PartReading, Volume>;
} {
  const pieces = parts.map(({ names, contents: [content] }) => ({
    names,
    octets: content?.octets ?? new Uint8Array(0),
  }));
  const sets = volumeSets(pieces);
  const volumes = new Map<PartReading, Volume>();
  for (const set of sets) {
    for (const [index, place] of set.places.entries()) {
      const part = parts[place];
      if (part) volumes.set(part, { path, reading: volumeReading(set, index, pieces[place]) });
    }
  }
  return { sets, volumes };
}

/** A content of a part, to be looked at. */
export function partItem(
  { names, declaredTypes: [declaredType], depth }: PartReading,
  octets: Uint8Array,
  place: Required<Pick<Item, "path" | "parent">>,
): Item {
  const declared = declaredType === undefined ? {} : { declaredType };
  return { octets, ...place, kind: "part", names, ...declared, depth };
}

/** Words of the message may be the passwords of its archives. */
export function keepTexts({ subject, parts }: MessageReading, passwords: Passwords): void {
  if (subject !== undefined) passwords.addText(subject);
  for (const { declaredTypes: [type = "text/plain"], contents: [content] } of parts) {
    if (content && type.startsWith("text/")) passwords.addText(content.octets);
  }
}

/** Path of a part of a message that lies at `base`. */
export function pathBelow(base: string, part: string): string {
  return base === "" || part === "" ? base + part : `${base}/${part}`;
}
