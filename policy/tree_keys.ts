import type { DecisionTree, TreeKeys } from "./tree.ts";

/** A key as people write it, and where it stands. */
export interface AtomKey {
  readonly place: "exact" | "suffixes" | "domains" | "networks" | "globs";
  readonly key: string;
}

/** What stands behind the set atoms of a tree. */
export interface TreeSets {
  /** Keys of an atom's own, without those of its subsets. */
  keys(atom: number): readonly AtomKey[];
  /** Sets that it takes in. */
  subsets(atom: number): readonly number[];
  /** Its keys with those of all its subsets. */
  all(atom: number): readonly AtomKey[];
  label(atom: number): string | undefined;
}

const made = new WeakMap<DecisionTree, TreeSets>();
const PLACES = ["exact", "suffixes", "domains", "networks", "globs"] as const;

/** The sets of a tree, read backwards from its tables; made once a tree. */
export function treeSets(tree: DecisionTree): TreeSets {
  let sets = made.get(tree);
  if (!sets) made.set(tree, sets = readSets(tree));
  return sets;
}

function readSets(tree: DecisionTree): TreeSets {
  const keys = new Map<number, AtomKey[]>();
  const subsets = new Map<number, number[]>();
  const labels = new Map(tree.labels);
  const add = <T>(map: Map<number, T[]>, atom: number, item: T) => {
    const list = map.get(atom);
    if (list) list.push(item);
    else map.set(atom, [item]);
  };
  for (const table of tree.tables) {
    for (const place of PLACES) {
      const { keys: texts, atoms }: TreeKeys = table[place];
      texts.forEach((key, i) => {
        for (const atom of [atoms[i]!].flat()) add(keys, atom, { place, key });
      });
    }
  }
  for (const [part, ...wholes] of tree.supersets) {
    for (const whole of wholes) add(subsets, whole, part);
  }
  const all = (atom: number): AtomKey[] => [
    ...keys.get(atom) ?? [],
    ...(subsets.get(atom) ?? []).flatMap(all),
  ];
  return {
    keys: (atom) => keys.get(atom) ?? [],
    subsets: (atom) => subsets.get(atom) ?? [],
    all,
    label: (atom) => labels.get(atom),
  };
}
