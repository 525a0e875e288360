/** Cabinets of one set: each names the one before it and the one behind it. [MS-CAB] 2.1 */
import { hasAscii, nameText, u16 } from "./octets.ts";

/** What a cabinet's header says of its set. */
export interface CabinetLinks {
  /** Same in all of a set. */
  readonly id: number;
  /** Name of the cabinet before it, as its maker called it. */
  readonly before: string | undefined;
  readonly next: string | undefined;
}

const HAS_BEFORE = 1;
const HAS_NEXT = 2;
const HAS_RESERVE = 4;

/** Reads the links; `undefined` for what is no cabinet, or one alone. */
export function cabinetLinks(octets: Uint8Array): CabinetLinks | undefined {
  const flags = u16(octets, 30);
  if (!hasAscii(octets, 0, "MSCF\0\0\0\0") || (flags & (HAS_BEFORE | HAS_NEXT)) === 0) {
    return undefined;
  }
  let at = 36;
  if (flags & HAS_RESERVE) at = 40 + u16(octets, 36);
  const text = () => {
    const end = octets.indexOf(0, at);
    const value = nameText(octets.subarray(at, end < 0 || end > at + 256 ? at : end));
    at = end < 0 ? octets.length : end + 1;
    return value;
  };
  // the name of a disk stands behind each cabinet's
  const pair = () => {
    const name = text();
    text();
    return name === "" ? undefined : name;
  };
  const before = flags & HAS_BEFORE ? pair() : undefined;
  const next = flags & HAS_NEXT ? pair() : undefined;
  return { id: u16(octets, 32), before, next };
}

/**
 * Puts cabinets in order: each behind the one that names it.
 *
 * @param links By place; `undefined` where there is no cabinet of a set.
 * @param names Own names of the files, without folders, by place.
 * @returns Places of each set that begins with a cabinet that names none before it.
 */
export function cabinetOrder(
  links: readonly (CabinetLinks | undefined)[],
  names: readonly string[],
): readonly (readonly number[])[] {
  const sets: number[][] = [];
  for (const [start, link] of links.entries()) {
    if (!link || link.before !== undefined) continue;
    const set = [start];
    for (let next = link.next; next !== undefined;) {
      const wanted = next.toLowerCase();
      const place = links.findIndex((other, i) =>
        other?.id === link.id && other.before !== undefined && names[i]?.toLowerCase() === wanted &&
        !set.includes(i)
      );
      if (place < 0) break;
      set.push(place);
      next = links[place]?.next;
    }
    if (set.length > 1) sets.push(set);
  }
  return sets;
}
