/** Sets of octets, as classes of regular expressions name them: 256 zeros and ones. */

/** A line's end for `.` and `$`. */
export const NEWLINE = 10;
/** Letters behind a backslash that stand for one octet. */
export const ESCAPES: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9, f: 12, e: 27, a: 7 };

/** All octets within some ranges, both ends included. */
export function range(...ranges: readonly (readonly [number, number])[]): Uint8Array {
  const set = new Uint8Array(256);
  for (const [from, to] of ranges) set.fill(1, from, to + 1);
  return set;
}

/** All others. */
export const inverse = (set: Uint8Array) => set.map((has) => 1 - has);
const DIGITS = range([48, 57]);
const WORDS = range([48, 57], [65, 90], [95, 95], [97, 122]);
const SPACES = range([9, 13], [32, 32]);
/** Classes by the letter behind the backslash. */
export const CLASSES: Readonly<Record<string, Uint8Array>> = {
  d: DIGITS,
  D: inverse(DIGITS),
  w: WORDS,
  W: inverse(WORDS),
  s: SPACES,
  S: inverse(SPACES),
  h: range([9, 9], [32, 32], [160, 160]),
  H: inverse(range([9, 9], [32, 32], [160, 160])),
  v: range([10, 13], [133, 133]),
  V: inverse(range([10, 13], [133, 133])),
  N: inverse(range([NEWLINE, NEWLINE])),
};
/** Classes by their names in brackets. */
export const POSIX: Readonly<Record<string, Uint8Array>> = {
  alpha: range([65, 90], [97, 122]),
  digit: DIGITS,
  alnum: range([48, 57], [65, 90], [97, 122]),
  upper: range([65, 90]),
  lower: range([97, 122]),
  space: SPACES,
  blank: range([9, 9], [32, 32]),
  punct: range([33, 47], [58, 64], [91, 96], [123, 126]),
  print: range([32, 126]),
  graph: range([33, 126]),
  cntrl: range([0, 31], [127, 127]),
  xdigit: range([48, 57], [65, 70], [97, 102]),
  word: WORDS,
};

/** Letters in both cases where either is in the set. */
export function foldedSet(set: Uint8Array): Uint8Array {
  const both = set.slice();
  for (let i = 0; i < 26; i++) {
    if (set[65 + i] || set[97 + i]) both[65 + i] = both[97 + i] = 1;
  }
  return both;
}

/** Adds the octets of one set to another. */
export function join(set: Uint8Array, more: Uint8Array): void {
  for (let i = 0; i < 256; i++) if (more[i]) set[i] = 1;
}

/** The only octet of a set. */
export function only(set: Uint8Array): number | undefined {
  const first = set.indexOf(1);
  return first >= 0 && set.indexOf(1, first + 1) < 0 ? first : undefined;
}
