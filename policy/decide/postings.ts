/**
 * The postings of a tree in one block of words: records of atoms first, then lists of entries, with the programs of their conditions
 * between them.
 *
 * The record of an atom: the decision that it was last told for; where its lists begin and end; where the sets are that take it in;
 * and, where it has one entry alone, as most have, that entry itself, so that a mail that meets it reads one line of memory.
 *
 * An entry is three words: rule, kind and phases as in the tree; number of the effect; address of what is left to ask. A list is five
 * words and entries in order of their rules.
 */
import {
  BLOCKER_ENTRY,
  type DecisionTree,
  ENTRY_BITS,
  literal,
  PURE_ENTRY,
  type TreeIndex,
} from "../tree.ts";
import { GATE_SLOTS } from "../slots.ts";
import { leafCount } from "../compile/number_index.ts";
import type { AttachmentMatcher } from "./attachment_matcher.ts";
import { HOLDS, ProgramBuilder } from "./programs.ts";
import { FirstRules, stretchIn } from "./first_rules.ts";
import { WordBuilder } from "./words.ts";

/** Words of an atom's record: two records in a line of the processor's cache. */
export const ATOM_WORDS = 8;
/** The decision that it was told for. */
export const ATOM_STAMP = 0;
/** Address of its first list; {@link NO_LIST}, {@link ONE_ENTRY}. */
export const ATOM_LISTS = 1;
/** Address behind its last list. */
export const ATOM_END = 2;
/** Address of how many sets take it in, and these; 0: none. */
export const ATOM_WHOLES = 3;
/** Its only entry. */
export const ATOM_ENTRY = 4;
/** The atom leads to no rule. */
export const NO_LIST = 0;
/** The atom leads to one entry, which is in its record. */
export const ONE_ENTRY = -1;

/** Words of an entry. */
export const ENTRY_WORDS = 3;
/** Number of the rule's effect. */
export const ENTRY_EFFECT = 1;
/** Program of what is left to ask. */
export const ENTRY_PROGRAM = 2;

/** Words of a list before its entries. */
export const LIST_WORDS = 5;
/** Address behind its last entry. */
export const LIST_END = 0;
/** Phases in which it counts. */
export const LIST_PHASES = 1;
/** Slots that its rules set. */
export const LIST_LOW = 2;
/** See {@link LIST_LOW}. */
export const LIST_HIGH = 3;
/** Slots that its rules keep open only; it drops out where these are open or settled. */
export const LIST_BLOCKS = 4;

type Row = readonly [key: number, ...entries: number[]];

/** The postings of one tree. A key of a table has the lists from `begin[key]` to below `begin[key + 1]`. */
export class Postings {
  readonly words: Int32Array;
  /** How many atoms have a record, from address 0 on. */
  readonly atoms: number;
  /** By phase, atoms of other kinds than sets that have entries then, with the program that asks them. */
  readonly probes: readonly (readonly { readonly record: number; readonly program: number }[])[];
  /** By phase, attributes of enumerations that have entries then and are known. */
  readonly enumAttributes: readonly (readonly number[])[];
  /** Table by `attribute * 32 + value`. */
  readonly enumBegin: Int32Array;
  readonly numbers: readonly NumberPostings[];
  /** Table by phase. */
  readonly alwaysBegin: Int32Array;
  /** Attributes with set tables that lead to entries, by phase. */
  readonly setAttributes: readonly (readonly number[])[];
  /** See ProgramBuilder. */
  readonly ranges: Float64Array;
  readonly attachments: readonly AttachmentMatcher[];

