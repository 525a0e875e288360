/**
 * The compiled policy: plain data. Filled in by policy/compile.ts, read by policy/decide.ts.
 *
 * A condition is a formula of "and", "or" and literals; a literal is an atom or its negation. An atom asks one thing of one
 * attribute. Atoms that ask membership in a set ("sender is one of these") are found the other way round: the tables lead from
 * the mail's value to all atoms that hold for it, however many there are. Postings lead from there to the rules for which such an
 * atom is the way in, so that rules which cannot match are never looked at.
 */
import type { Action, ResolvedSettings } from "./types.ts";
import type { SlotValue } from "./slots.ts";

/**
 * Version of the format; a tree of another version is refused. It also rises where the same document compiles to another tree, as
 * nodes compare a bundle's tree with what its document compiles to.
 */
export const TREE_VERSION = 3;

/** A compiled policy document. JSON-safe, structured-cloneable, versioned. */
export interface DecisionTree {
  /** {@link TREE_VERSION}. */
  readonly version: typeof TREE_VERSION;
  /** SHA-256 of the canonical document, lower-case hex. */
  readonly hash: string;
  /** Names of header fields that rules ask, lower case. */
  readonly headers: readonly string[];
  /** What is inside, for the direction of mail. */
  readonly local: { readonly domains: readonly string[]; readonly networks: readonly string[] };
  /** Built-in defaults with the document's `settings`. */
  readonly settings: ResolvedSettings;
  /** What the document's `settings` says itself. */
  readonly ownSettings: SlotList;
  /** Groups of recipients with settings of their own. */
  readonly groups: readonly TreeGroup[];
  /** Attributes that are asked; atoms and tables name them by their place here. */
  readonly attributes: readonly string[];
  /** Single tests of one attribute, shared by all conditions that ask them. */
  readonly atoms: readonly TreeAtom[];
  /** By atom: atoms that hold wherever it holds (a list and the sets it is part of). Only those that have any. */
  readonly supersets: readonly (readonly [atom: number, ...supersets: number[]])[];
  /** Words for set atoms with a name in the document: `in list blocked`, `in group students`, `executable`. */
  readonly labels: readonly (readonly [atom: number, label: string])[];
  /** `[0, ...]`: all of; `[1, ...]`: any of; see {@link TRUE_NODE} for what stands inside. */
  readonly nodes: readonly (readonly number[])[];
  /** The rules in order, in columns. */
  readonly rules: TreeRules;
  /** What rules set, shared by all that set the same. */
  readonly effects: readonly TreeEffect[];
  /** Set tables, one for each attribute that has any. */
  readonly tables: readonly TreeTable[];
  /** From values to the rules that ask them. */
  readonly index: TreeIndex;
}

/**
 * In {@link DecisionTree.nodes} and {@link TreeRules.conditions} a number below zero is a literal, `-1 - 2 * atom` or, negated,
 * `-2 - 2 * atom`; any other is a node. Node 0 is true (all of nothing), node 1 is false.
 */
export const TRUE_NODE = 0;
/** See {@link TRUE_NODE}. */
export const FALSE_NODE = 1;

/** Kind of a posting's entry: the rule matches wherever the way in is taken. */
export const PURE_ENTRY = 64;
/** Kind of a posting's entry: the rule cannot match at this phase, and may at a later one. */
export const BLOCKER_ENTRY = 128;
/** Bits of an entry below the rule's number. */
export const ENTRY_BITS = 8;

/** The literal of an atom. */
export function literal(atom: number, negated: boolean): number {
  return -1 - 2 * atom - (negated ? 1 : 0);
}
/** The atom of a literal. */
export function literalAtom(ref: number): number {
  return (-1 - ref) >> 1;
}
/** True where the literal is a negated atom. */
export function isNegated(ref: number): boolean {
  return ((-1 - ref) & 1) === 1;
}

/** Settings by slot number. */
export type SlotList = readonly (readonly [slot: number, value: SlotValue])[];

/** One group. */
export interface TreeGroup {
  /** Its name in the document. */
  readonly name: string;
  /** Place in {@link DecisionTree.groups}; -1: none. */
  readonly parent: number;
  /** What it says itself. */
  readonly settings: SlotList;
  /** Atom of its own recipients; -1 when it has none. */
  readonly members: number;
}

/** What one atom asks: a number is the attribute of a set that the tables know. */
export type TreeAtom = number | EnumAtom | NumberAtom | PresenceAtom | AttachmentAtom;

