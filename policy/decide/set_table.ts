/** One attribute's set table, ready for look-ups: from a value to every atom that holds for it. */
import { normalAddress, normalText } from "../compile/keys.ts";
import { readIp } from "../network.ts";
import type { TreeKeys, TreeTable } from "../tree.ts";
import { GlobTable } from "./glob_table.ts";
import { CASE_BIT, EMPTY_HASH, HASH_FACTOR, KeyTable, NO_KEY } from "./key_table.ts";
import { NetworkTable } from "./network_table.ts";

/** What is told of each atom found. */
export interface Hits {
  /** An atom holds. */
  hit(atom: number): void;
  /** A key of recipients was met that belongs to a group; keys come from the least to the most exact. */
  group(group: number): void;
}

// Names of other modules are looked up wherever they are used, which counts in a loop over a text.
const EMPTY = EMPTY_HASH;
const FACTOR = HASH_FACTOR;
const CASE = CASE_BIT;

const AT = 64;
const DOT = 46;

/** Units of a text that are taken at once. */
const GATHERED = 256;
/** Endings at dots, gathered first so that the passes over texts are loops without branches or calls: they are most of the cost. */
const places = new Int32Array(GATHERED);
/** See {@link places}. */
const hashes = new Int32Array(GATHERED);

/**
 * The atoms of the keys of one place in a table. What most keys stand for is a single atom; the others stand for a run of words,
 * as -1 less its begin: group or -1, how many atoms, and these.
 */
class KeyAtoms {
  /** By key. */
  readonly values: Int32Array;
  readonly #runs: Int32Array;

  constructor(keys: TreeKeys, groupOf: ((atom: number) => number) | undefined) {
    const runs: number[] = [];
    this.values = Int32Array.from(keys.atoms, (atoms) => {
      const group = groupOf ? groupOfKey(atoms, groupOf) : -1;
      if (typeof atoms === "number" && group < 0) return atoms;
      const value = -1 - runs.length;
      const list = [atoms].flat();
      runs.push(group, list.length, ...list);
      return value;
    });
    this.#runs = Int32Array.from(runs);
  }

  tell(value: number, hits: Hits): void {
    if (value >= 0) hits.hit(value);
    else {
      const runs = this.#runs;
      const begin = -1 - value;
      const end = begin + 2 + runs[begin + 1]!;
      for (let i = begin + 2; i < end; i++) hits.hit(runs[i]!);
      if (runs[begin]! >= 0) hits.group(runs[begin]!);
    }
  }
}

/** The first group that some atoms of a key belong to; -1: none. */
function groupOfKey(
  atoms: number | readonly number[],
  groupOf: (atom: number) => number,
): number {
  if (typeof atoms === "number") return groupOf(atoms);
  const found = atoms.map(groupOf).filter((group) => group >= 0);
  return found.length === 0 ? -1 : Math.min(...found);
}

/** Keys that are whole texts or endings. */
class Place {
  readonly table: KeyTable;
  readonly atoms: KeyAtoms;

  constructor(keys: TreeKeys, groupOf: ((atom: number) => number) | undefined) {
    this.atoms = new KeyAtoms(keys, groupOf);
    this.table = new KeyTable(keys.keys, this.atoms.values);
  }

  look(hash: number, text: string, from: number, to: number, hits: Hits): void {
    const value = this.table.find(hash, text, from, to);
    if (value !== NO_KEY) this.atoms.tell(value, hits);
  }
}

/** A {@link TreeTable} made ready. Look-ups of ASCII text allocate nothing. */
export class SetTable {
  readonly #hits: Hits;
  readonly #exact: Place | undefined;
  readonly #suffixes: Place | undefined;
  readonly #domains: Place | undefined;
  readonly #globs: GlobTable | undefined;
  readonly #networks: NetworkTable | undefined;
  readonly #networkAtoms: KeyAtoms;

