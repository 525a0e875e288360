/** Rules that ask nothing but one number: for each stretch of the number the first rule of each set of slots, in one look-up. */
import { stretchOf } from "../compile/number_index.ts";
import type { TreeNumberIndex } from "../tree.ts";

/** The tables of first matches of one number, laid over each other. */
export class FirstRules {
  /** Sorted; each begins a stretch. */
  readonly #bounds: Float64Array;
  /** By stretch: where its lists begin in {@link lists}; they end where the next one's begin. */
  readonly begin: Int32Array;
  /** Addresses of lists of one entry. */
  readonly lists: Int32Array;

  /** @param single Gives the address of the list of a rule in some phases. */
  constructor(tables: TreeNumberIndex["first"], single: (rule: number, phases: number) => number) {
    const bounds = Float64Array.from(new Set(tables.flatMap((table) => table.bounds))).sort();
    const addresses = tables.map(({ rules, phases }) =>
      rules.map((rule) => rule < 0 ? -1 : single(rule, phases))
    );
    const lists: number[] = [];
    this.#bounds = bounds;
    this.begin = new Int32Array(bounds.length + 1);
    bounds.forEach((bound, stretch) => {
      this.begin[stretch] = lists.length;
      tables.forEach((table, number) => {
        const address = addresses[number]![stretchOf(table.bounds, bound)] ?? -1;
        if (address >= 0) lists.push(address);
      });
    });
    this.begin[bounds.length] = lists.length;
    this.lists = Int32Array.from(lists);
  }

  /** The stretch that a value lies in; -1 below the first. */
  stretch(value: number): number {
    return stretchIn(this.#bounds, value);
  }
}

/** As stretchOf, for these arrays alone, so that it is compiled for them. */
export function stretchIn(bounds: Float64Array, value: number): number {
  let low = 0;
  let high = bounds.length;
  if (high === 0 || value < bounds[0]!) return -1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (bounds[middle]! <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
