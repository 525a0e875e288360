/** Hash tables whose keys are compared with stretches of a text in place, from the right, so that one pass finds all endings. */

/** The hash of nothing; extend it with {@link extendHash}, character by character, from the right. */
export const EMPTY_HASH = 0x811c9dc5 | 0;

/** FNV-1a over UTF-16 units. */
export function extendHash(hash: number, unit: number): number {
  return Math.imul(hash ^ unit, 0x01000193);
}

/** A–Z as a–z. */
export function fold(unit: number): number {
  return unit >= 65 && unit <= 90 ? unit + 32 : unit;
}

/** Finds keys in lower case. */
export class KeyTable {
  readonly #keys: readonly string[];
  /** Pairs: hash, number of the key plus one (0: free). */
  readonly #slots: Int32Array;
  readonly #mask: number;

  constructor(keys: readonly string[]) {
    this.#keys = keys;
    let size = 8;
    while (size < keys.length * 2) size *= 2;
    this.#mask = size - 1;
    this.#slots = new Int32Array(size * 2);
    keys.forEach((key, number) => {
      let hash = EMPTY_HASH;
      for (let i = key.length - 1; i >= 0; i--) hash = extendHash(hash, key.charCodeAt(i));
      let slot = mix(hash) & this.#mask;
      while (this.#slots[slot * 2 + 1] !== 0) slot = (slot + 1) & this.#mask;
      this.#slots[slot * 2] = hash;
      this.#slots[slot * 2 + 1] = number + 1;
    });
  }

  /**
   * @param hash Of `text[from..to)`, folded, from the right.
   * @returns the number of the key; -1 when there is none.
   */
  find(hash: number, text: string, from: number, to: number): number {
    const slots = this.#slots;
    let slot = mix(hash) & this.#mask;
    for (;;) {
      const number = slots[slot * 2 + 1]!;
      if (number === 0) return -1;
      if (slots[slot * 2] === hash && this.#equals(number - 1, text, from, to)) return number - 1;
      slot = (slot + 1) & this.#mask;
    }
  }

  #equals(number: number, text: string, from: number, to: number): boolean {
    const key = this.#keys[number]!;
    if (key.length !== to - from) return false;
    for (let i = 0; i < key.length; i++) {
      if (key.charCodeAt(i) !== fold(text.charCodeAt(from + i))) return false;
    }
    return true;
  }
}

/** FNV's low bits hang on the last characters alone; spread them. */
function mix(hash: number): number {
  return Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) >>> 7;
}
