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
    for (let i = from; i < to; i++) {
      if (text.charCodeAt(i) > 127) {
        const lower = normalText(text.slice(from, to));
        return this.#text(lower, 0, lower.length);
      }
    }
    this.#text(text, from, to);
  }

  #text(text: string, from: number, to: number): void {
    const suffixes = this.#suffixes;
    let hash = EMPTY_HASH;
    for (let i = to - 1; i >= from; i--) {
      const unit = text.charCodeAt(i);
      hash = extendHash(hash, fold(unit));
      if (unit === DOT && suffixes) suffixes.look(hash, text, i, to, this.#hits);
    }
    this.#exact?.look(hash, text, from, to, this.#hits);
    this.#globs?.scan(text, from, to);
  }

  /** Tells the atoms of an address: endings of its domain, from the shortest, then the domain, then the whole. */
  address(address: string): void {
    let at = -1;
    for (let i = address.length - 1; i >= 0; i--) {
      const unit = address.charCodeAt(i);
      if (unit === AT && at < 0) at = i;
      if (unit > 127) return this.#address(normalAddress(address));
    }
    this.#address(address, at);
  }

  #address(address: string, at = address.lastIndexOf("@")): void {
    const suffixes = at < 0 ? undefined : this.#suffixes;
    let hash = EMPTY_HASH;
    for (let i = address.length - 1; i >= 0; i--) {
      const unit = address.charCodeAt(i);
      if (i === at) this.#domains?.look(hash, address, i + 1, address.length, this.#hits);
      hash = extendHash(hash, fold(unit));
      if (unit === DOT && i > at && suffixes) {
        suffixes.look(hash, address, i, address.length, this.#hits);
      }
    }
    this.#exact?.look(hash, address, 0, address.length, this.#hits);
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
