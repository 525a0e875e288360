import type { Field } from "./header_fields.ts";
import { MAX_COMPARED_FIELDS } from "./limits.ts";

/** Another value for one field; `undefined` deletes it. */
export interface Change {
  /** Which one of this name before any change, from 1. */
  readonly index: number;
  readonly name: string;
  readonly value: string | undefined;
}

/** What makes one header of another. */
export interface HeaderChanges {
  /** The last one of each name first, so that the places of those before it still count when one is deleted. */
  readonly changes: readonly Change[];
  /** New fields that stand above all old ones, in their order. */
  readonly top: readonly Field[];
  /** Other new ones. */
  readonly end: readonly Field[];
}

/** Fields of Postern's own: never taken for those that came. */
const OWN = /^x-postern-/i;

/**
 * Finds what changes `before` into `after`: fields of one name are compared in their order; one that is gone while another has come
 * at its place is a change, so that it keeps its place.
 */
export function headerChanges(before: readonly Field[], after: readonly Field[]): HeaderChanges {
  const olds = byName(before);
  const news = byName(after);
  const pairs = new Map<string, readonly Pair[]>();
  for (const name of new Set([...olds.keys(), ...news.keys()])) {
    pairs.set(name, pair(name, olds.get(name) ?? [], news.get(name) ?? [], before, after));
  }
  const kept = [...pairs.values()].flat().filter(({ same }) => same).map((each) => each.next!);
  const firstKept = kept.reduce((least, place) => Math.min(least, place), after.length);
  const changes: Change[] = [];
  const fresh: number[] = [];
  for (const [name, all] of pairs) {
    const number = new Map(olds.get(name)?.map((place, i) => [place, i + 1]));
    for (const { old, next, same } of all.toReversed()) {
      if (same) continue;
      if (old === undefined) {
        fresh.push(next!);
        continue;
      }
      changes.push({
        index: number.get(old)!,
        name: before[old]!.name,
        value: next === undefined ? undefined : after[next]!.value,
      });
    }
  }
  fresh.sort((a, b) => a - b);
  return {
    changes,
    top: fresh.filter((place) => place < firstKept).map((place) => after[place]!),
    end: fresh.filter((place) => place > firstKept).map((place) => after[place]!),
  };
}

/** Places in the two headers that belong together; one of them may be missing. */
interface Pair {
  readonly old?: number;
  readonly next?: number;
  readonly same: boolean;
}

function byName(fields: readonly Field[]): Map<string, number[]> {
  const places = new Map<string, number[]>();
  for (const [i, { name }] of fields.entries()) {
    const key = name.toLowerCase();
    const there = places.get(key);
    if (there) there.push(i);
    else places.set(key, [i]);
  }
  return places;
}

/** Pairs the fields of one name: equal ones first, in order, then what stands between equal ones, from the end. */
function pair(
  name: string,
  olds: readonly number[],
  news: readonly number[],
  before: readonly Field[],
  after: readonly Field[],
): Pair[] {
  if (OWN.test(name)) return between(olds, []).concat(between([], news));
  const equal = (i: number, j: number) => before[olds[i]!]!.value === after[news[j]!]!.value;
  const head: Pair[] = [];
  let start = 0;
  while (start < olds.length && start < news.length && equal(start, start)) {
    head.push({ old: olds[start]!, next: news[start]!, same: true });
    start++;
  }
  let oldEnd = olds.length;
  let newEnd = news.length;
  const tail: Pair[] = [];
  while (oldEnd > start && newEnd > start && equal(oldEnd - 1, newEnd - 1)) {
    tail.unshift({ old: olds[--oldEnd]!, next: news[--newEnd]!, same: true });
  }
  const middle = common(start, oldEnd, newEnd, equal);
  const pairs: Pair[] = [...head];
  let oldAt = start;
  let newAt = start;
  for (const [i, j] of [...middle, [oldEnd, newEnd] as const]) {
    pairs.push(...between(olds.slice(oldAt, i), news.slice(newAt, j)));
    if (i < oldEnd && j < newEnd) pairs.push({ old: olds[i]!, next: news[j]!, same: true });
    oldAt = i + 1;
    newAt = j + 1;
  }
  return [...pairs, ...tail];
}

function between(olds: readonly number[], news: readonly number[]): Pair[] {
  const pairs: Pair[] = [];
  const more = olds.length - news.length;
  for (let i = 0; i < Math.max(olds.length, news.length); i++) {
    const old = olds[more >= 0 ? i : i + more];
    const next = news[more <= 0 ? i : i - more];
    pairs.push({
      ...(old === undefined ? {} : { old }),
      ...(next === undefined ? {} : { next }),
      same: false,
    });
  }
  return pairs;
}

/** The longest common subsequence of two lists from `start` to their ends, as pairs of places. */
function common(
  start: number,
  oldEnd: number,
  newEnd: number,
  equal: (i: number, j: number) => boolean,
): (readonly [number, number])[] {
  const rows = oldEnd - start;
  const columns = newEnd - start;
  if (rows === 0 || columns === 0 || rows > MAX_COMPARED_FIELDS || columns > MAX_COMPARED_FIELDS) {
    return [];
  }
  const width = columns + 1;
  const lengths = new Uint16Array((rows + 1) * width);
  for (let i = rows - 1; i >= 0; i--) {
    for (let j = columns - 1; j >= 0; j--) {
      lengths[i * width + j] = equal(start + i, start + j)
        ? lengths[(i + 1) * width + j + 1]! + 1
        : Math.max(lengths[(i + 1) * width + j]!, lengths[i * width + j + 1]!);
    }
  }
  const found: [number, number][] = [];
  for (let i = 0, j = 0; i < rows && j < columns;) {
    if (equal(start + i, start + j)) found.push([start + i++, start + j++]);
    else if (lengths[(i + 1) * width + j]! >= lengths[i * width + j + 1]!) i++;
    else j++;
  }
  return found;
}
