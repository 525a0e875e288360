/** Conditions of different trees made comparable: the same text for the same question. */
import { createHash } from "node:crypto";
import { type DecisionTree, isNegated, literalAtom } from "../tree.ts";
import { treeSets } from "../tree_keys.ts";

/** Gives the conditions of one tree an identity that hangs on nothing but what they ask. */
export class ConditionIdentity {
  readonly #tree: DecisionTree;
  readonly #atoms = new Map<number, string>();

  constructor(tree: DecisionTree) {
    this.#tree = tree;
  }

  of(ref: number): string {
    if (ref < 0) return `${isNegated(ref) ? "!" : ""}${this.atom(literalAtom(ref))}`;
    const [op, ...children] = this.#tree.nodes[ref]!;
    return `${op === 0 ? "all" : "any"}(${
      children.map((child) => this.of(child)).sort().join(",")
    })`;
  }

  atom(number: number): string {
    let identity = this.#atoms.get(number);
    if (identity === undefined) this.#atoms.set(number, identity = this.#identity(number));
    return identity;
  }

  #identity(number: number): string {
    const atom = this.#tree.atoms[number]!;
    const attribute = this.#tree.attributes[typeof atom === "number" ? atom : atom.attribute]!;
    if (typeof atom === "number") {
      const keys = treeSets(this.#tree).all(number).map(({ place, key }) => `${place} ${key}`);
      const text = [...new Set(keys)].sort().join("\n");
      return `${attribute}:${
        text.length < 100 ? JSON.stringify(text) : createHash("sha256").update(text).digest("hex")
      }`;
    }
    if (atom.kind !== "attachment") {
      return `${attribute}:${JSON.stringify({ ...atom, attribute: 0 })}`;
    }
    const part = (one: number | undefined) => one === undefined ? undefined : this.atom(one);
    return `attachment:${
      JSON.stringify([
        part(atom.name),
        part(atom.type),
        part(atom.extension),
        atom.encrypted,
        atom.macro,
      ])
    }`;
  }
}
