import { type AttributeName, type AttributeRow, attributeRow } from "../attributes.ts";
import { formatNetwork, type Network, parseNetwork } from "../network.ts";
import {
  FALSE_NODE,
  literal,
  type TreeAtom,
  type TreeKeys,
  type TreeTable,
  TRUE_NODE,
} from "../tree.ts";
import { addressKey, type KeyPlace, textKey } from "./keys.ts";
import { NodeNumbers } from "./node_numbers.ts";

/** Keys of one attribute while they are gathered: by place and key, the atoms; most keys have one. */
type Gathered = Record<KeyPlace, Map<string, number | number[]>>;

/** Sets of more patterns are the same only where they say the same in the same order: sorting a long list takes its time. */
const MAX_SORTED = 256;

/** Gathers attributes, atoms, set tables and formulas; whatever is the same is there once. */
export class AtomBuilder {
  readonly attributes: string[] = [];
  readonly atoms: TreeAtom[] = [];
  readonly nodes: number[][] = [[0], [1]];
  readonly #attributeNumbers = new Map<string, number>();
  readonly #atomNumbers = new Map<string, number>();
  readonly #nodeNumbers = new NodeNumbers(this.nodes);
  /** By attribute and pattern: atoms of sets of one pattern. */
  readonly #singles: Map<string, number>[] = [];
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
    if (patterns.length === 1 && subsets.length === 0) return this.single(attribute, patterns[0]!);
    const distinct = [...new Set(patterns)];
    const parts = [...new Set(subsets)].sort((a, b) => a - b);
    if (distinct.length === 0 && parts.length === 1) return parts[0]!;
    if (distinct.length === 1 && parts.length === 0) return this.single(attribute, distinct[0]!);
    const number = this.attribute(attribute);
    const identity = JSON.stringify([
      number,
      distinct.length > MAX_SORTED ? distinct : [...distinct].sort(),
      parts,
    ]);
    const known = this.#atomNumbers.get(identity);
    if (known !== undefined) return known;
    const atom = this.#add(identity, number);
    this.weights[atom] = distinct.length === 0 ? 0 : this.#keys(attribute, distinct, atom);
    for (const part of parts) this.include(part, atom);
    return atom;
  }

  /** Membership in the set of one pattern. */
  single(attribute: string, pattern: string): number {
    const number = this.attribute(attribute);
    const singles = this.#singles[number] ??= new Map();
    let atom = singles.get(pattern);
    if (atom === undefined) {
      singles.set(pattern, atom = this.atoms.push(number) - 1);
      this.weights[atom] = this.#keys(attribute, [pattern], atom);
    }
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
    if (refs.length === 1) return refs[0]!;
    const inside: number[] = [op];
    for (const ref of refs) {
      if (ref === neutral) continue;
      if (ref === absorbing) return absorbing;
      const node = ref < 0 ? undefined : this.nodes[ref];
      if (node && node[0] === op) {
        for (let i = 1; i < node.length; i++) {
          if (!inside.includes(node[i]!, 1)) inside.push(node[i]!);
        }
      } else if (!inside.includes(ref, 1)) inside.push(ref);
    }
    if (inside.length === 1) return neutral;
    if (inside.length === 2) return inside[1]!;
    return this.#nodeNumbers.number(inside);
  }

  #add(identity: string, atom: TreeAtom): number {
    const number = this.atoms.push(atom) - 1;
    this.#atomNumbers.set(identity, number);
    return number;
  }

  /** Files the patterns of a set. @returns how much mail it is thought to hold for. */
  #keys(attribute: string, patterns: readonly string[], atom: number): number {
    const number = this.attribute(attribute);
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
    const { name, row } = attributeRow(attribute);
    let weight = 0;
    for (const pattern of patterns) {
      if (row.kind === "network") {
        const network = parseNetwork(pattern);
        weight = Math.max(weight, network ? networkWeight(network) : 0);
        addAtom(gathered.networks, network ? formatNetwork(network) : pattern, atom);
      } else {
        const { place, key } = keyOf(name, row, pattern);
        weight = Math.max(weight, keyWeight(place, key));
        addAtom(gathered[place], key, atom);
      }
    }
    return weight + patterns.length / 50;
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

function addAtom(keys: Map<string, number | number[]>, key: string, atom: number): void {
  const atoms = keys.get(key);
  if (atoms === undefined) keys.set(key, atom);
  else if (typeof atoms === "number") {
    if (atoms !== atom) keys.set(key, [atoms, atom]);
  } else if (!atoms.includes(atom)) atoms.push(atom);
}

function keyOf(
  name: AttributeName,
  row: AttributeRow,
  pattern: string,
): { place: Exclude<KeyPlace, "networks">; key: string } {
  if (row.kind === "address") return addressKey(pattern);
  const exact = name === "listener" || name === "attachmentType" ||
    name === "attachmentExtension" ||
    name === "notScanned" || name === "language";
  return exact ? { place: "exact", key: pattern.toLowerCase() } : textKey(pattern);
}

/** How much mail a key is thought to match. */
function keyWeight(place: Exclude<KeyPlace, "networks">, key: string): number {
  switch (place) {
    case "exact":
      return 1;
    case "domains":
      return 4;
    case "suffixes":
      return 8;
    case "globs": {
      const longest = Math.max(...key.split(/[*?]+/).map((text) => text.length));
      return longest === 0 ? 100_000 : longest < 4 ? 1000 : 16;
    }
  }
}

function networkWeight({ family, bits }: Network): number {
  return bits === 0 ? 100_000 : family === 4 ? 2 ** ((32 - bits) / 2) : 2 ** ((128 - bits) / 8);
}

function treeKeys(gathered: ReadonlyMap<string, number | number[]>): TreeKeys {
  return { keys: [...gathered.keys()], atoms: [...gathered.values()] };
}