  constructor(tree: DecisionTree, phaseOf: (attribute: number) => number) {
    const { index } = tree;
    const builder = new ListBuilder(tree);
    this.atoms = tree.atoms.length;
    for (const row of index.atoms) builder.atom(row);
    for (const [atom, ...wholes] of tree.supersets) builder.wholes(atom, wholes);
    const others = index.atoms.filter(([atom]) => typeof tree.atoms[atom] !== "number");
    const probes = others.map((row) => ({
      phases: phasesOf(row, 1),
      probe: {
        record: row[0] * ATOM_WORDS,
        program: builder.programs.write(literal(row[0], false), -1),
      },
    }));
    this.probes = index.always.map((_, phase) =>
      probes.flatMap(({ phases, probe }) => (phases & (1 << phase)) !== 0 ? [probe] : [])
    );
    this.enumBegin = builder.table(
      tree.attributes.length * 32,
      index.enums.map(([attribute, value, ...entries]) =>
        [attribute * 32 + value, ...entries] as const
      ),
    );
    const enums = index.enums.map((row) => [row[0], phasesOf(row, 2)] as const);
    this.enumAttributes = askedAttributes(tree, enums, phaseOf);
    this.numbers = index.numbers.map((number) => new NumberPostings(number, builder));
    this.alwaysBegin = builder.table(
      index.always.length,
      index.always.map((entries, phase) => [phase, ...entries] as const),
    );
    const sets: (readonly [attribute: number, phases: number])[] = [];
    for (const row of index.atoms) {
      const attribute = tree.atoms[row[0]];
      if (typeof attribute === "number") sets.push([attribute, phasesOf(row, 1)]);
    }
    this.setAttributes = askedAttributes(tree, sets, phaseOf);
    this.words = builder.words.finish();
    this.ranges = Float64Array.from(builder.programs.ranges);
    this.attachments = builder.programs.attachments;
  }
}

/** By phase, the attributes that are known and lead to entries of that phase; rows say of which phases they have any. */
function askedAttributes(
  tree: DecisionTree,
  rows: readonly (readonly [attribute: number, phases: number])[],
  phaseOf: (attribute: number) => number,
): number[][] {
  const wanted = new Map<number, number>();
  for (const [attribute, phases] of rows) {
    wanted.set(attribute, (wanted.get(attribute) ?? 0) | phases);
  }
  return tree.index.always.map((_, phase) =>
    [...wanted].flatMap(([attribute, phases]) =>
      (phases & (1 << phase)) !== 0 && phaseOf(attribute) <= phase ? [attribute] : []
    )
  );
}

/** The phases in which some of a row's entries count, as bits. */
function phasesOf(row: readonly number[], begin: number): number {
  let phases = 0;
  for (let i = begin; i < row.length; i++) phases |= row[i]! & 63;
  return phases;
}

/** Ways in by one number. */
export class NumberPostings {
  readonly attribute: number;
  readonly first: FirstRules;
  readonly bounds: Float64Array;
  readonly leaves: number;
  /** Table by node of the segment tree. */
  readonly nodeBegin: Int32Array;

  constructor(number: TreeIndex["numbers"][number], builder: ListBuilder) {
    this.attribute = number.attribute;
    this.first = new FirstRules(
      number.first,
      (rule, phases) => builder.single((rule << ENTRY_BITS) + PURE_ENTRY + phases),
    );
    this.bounds = Float64Array.from(number.bounds);
    this.leaves = leafCount(number.bounds.length);
    this.nodeBegin = builder.table(this.leaves * 2, number.segments);
  }

  /** The leaf of a value; -1 where no rule asks as little. */
  leaf(value: number): number {
    const stretch = stretchIn(this.bounds, value);
    return stretch < 0 ? -1 : this.leaves + stretch;
  }
}

/** Longer postings are split by phases and by the slots that their rules set, so that what is settled drops out at once. */
const SPLIT_FROM = 8;

class ListBuilder {
  readonly words = new WordBuilder();
  readonly programs: ProgramBuilder;
  readonly #tree: DecisionTree;

  constructor(tree: DecisionTree) {
    this.#tree = tree;
    this.words.reserve(tree.atoms.length * ATOM_WORDS);
    // Address 0 is no list, even where there are no atoms.
    this.words.reserve(1);
    this.programs = new ProgramBuilder(tree, this.words);
  }

