/** Ways in by a number: first matches by stretches, and a segment tree for rules that ask more than the number. */
import type { TreeEffect, TreeNumberIndex } from "../tree.ts";
import type { Range } from "./ranges.ts";

interface FirstTable {
  readonly phases: number;
  readonly low: number;
  readonly high: number;
  readonly rules: { readonly rule: number; readonly ranges: readonly Range[] }[];
}

/**
 * Rules that ask nothing but one number, by the set of slots they set: for each stretch only the first one counts. Rules must
 * come in order.
 */
export class FirstMatches {
  readonly #tables = new Map<string, FirstTable>();
  readonly #maxTables: number;

  constructor(maxTables: number) {
    this.#maxTables = maxTables;
  }

  /** @returns false when there are too many tables for another one. */
  add(rule: number, phases: number, effect: TreeEffect, ranges: readonly Range[]): boolean {
    const key = `${phases} ${effect.low} ${effect.high}`;
    let table = this.#tables.get(key);
    if (!table) {
      if (this.#tables.size >= this.#maxTables) return false;
      table = { phases, low: effect.low, high: effect.high, rules: [] };
      this.#tables.set(key, table);
    }
    table.rules.push({ rule, ranges });
    return true;
  }

  tables(): TreeNumberIndex["first"] {
    return [...this.#tables.values()].map((table) => ({
      phases: table.phases,
      ...paint(table.rules),
    }));
  }
}

/** Paints each stretch with the first rule whose range covers it. */
function paint(rules: FirstTable["rules"]): { bounds: number[]; rules: number[] } {
  const bounds = sortedBounds(rules.flatMap(({ ranges }) => ranges.flat()));
  const painted = new Int32Array(bounds.length).fill(-1);
  // next[i]: the first stretch from i on that is not painted.
  const next = Int32Array.from({ length: bounds.length + 1 }, (_, i) => i);
  const free = (from: number): number => {
    let i = from;
    while (next[i] !== i) i = next[i] = next[next[i]!]!;
    return i;
  };
  for (const { rule, ranges } of rules) {
    for (const [from, below] of ranges) {
      const end = stretchOf(bounds, below);
      for (let i = free(stretchOf(bounds, from)); i < end; i = free(i)) {
        painted[i] = rule;
        next[i] = i + 1;
      }
    }
  }
  const made = { bounds: [] as number[], rules: [] as number[] };
  painted.forEach((rule, i) => {
    if (made.rules.at(-1) === rule) return;
    made.bounds.push(bounds[i]!);
    made.rules.push(rule);
  });
  return made;
}

/** A segment tree over the stretches that the spans' ends make; entries of a node are in order of rules. */
export function segmentsOf(
  spans: readonly { readonly from: number; readonly below: number; readonly entry: number }[],
): Pick<TreeNumberIndex, "bounds" | "segments"> {
  const bounds = sortedBounds(spans.flatMap(({ from, below }) => [from, below]));
  const leaves = leafCount(bounds.length);
  const segments = new Map<number, number[]>();
  const add = (node: number, entry: number) => {
    const list = segments.get(node);
    if (!list) segments.set(node, [entry]);
    else if (list.at(-1) !== entry) list.push(entry);
  };
  for (const { from, below, entry } of spans) {
    let left = leaves + stretchOf(bounds, from);
    let right = leaves + stretchOf(bounds, below);
    for (; left < right; left >>= 1, right >>= 1) {
      if (left & 1) add(left++, entry);
      if (right & 1) add(--right, entry);
    }
  }
  return { bounds, segments: [...segments].map(([node, entries]) => [node, ...entries]) };
}

/** Leaves of the segment tree over so many bounds: a power of two. */
export function leafCount(bounds: number): number {
  let leaves = 1;
  while (leaves < bounds) leaves *= 2;
  return leaves;
}

function sortedBounds(all: readonly number[]): number[] {
  const sorted = Float64Array.from(all).sort();
  const bounds: number[] = [];
  for (const bound of sorted) {
    if (bounds.length === 0 || bounds[bounds.length - 1] !== bound) bounds.push(bound);
  }
  return bounds;
}

/** The stretch that a number lies in: `bounds[i] <= value < bounds[i + 1]`; -1 below the first. */
export function stretchOf(bounds: readonly number[] | Float64Array, value: number): number {
  let low = 0;
  let high = bounds.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (bounds[middle]! <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
