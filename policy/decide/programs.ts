/**
 * Conditions as flat words: what stands inside a formula stands behind it, so that evaluating one that no mail has asked for a
 * while touches a line of memory or two.
 *
 * A literal is three words: kind, negation and attribute; and two that its kind explains. `all` and `any` are two words, the second
 * of which is the address behind what stands inside.
 */
import {
  type DecisionTree,
  isNegated,
  literalAtom,
  type NumberAtom,
  type TreeAtom,
} from "../tree.ts";
import { AttachmentMatcher } from "./attachment_matcher.ts";
import type { WordBuilder } from "./words.ts";

/** All of what stands inside holds. */
export const ALL = 0;
/** Any of what stands inside holds. */
export const ANY = 1;
/** One of some values: their mask. */
export const ENUM = 2;
/** In one of some ranges: from where to below where in {@link ProgramBuilder.ranges}. */
export const NUMBER = 3;
/** There is one: 1; there is none: 0. */
export const PRESENCE = 4;
/** In a set: its atom. */
export const SET = 5;
/** One attachment: place in {@link ProgramBuilder.attachments}. */
export const ATTACHMENT = 6;

/** Bits of the first word of a literal that are its kind. */
export const KIND_BITS = 7;
/** Bit of the first word of a literal: it holds where the atom does not. */
export const NEGATED = 8;
/** Bits of the first word of a literal below the attribute. */
export const ATTRIBUTE_SHIFT = 4;
/** Words of a literal. */
export const LITERAL_WORDS = 3;
/** Words before what stands inside `all` and `any`. */
export const NODE_WORDS = 2;
/** Address of a program that always holds. */
export const HOLDS = -1;

/** A formula with one atom taken for granted; `true` and `false` are constants. */
type Rest = boolean | number | { readonly op: 0 | 1; readonly inside: readonly Rest[] };

/** Writes the programs of one tree. */
export class ProgramBuilder {
  readonly #tree: DecisionTree;
  readonly #words: WordBuilder;
  readonly #whole = new Map<number, number>();
  /** Addresses of programs by their words: those that many rules share stay near. */
  readonly #written = new Map<string, number>();
  readonly #rangesOf = new Map<NumberAtom, readonly [begin: number, end: number]>();
  readonly #attachmentOf = new Map<number, number>();
  /** Limits of ranges: from the first of a pair on, below the second. */
  readonly ranges: number[] = [];
  readonly attachments: AttachmentMatcher[] = [];

  constructor(tree: DecisionTree, words: WordBuilder) {
    this.#tree = tree;
    this.#words = words;
  }

  /**
   * Writes what is left to ask of a formula.
   *
   * @param given Atom that is known to hold wherever it is asked; -1: none.
   * @returns the program's address; {@link HOLDS} where nothing is left.
   */
  write(ref: number, given: number): number {
    if (given < 0) {
      const known = this.#whole.get(ref);
      if (known !== undefined) return known;
    }
    const rest = this.#rest(ref, given);
    const address = rest === true ? HOLDS : this.#address(rest);
    if (given < 0) this.#whole.set(ref, address);
    return address;
  }

  #address(rest: Rest): number {
    const key = keyOf(rest);
    let address = this.#written.get(key);
    if (address === undefined) {
      this.#written.set(key, address = this.#words.length);
      this.#write(rest);
    }
    return address;
  }

  #rest(ref: number, given: number): Rest {
    if (ref < 0) return literalAtom(ref) === given ? !isNegated(ref) : ref;
    const node = this.#tree.nodes[ref]!;
    const any = node[0] === ANY;
    const inside: Rest[] = [];
    for (let i = 1; i < node.length; i++) {
      const rest = this.#rest(node[i]!, given);
      if (rest === any) return any;
      if (typeof rest !== "boolean") inside.push(rest);
    }
    if (inside.length === 0) return !any;
    return inside.length === 1 ? inside[0]! : { op: any ? ANY : ALL, inside };
  }

  #write(rest: Rest): void {
    const words = this.#words;
    if (typeof rest === "number") return this.#literal(rest);
    if (typeof rest === "boolean") {
      words.push(rest ? ALL : ANY);
      words.push(words.length + 1);
      return;
    }
    words.push(rest.op);
    const end = words.reserve(1);
    // What costs least is asked first; the order changes nothing else.
    const inside = [...rest.inside].sort((a, b) => this.#cost(a) - this.#cost(b));
    for (const one of inside) this.#write(one);
    words.set(end, words.length);
  }

  #cost(rest: Rest): number {
    if (typeof rest === "boolean") return 0;
    if (typeof rest !== "number") return 10 + rest.inside.length;
    const kind = kindOf(this.#tree.atoms[literalAtom(rest)]!);
    return kind === ATTACHMENT ? 1000 : kind;
  }

  #literal(ref: number): void {
    const number = literalAtom(ref);
    const atom = this.#tree.atoms[number]!;
    const attribute = typeof atom === "number" ? atom : atom.attribute;
    let first = number;
    let second = 0;
    if (typeof atom !== "number") {
      switch (atom.kind) {
        case "enum":
          first = atom.mask;
          break;
        case "number":
          [first, second] = this.#ranges(atom);
          break;
        case "presence":
          first = atom.present ? 1 : 0;
          break;
        case "attachment":
          first = this.attachment(number);
          break;
      }
    }
    this.#words.push(
      kindOf(atom) | (isNegated(ref) ? NEGATED : 0) | (attribute << ATTRIBUTE_SHIFT),
    );
    this.#words.push(first);
    this.#words.push(second);
  }

  #ranges(atom: NumberAtom): readonly [begin: number, end: number] {
    let found = this.#rangesOf.get(atom);
    if (!found) {
      const begin = this.ranges.length;
      for (const [from, below] of atom.ranges) this.ranges.push(from, below);
      this.#rangesOf.set(atom, found = [begin, this.ranges.length]);
    }
    return found;
  }

  /** Place of an attachment atom in {@link attachments}. */
  attachment(number: number): number {
    let place = this.#attachmentOf.get(number);
    if (place === undefined) {
      const atom = this.#tree.atoms[number]!;
      if (typeof atom === "number" || atom.kind !== "attachment") {
        throw new TypeError(`atom ${number} asks no attachment`);
      }
      place = this.attachments.push(new AttachmentMatcher(this.#tree, atom)) - 1;
      this.#attachmentOf.set(number, place);
    }
    return place;
  }
}

/** The same for the same formula. */
function keyOf(rest: Rest): string {
  if (typeof rest !== "object") return String(rest);
  return `${rest.op}(${rest.inside.map(keyOf).join(" ")})`;
}

function kindOf(atom: TreeAtom): number {
  if (typeof atom === "number") return SET;
  switch (atom.kind) {
    case "enum":
      return ENUM;
    case "number":
      return NUMBER;
    case "presence":
      return PRESENCE;
    case "attachment":
      return ATTACHMENT;
  }
}
