import { attributeRow } from "../attributes.ts";
import { formatNetwork, parseNetwork } from "../network.ts";
import {
  FALSE_NODE,
  literal,
  type TreeAtom,
  type TreeKeys,
  type TreeTable,
  TRUE_NODE,
} from "../tree.ts";
import { addressKey, type KeyPlace, textKey } from "./keys.ts";

/** Keys of one attribute while they are gathered: by place and key, the atoms. */
type Gathered = Record<KeyPlace, Map<string, number[]>>;

/** Gathers attributes, atoms, set tables and formulas; whatever is the same is there once. */
export class AtomBuilder {
  readonly attributes: string[] = [];
  readonly atoms: TreeAtom[] = [];
  readonly nodes: number[][] = [[0], [1]];
  readonly #attributeNumbers = new Map<string, number>();
  readonly #atomNumbers = new Map<string, number>();
  readonly #nodeNumbers = new Map<string, number>([["0", TRUE_NODE], ["1", FALSE_NODE]]);
  readonly #supersets = new Map<number, Set<number>>();
  readonly #gathered = new Map<number, Gathered>();
  /** By set atom: how much mail it is thought to hold for, the smaller the better as a way in. */
  readonly weights: number[] = [];

  attribute(name: string): number {
    let number = this.#attributeNumbers.get(name);
    if (number === undefined) {
      number = this.attributes.push(name) - 1;
      this.#attributeNumbers.set(name, number);
    }
    return number;
  }

  /** Membership in a set of patterns and of other sets (atoms of lists and groups). */
  set(attribute: string, patterns: readonly string[], subsets: readonly number[]): number {
    const distinct = [...new Set(patterns)];
    const parts = [...new Set(subsets)];
    if (distinct.length === 0 && parts.length === 1) return parts[0]!;
    const number = this.attribute(attribute);
    const single = distinct.length === 1 && parts.length === 0;
    const identity = single
      ? `s${number} ${distinct[0]}`
      : JSON.stringify([number, distinct.sort(), parts.sort((a, b) => a - b)]);
    const known = this.#atomNumbers.get(identity);
    if (known !== undefined) return known;
    const atom = this.#add(identity, number);
    for (const pattern of distinct) this.#key(number, attribute, pattern, atom);
    this.weights[atom] = (this.weights[atom] ?? 0) + distinct.length / 50;
    for (const part of parts) this.include(part, atom);
    return atom;
  }

  /** A set that is filled later by {@link include}, with an identity of its own (a group's members, those below it too). */
  emptySet(attribute: string, identity: string): number {
    const known = this.#atomNumbers.get(identity);
    return known ?? this.#add(identity, this.attribute(attribute));
  }

  /** Whatever is in `part` is in `whole`, too. */
  include(part: number, whole: number): void {
    if (part === whole) return;
    this.weights[whole] = (this.weights[whole] ?? 0) + (this.weights[part] ?? 0);
    const supersets = this.#supersets.get(part);
    if (supersets) supersets.add(whole);
    else this.#supersets.set(part, new Set([whole]));
  }

  /** An atom of another kind; the same one is the same number. */
  atom(atom: Exclude<TreeAtom, number>): number {
    const identity = JSON.stringify(atom);
    return this.#atomNumbers.get(identity) ?? this.#add(identity, atom);
  }

  /** One of the values of an enumeration, or any other value where `negated`. */
  enumeration(attribute: string, values: readonly string[], negated: boolean): number {
    const number = this.attribute(attribute);
    const { row } = attributeRow(attribute);
    const all: readonly string[] = row.values ?? [];
    let mask = 0;
    for (const value of values) mask |= 1 << all.indexOf(value);
    if (negated) mask = ~mask & ((1 << (all.length + 1)) - 1);
    return literal(this.atom({ kind: "enum", attribute: number, mask }), false);
  }

  all(refs: readonly number[]): number {
    return this.#node(0, refs, TRUE_NODE, FALSE_NODE);
  }

