/** The postings of a tree in flat arrays. */
import {
  BLOCKER_ENTRY,
  type DecisionTree,
  ENTRY_BITS,
  PURE_ENTRY,
  type TreeIndex,
} from "../tree.ts";
import { GATE_SLOTS } from "../slots.ts";
import { leafCount, stretchOf } from "../compile/number_index.ts";

/** Words of a list's record: one or none in two lines of the processor's cache. */
export const LIST_WORDS = 8;
/** Where its entries begin. */
export const LIST_BEGIN = 0;
/** Where they end. */
export const LIST_END = 1;
/** Phases in which it counts. */
export const LIST_PHASES = 2;
/** Slots that its rules set. */
export const LIST_LOW = 3;
/** See {@link LIST_LOW}. */
export const LIST_HIGH = 4;
/** Slots that its rules keep open only; it drops out where these are open or settled. */
export const LIST_BLOCKS = 5;

/** Lists of entries; a way in has some lists, from one number to below another. */
export class Postings {
  readonly entries: Int32Array;
  /** Records of {@link LIST_WORDS} words, one a list; a list's number is where its record begins. */
  readonly lists: Int32Array;
  /** By set atom: its lists, from `atomBegin[a]` to below `atomBegin[a + 1]`. */
  readonly atomBegin: Int32Array;
  /** Atoms of other kinds that have lists: to be asked one by one. */
  readonly probes: readonly number[];
  /** Attributes of enumerations that have lists; by `attribute * 32 + value`, as atomBegin. */
  readonly enumAttributes: readonly number[];
  readonly enumBegin: Int32Array;
  readonly numbers: readonly NumberPostings[];
  /** By phase, as atomBegin. */
  readonly alwaysBegin: Int32Array;
  /** Attributes with set tables that lead to lists, by phase. */
  readonly setAttributes: readonly (readonly number[])[];

  constructor(tree: DecisionTree, phaseOf: (attribute: number) => number) {
    const { index } = tree;
    const builder = new ListBuilder(tree);
    const sets = index.atoms.filter(([atom]) => typeof tree.atoms[atom] === "number");
    const others = index.atoms.filter(([atom]) => typeof tree.atoms[atom] !== "number");
    this.atomBegin = builder.table(tree.atoms.length, [...sets, ...others]);
    this.probes = others.map(([atom]) => atom);
    this.enumBegin = builder.table(
      tree.attributes.length * 32,
      index.enums.map(([attribute, value, ...entries]) =>
        [attribute * 32 + value, ...entries] as const
      ),
    );
    this.enumAttributes = [...new Set(index.enums.map(([attribute]) => attribute))];
    this.numbers = index.numbers.map((number) => new NumberPostings(number, builder));
    this.alwaysBegin = builder.table(
      index.always.length,
      index.always.map((entries, phase) => [phase, ...entries] as const),
    );
    const wanted = new Map<number, number>();
    for (const [atom, ...entries] of sets) {
      const attribute = tree.atoms[atom] as number;
      let phases = wanted.get(attribute) ?? 0;
      for (const entry of entries) phases |= entry & 63;
      wanted.set(attribute, phases);
    }
    this.setAttributes = index.always.map((_, phase) =>
      [...wanted].filter(([attribute, phases]) =>
        (phases & (1 << phase)) !== 0 && phaseOf(attribute) <= phase
      )
        .map(([attribute]) => attribute)
    );
    this.entries = Int32Array.from(builder.entries);
    this.lists = Int32Array.from(builder.lists);
  }
}

/** Ways in by one number. */
export class NumberPostings {
  readonly attribute: number;
  readonly first: readonly {
    readonly phases: number;
    readonly bounds: Float64Array;
    /** A list for each stretch; -1: none. */
    readonly lists: Int32Array;
  }[];
  readonly bounds: Float64Array;
  readonly leaves: number;
  /** By node of the segment tree, as atomBegin. */
  readonly nodeBegin: Int32Array;

  constructor(number: TreeIndex["numbers"][number], builder: ListBuilder) {
    this.attribute = number.attribute;
    this.first = number.first.map(({ phases, bounds, rules }) => ({
      phases,
      bounds: Float64Array.from(bounds),
      lists: Int32Array.from(
        rules,
        (rule) => rule < 0 ? -1 : builder.single((rule << ENTRY_BITS) + PURE_ENTRY + phases),
      ),
    }));
    this.bounds = Float64Array.from(number.bounds);
    this.leaves = leafCount(number.bounds.length);
    this.nodeBegin = builder.table(this.leaves * 2, number.segments);
  }

  /** The leaf of a value; -1 where no rule asks as little. */
  leaf(value: number): number {
    const stretch = stretchOf(this.bounds, value);
    return stretch < 0 || this.bounds.length === 0 ? -1 : this.leaves + stretch;
  }
}

/** Longer postings are split by phases and by the slots that their rules set, so that what is settled drops out at once. */
const SPLIT_FROM = 8;

class ListBuilder {
  readonly entries: number[] = [];
  readonly lists: number[] = [];
  readonly #tree: DecisionTree;

  constructor(tree: DecisionTree) {
    this.#tree = tree;
  }

  /** Lists of rows `[key, ...entries]`, to be found by key. */
  table(keys: number, rows: readonly (readonly [number, ...number[]])[]): Int32Array {
    const begin = new Int32Array(keys + 1);
    const sorted = [...rows].sort((a, b) => a[0] - b[0]);
    let next = 0;
    for (let key = 0; key <= keys; key++) {
      begin[key] = this.lists.length;
      for (; next < sorted.length && sorted[next]![0] === key; next++) {
        const row = sorted[next]!;
        if (row.length > SPLIT_FROM) this.#split(row);
        else if (row.length > 1) this.#list(row, 1);
      }
    }
    return begin;
  }

  single(entry: number): number {
    return this.#list([entry], 0);
  }

  #split(row: readonly number[]): void {
    const parts = new Map<string, number[]>();
    for (let i = 1; i < row.length; i++) {
      const { low, high } = this.#effect(row[i]!);
      const key = `${low} ${high} ${row[i]! & ((1 << ENTRY_BITS) - 1)}`;
      const part = parts.get(key);
      if (part) part.push(row[i]!);
      else parts.set(key, [row[i]!]);
    }
    for (const part of parts.values()) this.#list(part, 0);
  }

  #list(row: readonly number[], from: number): number {
    let low = 0;
    let high = 0;
    let phases = 0;
    let blocks = 0;
    const begin = this.entries.length;
    for (let i = from; i < row.length; i++) {
      const entry = row[i]!;
      const effect = this.#effect(entry);
      phases |= entry & 63;
      if ((entry & BLOCKER_ENTRY) !== 0) blocks |= effect.low & GATE_SLOTS;
      else {
        low |= effect.low;
        high |= effect.high;
      }
      this.entries.push(entry);
    }
    return this.lists.push(begin, this.entries.length, phases, low, high, blocks, 0, 0) -
      LIST_WORDS;
  }

  #effect(entry: number) {
    return this.#tree.effects[this.#tree.rules.effects[entry >> ENTRY_BITS]!]!;
  }
}
