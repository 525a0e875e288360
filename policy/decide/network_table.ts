/** Networks by binary search: sorted prefixes, each with the prefix around it, which is the path to the root of their trie. */
import { ipWords, maskOf, type Network, parseNetwork } from "../network.ts";

/** Finds every network that an address is in. */
export class NetworkTable {
  readonly #v4: Family;
  readonly #v6: Family;

  constructor(keys: readonly string[]) {
    const networks = keys.map((key, number) => ({ number, network: parseNetwork(key)! }));
    this.#v4 = new Family(networks.filter(({ network }) => network.family === 4), 1);
    this.#v6 = new Family(networks.filter(({ network }) => network.family === 6), 4);
  }

  /**
   * Looks up the address in {@link ipWords}.
   *
   * @returns a place in {@link key} and {@link around}, of the narrowest network that holds it; -1: none.
   */
  find(family: 4 | 6): number {
    return (family === 4 ? this.#v4 : this.#v6).find();
  }

  /** Number of the key at a place. */
  key(family: 4 | 6, place: number): number {
    return (family === 4 ? this.#v4 : this.#v6).numbers[place]!;
  }

  /** Place of the next wider network that holds this one; -1: none. */
  around(family: 4 | 6, place: number): number {
    return (family === 4 ? this.#v4 : this.#v6).parents[place]!;
  }
}

class Family {
  readonly numbers: Int32Array;
  readonly parents: Int32Array;
  readonly #words: Uint32Array;
  readonly #bits: Uint8Array;
  readonly #width: number;
  readonly #length: number;

  constructor(networks: { readonly number: number; readonly network: Network }[], width: number) {
    networks.sort((a, b) => {
      for (let w = 0; w < width; w++) {
        const difference = a.network.words[w]! - b.network.words[w]!;
        if (difference !== 0) return difference;
      }
      return a.network.bits - b.network.bits;
    });
    this.#width = width;
    this.#length = networks.length;
    this.numbers = Int32Array.from(networks, ({ number }) => number);
    this.parents = new Int32Array(networks.length);
    this.#words = Uint32Array.from(
      networks.flatMap(({ network }) => network.words.slice(0, width)),
    );
    this.#bits = Uint8Array.from(networks, ({ network }) => network.bits);
    for (let i = 0; i < networks.length; i++) {
      let around = i - 1;
      while (around >= 0 && !this.#holds(around, this.#words, i * width)) {
        around = this.parents[around]!;
      }
      this.parents[i] = around;
    }
  }

  find(): number {
    let low = 0;
    let high = this.#length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#notAbove(middle)) low = middle + 1;
      else high = middle;
    }
    let place = low - 1;
    while (place >= 0 && !this.#holds(place, ipWords, 0)) place = this.parents[place]!;
    return place;
  }

  #notAbove(place: number): boolean {
    const width = this.#width;
    for (let w = 0; w < width; w++) {
      const mine = this.#words[place * width + w]!;
      const other = ipWords[w]!;
      if (mine !== other) return mine < other;
    }
    return true;
  }

  #holds(place: number, words: Uint32Array, at: number): boolean {
    let bits = this.#bits[place]!;
    for (let w = 0; bits > 0; w++, bits -= 32) {
      const mask = maskOf(bits < 32 ? bits : 32);
      if (((this.#words[place * this.#width + w]! ^ words[at + w]!) & mask) !== 0) return false;
    }
    return true;
  }
}
