/** Ranges of numbers in normal form: sorted, apart, from a number on and below another. */
import type { WEEKDAYS } from "../schema/condition.ts";
import { WEEKDAYS as DAYS } from "../schema/condition.ts";

/** From the first number on, below the second. */
export type Range = readonly [from: number, below: number];

/** Stands for no limit, on either side; JSON knows no infinity. */
export const NO_LIMIT = Number.MAX_VALUE;

const float = new Float64Array(1);
const word = new BigInt64Array(float.buffer);

/** The least number above `value`. */
export function nextUp(value: number): number {
  if (value === 0) return Number.MIN_VALUE;
  if (value >= NO_LIMIT) return value;
  float[0] = value;
  word[0] = word[0]! + (value > 0 ? 1n : -1n);
  return float[0];
}

/** Limits of a range as a document has them, as numbers. */
export interface Limits {
  readonly over?: number | undefined;
  readonly atLeast?: number | undefined;
  readonly under?: number | undefined;
  readonly atMost?: number | undefined;
}

/** @returns the range; `undefined` when nothing is in it. */
export function rangeOf({ over, atLeast, under, atMost }: Limits): Range | undefined {
  const from = Math.max(over === undefined ? -NO_LIMIT : nextUp(over), atLeast ?? -NO_LIMIT);
  const below = Math.min(atMost === undefined ? NO_LIMIT : nextUp(atMost), under ?? NO_LIMIT);
  return from < below ? [from, below] : undefined;
}

/** Sorts ranges and joins those that meet. */
export function union(ranges: readonly Range[]): Range[] {
  const made: [number, number][] = [];
  for (const [from, below] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const last = made.at(-1);
    if (last && from <= last[1]) last[1] = Math.max(last[1], below);
    else if (from < below) made.push([from, below]);
  }
  return made;
}

/** All that is in none of the ranges. */
export function complement(ranges: readonly Range[]): Range[] {
  const made: Range[] = [];
  let from = -NO_LIMIT;
  for (const [start, below] of union(ranges)) {
    if (from < start) made.push([from, start]);
    from = below;
  }
  if (from < NO_LIMIT) made.push([from, NO_LIMIT]);
  return made;
}

/** Minutes of a week. */
export const WEEK_MINUTES = 7 * 24 * 60;

/**
 * Hours on days as ranges of minutes since Monday 00:00. Hours that end before they begin, or where they begin, go on into the
 * next day.
 */
export function weekRanges(
  days: readonly (typeof WEEKDAYS)[number][] = DAYS,
  hours: readonly string[] = ["00:00-24:00"],
): Range[] {
  const ranges: Range[] = [];
  for (const day of days) {
    for (const span of hours) {
      const [start, end] = span.split("-").map((text) => {
        const [hour, minute] = text.split(":");
        return Number(hour) * 60 + Number(minute);
      }) as [number, number];
      const from = DAYS.indexOf(day) * 1440 + start;
      const below = from - start + (end <= start ? end + 1440 : end);
      ranges.push([from, Math.min(below, WEEK_MINUTES)]);
      if (below > WEEK_MINUTES) ranges.push([0, below - WEEK_MINUTES]);
    }
  }
  return union(ranges);
}