/** One of some values. */
export interface EnumAtom {
  /** Tells the kinds of atoms apart. */
  readonly kind: "enum";
  /** Place of the attribute in {@link DecisionTree.attributes}. */
  readonly attribute: number;
  /** Bit n: value n of the attribute's row; the bit behind the last: any value that the row does not know. */
  readonly mask: number;
}
/** In one of some ranges, sorted: from the first number on, below the second. */
export interface NumberAtom {
  /** Tells the kinds of atoms apart. */
  readonly kind: "number";
  /** Place of the attribute in {@link DecisionTree.attributes}. */
  readonly attribute: number;
  /** From the first number on, below the second; sorted, apart. */
  readonly ranges: readonly (readonly [from: number, below: number])[];
}
/** There is one at all, or it is known that there is none. */
export interface PresenceAtom {
  /** Tells the kinds of atoms apart. */
  readonly kind: "presence";
  /** Place of the attribute in {@link DecisionTree.attributes}. */
  readonly attribute: number;
  /** True: there is one; false: there is none. */
  readonly present: boolean;
}
/** One attachment of which all of this holds; names, types and extensions are set atoms. */
export interface AttachmentAtom {
  /** Tells the kinds of atoms apart. */
  readonly kind: "attachment";
  /** Place of the attribute in {@link DecisionTree.attributes}. */
  readonly attribute: number;
  /** Set atom of its name. */
  readonly name?: number;
  /** Set atom of its type. */
  readonly type?: number;
  /** Set atom of its extension. */
  readonly extension?: number;
  /** Whether it is encrypted. */
  readonly encrypted?: boolean;
  /** Whether it has macros. */
  readonly macro?: boolean;
}

/** Rules by their place in the document. */
export interface TreeRules {
  /** As the document names them; `rules[3]` for those without a name. */
  readonly names: readonly string[];
  /** Literals or nodes. */
  readonly conditions: readonly number[];
  /** Places in {@link DecisionTree.effects}. */
  readonly effects: readonly number[];
}

/** A distinct `then`. */
export interface TreeEffect {
  /** The final action. */
  readonly action?: Action;
  /** The rule's own reply. */
  readonly reply?: string;
  /** Where it goes instead. */
  readonly redirect?: readonly string[];
  /** Settings that it gives. */
  readonly settings: SlotList;
  /** Words of the slots it sets. */
  readonly low: number;
  /** High word of them. */
  readonly high: number;
}

/** Keys and, for each, the atoms that hold for a value that it matches. */
export interface TreeKeys {
  /** In lower case, each once. */
  readonly keys: readonly string[];
  /** For each key, the atoms that hold for what it matches. */
  readonly atoms: readonly (number | readonly number[])[];
}

/** Set table of one attribute. Keys are in lower case. */
export interface TreeTable {
  /** Place of the attribute in {@link DecisionTree.attributes}. */
  readonly attribute: number;
  /** Whole values; an address, `""` for the null sender. */
  readonly exact: TreeKeys;
  /** Endings that begin with a dot: `.example.org`, `.exe`. */
  readonly suffixes: TreeKeys;
  /** Domains of addresses. */
  readonly domains: TreeKeys;
  /** Networks in CIDR form. */
  readonly networks: TreeKeys;
  /** Texts with `*` and `?`. */
  readonly globs: TreeKeys;
}

/**
 * Which rules to look at. An entry of a posting is `rule * 256 + kind * 64 + phases`: phases is a set of bits, one for each phase
 * in which this is a way in. Kind 1: the rule matches wherever the way in is taken; kind 2: it cannot match yet and is only
 * looked at because it may later; kind 0: its condition tells.
 */
export interface TreeIndex {
  /** Postings by set or presence or attachment atom. */
  readonly atoms: readonly (readonly [atom: number, ...entries: number[]])[];
  /** Postings by attribute and value of an enumeration. */
  readonly enums: readonly (readonly [attribute: number, value: number, ...entries: number[]])[];
  /** Ways in by numbers. */
  readonly numbers: readonly TreeNumberIndex[];
  /** By phase: rules that are always looked at (no way in), and rules without condition. */
  readonly always: readonly (readonly number[])[];
  /** By phase and gate slot: the first rule that a later phase may still make match, whatever is known now. */
  readonly blockers: readonly (readonly number[])[];
}

/** Ways in by a number. */
export interface TreeNumberIndex {
  /** Place of the attribute in {@link DecisionTree.attributes}. */
  readonly attribute: number;
  /**
   * Rules that ask nothing but this number, by the set of slots they set: `bounds[i]` begins a stretch in which `rules[i]` is the
   * first that matches (-1: none).
   */
  readonly first: readonly {
    /** Phases in which they count, as bits. */
    readonly phases: number;
    /** Sorted; each begins a stretch. */
    readonly bounds: readonly number[];
    /** For each stretch the first rule; -1: none. */
    readonly rules: readonly number[];
  }[];
  /** Other rules: a segment tree over the stretches between sorted bounds; node 1 is the root, 2n and 2n+1 are below n. */
  readonly bounds: readonly number[];
  /** Entries by node. */
  readonly segments: readonly (readonly [node: number, ...entries: number[]])[];
}
