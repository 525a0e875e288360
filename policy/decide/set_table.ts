/** One attribute's set table, ready for look-ups: from a value to every atom that holds for it. */
import { normalAddress, normalText } from "../compile/keys.ts";
import { readIp } from "../network.ts";
import type { TreeKeys, TreeTable } from "../tree.ts";
import { GlobTable } from "./glob.ts";
import { EMPTY_HASH, extendHash, fold, KeyTable } from "./key_table.ts";
import { NetworkTable } from "./network_table.ts";

/** What is told of each atom found. */
export interface Hits {
  /** An atom holds. */
  hit(atom: number): void;
  /** A key of recipients was met that belongs to a group; keys come from the least to the most exact. */
  group(group: number): void;
}

const AT = 64;
const DOT = 46;

/** The atoms of the keys of one place in a table. */
class KeyAtoms {
  /** The only atom, or -1 - n: the n-th of {@link #lists}. */
  readonly #first: Int32Array;
  readonly #lists: Int32Array[] = [];
  readonly #groups: Int32Array | undefined;

  constructor(keys: TreeKeys, groupOf: ((atom: number) => number) | undefined) {
    this.#first = Int32Array.from(
      keys.atoms,
      (atoms) => typeof atoms === "number" ? atoms : -this.#lists.push(Int32Array.from(atoms)),
    );
    if (groupOf) {
      const groups = keys.atoms.map((atoms) => {
        const found = [atoms].flat().map(groupOf).filter((group) => group >= 0);
        return found.length === 0 ? -1 : Math.min(...found);
      });
      if (groups.some((group) => group >= 0)) this.#groups = Int32Array.from(groups);
    }
  }

  tell(key: number, hits: Hits): void {
    const first = this.#first[key]!;
    if (first >= 0) hits.hit(first);
    else {
      const list = this.#lists[-1 - first]!;
      for (let i = 0; i < list.length; i++) hits.hit(list[i]!);
    }
    if (this.#groups) {
      const group = this.#groups[key]!;
      if (group >= 0) hits.group(group);
    }
  }
}

/** Keys that are whole texts or endings. */
class Place {
  readonly table: KeyTable;
  readonly atoms: KeyAtoms;

  constructor(keys: TreeKeys, groupOf: ((atom: number) => number) | undefined) {
    this.table = new KeyTable(keys.keys);
    this.atoms = new KeyAtoms(keys, groupOf);
  }

  look(hash: number, text: string, from: number, to: number, hits: Hits): void {
    const key = this.table.find(hash, text, from, to);
    if (key >= 0) this.atoms.tell(key, hits);
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
  /** The text at hand is in normal form, although it is not ASCII. */
  #normal = false;

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
      : new GlobTable(table.globs.keys, (glob) => globAtoms.tell(glob, hits));
    this.#networks = table.networks.keys.length === 0
      ? undefined
      : new NetworkTable(table.networks.keys);
    this.#networkAtoms = new KeyAtoms(table.networks, undefined);
  }

  /** Tells the atoms of a text, any case. */
  text(text: string, from = 0, to = text.length): void {
    const suffixes = this.#suffixes;
    const exact = this.#exact;
    if (exact || suffixes) {
      let hash = EMPTY_HASH;
      for (let i = to - 1; i >= from; i--) {
        const unit = text.charCodeAt(i);
        if (unit > 127 && !this.#normal) return this.#again(text.slice(from, to));
        hash = extendHash(hash, fold(unit));
        if (unit === DOT && suffixes) suffixes.look(hash, text, i, to, this.#hits);
      }
      exact?.look(hash, text, from, to, this.#hits);
    } else if (!this.#normal) {
      for (let i = from; i < to; i++) {
        if (text.charCodeAt(i) > 127) return this.#again(text.slice(from, to));
      }
    }
    this.#globs?.scan(text, from, to);
  }

  /** Begins again with the lower case of a text that is not ASCII; endings told by now are ASCII and hold for it, too. */
  #again(text: string): void {
    this.#normal = true;
    this.text(normalText(text));
    this.#normal = false;
  }

  /** Tells the atoms of an address: endings of its domain, from the shortest, then the domain, then the whole. */
  address(address: string): void {
    const suffixes = this.#suffixes;
    const end = address.length;
    let hash = EMPTY_HASH;
    let inDomain = true;
    for (let i = end - 1; i >= 0; i--) {
      const unit = address.charCodeAt(i);
      if (unit > 127 && !this.#normal) {
        // Endings told by now are whole ASCII labels, which the normal form keeps.
        this.#normal = true;
        this.address(normalAddress(address));
        this.#normal = false;
        return;
      }
      if (inDomain && unit === AT) {
        this.#domains?.look(hash, address, i + 1, end, this.#hits);
        inDomain = false;
      }
      hash = extendHash(hash, fold(unit));
      if (inDomain && unit === DOT && suffixes) {
        const key = suffixes.table.find(hash, address, i, end);
        // What has no @ has no domain.
        if (key >= 0 && address.includes("@")) suffixes.atoms.tell(key, this.#hits);
      }
    }
    this.#exact?.look(hash, address, 0, end, this.#hits);
  }

  /** Tells the atoms of a client's address; one that is none has none. */
  client(address: string): void {
    const networks = this.#networks;
    if (!networks) return;
    const family = readIp(address);
    if (family === 0) return;
    for (let place = networks.find(family); place >= 0; place = networks.around(family, place)) {
      this.#networkAtoms.tell(networks.key(family, place), this.#hits);
    }
  }
}
