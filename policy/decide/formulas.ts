import { type DecisionTree, isNegated, literalAtom } from "../tree.ts";
import type { Facts } from "../types.ts";
import { AttachmentMatcher } from "./attachment_matcher.ts";
import type { KnownFacts } from "./known_facts.ts";

const SET = 0;
const ENUM = 1;
const NUMBER = 2;
const PRESENCE = 3;
const ATTACHMENT = 4;

/** Words of one atom in the flat table: kind, attribute, and what it asks. */
const ATOM_WORDS = 4;

/**
 * The conditions of a tree in flat arrays, so that evaluating one that no mail has asked for a while touches few lines of memory.
 * Set atoms are told by {@link Formulas.tell} when the tables find them.
 */
export class Formulas {
  readonly #facts: KnownFacts;
  readonly #atoms: Int32Array;
  readonly #ranges: Float64Array;
  readonly #nodeBegin: Int32Array;
  /** By node: 1 for any, 0 for all; how many stand inside; and these. */
  readonly #nodes: Int32Array;
  readonly #attachments: readonly (AttachmentMatcher | undefined)[];
  /** By atom: the decision for which it was told. */
  readonly #stamps: Int32Array;
  #epoch = 0;
  #phase = 0;
  #current: Facts | undefined;

  constructor(tree: DecisionTree, facts: KnownFacts) {
    this.#facts = facts;
    const ranges: number[] = [];
    this.#atoms = new Int32Array(tree.atoms.length * ATOM_WORDS);
    tree.atoms.forEach((atom, number) => {
      this.#atoms.set(
        typeof atom === "number"
          ? [SET, atom]
          : atom.kind === "enum"
          ? [ENUM, atom.attribute, atom.mask]
          : atom.kind === "number"
          ? [NUMBER, atom.attribute, ranges.length, ranges.push(...atom.ranges.flat())]
          : atom.kind === "presence"
          ? [PRESENCE, atom.attribute, atom.present ? 1 : 0]
          : [ATTACHMENT, atom.attribute],
        number * ATOM_WORDS,
      );
    });
    this.#ranges = Float64Array.from(ranges);
    this.#nodeBegin = new Int32Array(tree.nodes.length);
    const nodes: number[] = [];
    tree.nodes.forEach(([op, ...children], number) => {
      this.#nodeBegin[number] = nodes.length;
      nodes.push(op!, children.length);
      for (const child of children) nodes.push(child);
    });
    this.#nodes = Int32Array.from(nodes);
    this.#attachments = tree.atoms.map((atom) =>
      typeof atom !== "number" && atom.kind === "attachment"
        ? new AttachmentMatcher(tree, atom)
        : undefined
    );
    this.#stamps = new Int32Array(tree.atoms.length);
  }

  /** Begins with other facts. */
  begin(phase: number, facts: Facts): void {
    this.#phase = phase;
    this.#current = facts;
    if (++this.#epoch === 0x7fffffff) {
      this.#stamps.fill(0);
      this.#epoch = 1;
    }
  }

  /** A set atom holds. @returns false when that was told before. */
  tell(atom: number): boolean {
    if (this.#stamps[atom] === this.#epoch) return false;
    this.#stamps[atom] = this.#epoch;
    return true;
  }

  /** Whether a formula holds; `may`: where later phases know what it takes, it is thought to. */
  holds(ref: number, may: boolean): boolean {
    if (ref < 0) return this.#literal(ref, may);
    const begin = this.#nodeBegin[ref]!;
    const any = this.#nodes[begin] === 1;
    const end = begin + 2 + this.#nodes[begin + 1]!;
    for (let i = begin + 2; i < end; i++) if (this.holds(this.#nodes[i]!, may) === any) return any;
    return !any;
  }

  #literal(ref: number, may: boolean): boolean {
    const number = literalAtom(ref);
    const at = number * ATOM_WORDS;
    const attribute = this.#atoms[at + 1]!;
    if (this.#facts.phases[attribute]! > this.#phase) return may;
    if (!this.#facts.read(attribute)) return false;
    let holds = false;
    switch (this.#atoms[at]) {
      case SET:
        holds = this.#stamps[number] === this.#epoch;
        break;
      case ENUM:
        holds = (this.#atoms[at + 2]! & (1 << this.#facts.values[attribute]!)) !== 0;
        break;
      case NUMBER: {
        const value = this.#facts.values[attribute]!;
        const end = this.#atoms[at + 3]!;
        for (let i = this.#atoms[at + 2]!; i < end && !holds; i += 2) {
          holds = value >= this.#ranges[i]! && value < this.#ranges[i + 1]!;
        }
        break;
      }
      case PRESENCE:
        holds = this.#facts.present[attribute] === this.#atoms[at + 2];
        break;
      case ATTACHMENT:
        holds = this.#attachments[number]!.matches(this.#current!.attachments!);
        break;
    }
    return holds !== isNegated(ref);
  }
}