  any(refs: readonly number[]): number {
    return this.#node(1, refs, FALSE_NODE, TRUE_NODE);
  }

  #node(op: 0 | 1, refs: readonly number[], neutral: number, absorbing: number): number {
    const inside: number[] = [];
    for (const ref of refs) {
      if (ref === neutral) continue;
      if (ref === absorbing) return absorbing;
      const node = ref < 0 ? undefined : this.nodes[ref];
      if (node && node[0] === op) {
        for (let i = 1; i < node.length; i++) if (!inside.includes(node[i]!)) inside.push(node[i]!);
      } else if (!inside.includes(ref)) inside.push(ref);
    }
    if (inside.length === 0) return neutral;
    if (inside.length === 1) return inside[0]!;
    const identity = `${op},${inside.join()}`;
    let number = this.#nodeNumbers.get(identity);
    if (number === undefined) {
      number = this.nodes.push([op, ...inside]) - 1;
      this.#nodeNumbers.set(identity, number);
    }
    return number;
  }

  #add(identity: string, atom: TreeAtom): number {
    const number = this.atoms.push(atom) - 1;
    this.#atomNumbers.set(identity, number);
    return number;
  }

  #key(number: number, attribute: string, pattern: string, atom: number): void {
    const { place, key } = keyOf(attribute, pattern);
    this.weights[atom] = Math.max(this.weights[atom] ?? 0, keyWeight(place, key));
    let gathered = this.#gathered.get(number);
    if (!gathered) {
      gathered = {
        exact: new Map(),
        suffixes: new Map(),
        domains: new Map(),
        networks: new Map(),
        globs: new Map(),
      };
      this.#gathered.set(number, gathered);
    }
    const atoms = gathered[place].get(key);
    if (!atoms) gathered[place].set(key, [atom]);
    else if (!atoms.includes(atom)) atoms.push(atom);
  }

  /** The set tables. */
  tables(): TreeTable[] {
    return [...this.#gathered].map(([attribute, gathered]) => ({
      attribute,
      exact: treeKeys(gathered.exact),
      suffixes: treeKeys(gathered.suffixes),
      domains: treeKeys(gathered.domains),
      networks: treeKeys(gathered.networks),
      globs: treeKeys(gathered.globs),
    }));
  }

  /** See DecisionTree.supersets. */
  supersets(): [number, ...number[]][] {
    return [...this.#supersets].map(([atom, wholes]) => [atom, ...wholes]);
  }
}

function keyOf(attribute: string, pattern: string): { place: KeyPlace; key: string } {
  const { name, row } = attributeRow(attribute);
  if (row.kind === "address") return addressKey(pattern);
  if (row.kind === "network") {
    const network = parseNetwork(pattern);
    return { place: "networks", key: network ? formatNetwork(network) : pattern };
  }
  const exact = name === "listener" || name === "attachmentType" ||
    name === "attachmentExtension" ||
    name === "notScanned" || name === "language";
  return exact ? { place: "exact", key: pattern.toLowerCase() } : textKey(pattern);
}

/** How much mail a key is thought to match. */
function keyWeight(place: KeyPlace, key: string): number {
  switch (place) {
    case "exact":
      return 1;
    case "domains":
      return 4;
    case "suffixes":
      return 8;
    case "networks": {
      const { family, bits } = parseNetwork(key) ?? { family: 4, bits: 0 };
      return bits === 0 ? 100_000 : family === 4 ? 2 ** ((32 - bits) / 2) : 2 ** ((128 - bits) / 8);
    }
    case "globs": {
      const longest = Math.max(...key.split(/[*?]+/).map((text) => text.length));
      return longest === 0 ? 100_000 : longest < 4 ? 1000 : 16;
    }
  }
}

function treeKeys(gathered: ReadonlyMap<string, number[]>): TreeKeys {
  const keys: string[] = [];
  const atoms: (number | readonly number[])[] = [];
  for (const [key, list] of gathered) {
    keys.push(key);
    atoms.push(list.length === 1 ? list[0]! : list);
  }
  return { keys, atoms };
}