  /** Fills in the record of an atom. */
  atom(row: Row): void {
    const atom = row[0];
    const record = atom * ATOM_WORDS;
    if (row.length === 2) {
      this.words.set(record + ATOM_LISTS, ONE_ENTRY);
      const [entry, effect, program] = this.#entry(row[1]!, atom);
      this.words.set(record + ATOM_ENTRY, entry);
      this.words.set(record + ATOM_ENTRY + ENTRY_EFFECT, effect);
      this.words.set(record + ATOM_ENTRY + ENTRY_PROGRAM, program);
    } else {
      const programs = row.slice(1).map((entry) => this.#entry(entry, atom));
      this.words.set(record + ATOM_LISTS, this.words.length);
      this.#lists(programs);
      this.words.set(record + ATOM_END, this.words.length);
    }
  }

  /** Fills in the sets that take an atom in. */
  wholes(atom: number, wholes: readonly number[]): void {
    this.words.set(atom * ATOM_WORDS + ATOM_WHOLES, this.words.length);
    this.words.push(wholes.length);
    for (const whole of wholes) this.words.push(whole);
  }

  /** Lists of rows, to be found by key. */
  table(keys: number, rows: readonly Row[]): Int32Array {
    const sorted = rows.map(([key, ...entries]) => ({
      key,
      entries: entries.map((entry) => this.#entry(entry, -1)),
    })).sort((a, b) => a.key - b.key);
    const begin = new Int32Array(keys + 1);
    let next = 0;
    for (let key = 0; key <= keys; key++) {
      begin[key] = this.words.length;
      for (; sorted[next]?.key === key; next++) this.#lists(sorted[next]!.entries);
    }
    return begin;
  }

  /** @returns address of a list of one entry. */
  single(entry: number): number {
    const begin = this.words.length;
    this.#list([this.#entry(entry, -1)]);
    return begin;
  }

  /** @param given The atom that leads here; -1: none. */
  #entry(entry: number, given: number): readonly [entry: number, effect: number, program: number] {
    const rule = entry >> ENTRY_BITS;
    return [
      entry,
      this.#tree.rules.effects[rule]!,
      (entry & PURE_ENTRY) !== 0
        ? HOLDS
        : this.programs.write(this.#tree.rules.conditions[rule]!, given),
    ];
  }

  #lists(entries: readonly (readonly [number, number, number])[]): void {
    if (entries.length < SPLIT_FROM) {
      if (entries.length > 0) this.#list(entries);
      return;
    }
    const parts = new Map<string, (readonly [number, number, number])[]>();
    for (const one of entries) {
      const { low, high } = this.#tree.effects[one[1]]!;
      const key = `${low} ${high} ${one[0] & ((1 << ENTRY_BITS) - 1)}`;
      const part = parts.get(key);
      if (part) part.push(one);
      else parts.set(key, [one]);
    }
    for (const part of parts.values()) this.#list(part);
  }

  #list(entries: readonly (readonly [number, number, number])[]): void {
    const { words } = this;
    let low = 0;
    let high = 0;
    let phases = 0;
    let blocks = 0;
    const list = words.reserve(LIST_WORDS);
    for (const [entry, number, program] of entries) {
      const effect = this.#tree.effects[number]!;
      phases |= entry & 63;
      if ((entry & BLOCKER_ENTRY) !== 0) blocks |= effect.low & GATE_SLOTS;
      else {
        low |= effect.low;
        high |= effect.high;
      }
      words.push(entry);
      words.push(number);
      words.push(program);
    }
    words.set(list + LIST_END, words.length);
    words.set(list + LIST_PHASES, phases);
    words.set(list + LIST_LOW, low);
    words.set(list + LIST_HIGH, high);
    words.set(list + LIST_BLOCKS, blocks);
  }
}