  /** @param groupOf The group of whose members an atom is the set; -1: none. */
  constructor(table: TreeTable, hits: Hits, groupOf?: (atom: number) => number) {
    const place = (keys: TreeKeys) => keys.keys.length === 0 ? undefined : new Place(keys, groupOf);
    this.#hits = hits;
    this.#exact = place(table.exact);
    this.#suffixes = place(table.suffixes);
    this.#domains = place(table.domains);
    const globAtoms = new KeyAtoms(table.globs, undefined);
    this.#globs = table.globs.keys.length === 0
      ? undefined
      : new GlobTable(table.globs.keys, (value) => globAtoms.tell(value, hits), globAtoms.values);
    this.#networkAtoms = new KeyAtoms(table.networks, undefined);
    this.#networks = table.networks.keys.length === 0
      ? undefined
      : new NetworkTable(table.networks.keys, this.#networkAtoms.values);
  }

  /** Tells the atoms of a text, any case. */
  text(text: string, from = 0, to = text.length): void {
    if (!this.#text(text, from, to, 127)) {
      const normal = normalText(text.slice(from, to));
      this.#text(normal, 0, normal.length, 0xffff);
    }
  }

  /**
   * @param last Last unit that stands for itself.
   * @returns false for a text with others; endings told by now are ASCII and hold for its normal form, too.
   */
  #text(text: string, from: number, to: number, last: number): boolean {
    const suffixes = this.#suffixes;
    const exact = this.#exact;
    if (exact !== undefined || suffixes !== undefined) {
      let hash = EMPTY;
      let all = 0;
      for (let i = to - 1; i >= from;) {
        const stop = Math.max(from, i + 1 - GATHERED);
        let found = 0;
        for (; i >= stop; i--) {
          const unit = text.charCodeAt(i);
          all |= unit;
          hash = Math.imul(hash ^ (unit | CASE), FACTOR);
          hashes[found] = hash;
          places[found] = i;
          found += unit === DOT ? 1 : 0;
        }
        if (all > last) return false;
        if (suffixes === undefined) continue;
        for (let k = 0; k < found; k++) {
          suffixes.look(hashes[k]!, text, places[k]!, to, this.#hits);
        }
      }
      if (exact !== undefined) exact.look(hash, text, from, to, this.#hits);
    }
    return this.#globs === undefined || this.#globs.scan(text, from, to, last);
  }

  /** Tells the atoms of an address: endings of its domain, from the shortest, then the domain, then the whole. */
  address(address: string): void {
    // Endings told of an address that is not ASCII are whole ASCII labels, which its normal form keeps.
    if (!this.#address(address, 127)) this.#address(normalAddress(address), 0xffff);
  }

  #address(address: string, last: number): boolean {
    const suffixes = this.#suffixes;
    const end = address.length;
    let hash = EMPTY;
    let all = 0;
    let unit = 0;
    let i = end - 1;
    while (i >= 0 && unit !== AT) {
      const stop = Math.max(0, i + 1 - GATHERED);
      let found = 0;
      for (; i >= stop; i--) {
        unit = address.charCodeAt(i);
        if (unit === AT) break;
        all |= unit;
        hash = Math.imul(hash ^ (unit | CASE), FACTOR);
        hashes[found] = hash;
        places[found] = i;
        found += unit === DOT ? 1 : 0;
      }
      if (all > last) return false;
      // What has no @ has no domain.
      if (suffixes === undefined || unit !== AT && !address.includes("@")) continue;
      for (let k = 0; k < found; k++) {
        suffixes.look(hashes[k]!, address, places[k]!, end, this.#hits);
      }
    }
    if (unit === AT && this.#domains !== undefined) {
      this.#domains.look(hash, address, i + 1, end, this.#hits);
    }
    if (this.#exact === undefined) return true;
    for (; i >= 0; i--) {
      unit = address.charCodeAt(i);
      all |= unit;
      hash = Math.imul(hash ^ (unit | CASE), FACTOR);
    }
    if (all > last) return false;
    this.#exact.look(hash, address, 0, end, this.#hits);
    return true;
  }

  /** Tells the atoms of a client's address; one that is none has none. */
  client(address: string): void {
    const networks = this.#networks;
    if (networks === undefined) return;
    const family = readIp(address);
    if (family === 0) return;
    for (let place = networks.find(family); place >= 0; place = networks.around(family, place)) {
      this.#networkAtoms.tell(networks.value(family, place), this.#hits);
    }
  }
}
