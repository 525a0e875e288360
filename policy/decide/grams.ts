/** Grams: short runs of octets that every text which a glob matches must contain, begin and end of the text counted in. */
import { ANY, STAR } from "./glob.ts";
import { CASE_BIT } from "./key_table.ts";

/** Octet that stands for the begin of a text. */
export const BEGIN = 1;
/** Octet that stands for the end of a text. */
export const END = 2;

/** An octet for a unit, A–Z as a–z; never {@link BEGIN} or {@link END}. */
export function octetOf(unit: number): number {
  return (unit & 255) | CASE_BIT;
}

/** Octets that a gram may have, longest first. */
export const GRAM_LENGTHS = [8, 6, 4, 3, 2, 1] as const;

/** @param gram Its last four octets, or all of fewer. @param before Those before them, of longer ones; else 0. */
export function gramHash(gram: number, before: number): number {
  const hash = Math.imul(gram, 0x9e3779b1) ^ Math.imul(before, 0x85ebca6b);
  return hash ^ (hash >>> 15);
}

/** What stands between two wildcards of a glob. */
export interface Run {
  /** With {@link BEGIN} and {@link END} where it is the first or last. */
  readonly octets: readonly number[];
  /** Its own units. */
  readonly text: string;
  readonly begins: boolean;
  readonly ends: boolean;
}

/** A gram and where it stands. */
export interface Gram {
  /** Its octets. */
  readonly length: number;
  /** Its first four octets, or all of fewer. */
  readonly first: number;
  /** Its last four octets, or all of fewer. */
  readonly last: number;
  /** The two octets before its last four; 0 where it has no more than four. */
  readonly two: number;
  readonly hash: number;
  readonly run: Run;
  /** Octets of the run before the gram's last one. */
  readonly before: number;
}

/** The longest grams that every match of a glob contains. */
export interface GlobGrams {
  /** Octets of each; 0: there is none. */
  readonly length: number;
  readonly grams: readonly Gram[];
  /** Nothing but its one run is asked, with stars around it. */
  readonly single: boolean;
}

/** The grams of a glob. */
export function gramsOf(glob: string): GlobGrams {
  const runs = runsOf(glob);
  let longest = 0;
  for (const { octets } of runs) longest = Math.max(longest, octets.length);
  const length = GRAM_LENGTHS.find((one) => one <= longest) ?? 0;
  const grams: Gram[] = [];
  for (const run of runs) {
    const { octets } = run;
    // Begin or end alone says nothing.
    if (length === 1 && octets[0]! <= END) continue;
    for (let end = length - 1; end < octets.length; end++) {
      let last = 0;
      let before = 0;
      for (let i = end - length + 1; i <= end; i++) {
        before = (before << 8) | (last >>> 24);
        last = (last << 8) | octets[i]!;
      }
      const first = length === 8 ? before : length === 6 ? (before << 16) | (last >>> 16) : last;
      const two = before & 0xffff;
      grams.push({ length, first, last, two, hash: gramHash(last, before), run, before: end });
    }
  }
  const single = !glob.includes("?") && runs.filter(({ text }) => text !== "").length === 1;
  return { length: grams.length === 0 ? 0 : length, grams, single };
}

function runsOf(glob: string): Run[] {
  const runs: Run[] = [];
  let from = 0;
  for (let i = 0; i <= glob.length; i++) {
    const unit = i < glob.length ? glob.charCodeAt(i) : STAR;
    if (unit !== STAR && unit !== ANY) continue;
    const begins = from === 0;
    const ends = i === glob.length;
    const octets = begins ? [BEGIN] : [];
    for (let k = from; k < i; k++) octets.push(octetOf(glob.charCodeAt(k)));
    if (ends) octets.push(END);
    runs.push({ octets, text: glob.slice(from, i), begins, ends });
    from = i + 1;
  }
  return runs;
}
