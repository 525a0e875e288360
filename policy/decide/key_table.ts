/** Hash tables whose keys are compared with stretches of a text in place, from the right, so that one pass finds all endings. */

/** The hash of nothing; extend it with {@link extendHash}, character by character, from the right. */
export const EMPTY_HASH = 0x811c9dc5 | 0;

/** FNV-1a over UTF-16 units. */
export function extendHash(hash: number, unit: number): number {
  return Math.imul(hash ^ unit, 0x01000193);
}

/** Units below 256 with A–Z as a–z. */
export const FOLDED: Uint8Array = Uint8Array.from(
  { length: 256 },
  (_, unit) => unit >= 65 && unit <= 90 ? unit + 32 : unit,
);

/** A–Z as a–z. */
export function fold(unit: number): number {
  return unit < 256 ? FOLDED[unit]! : unit;
}

/** Finds keys in lower case. */
export class KeyTable {
  readonly #keys: readonly string[];
  /** Pairs: hash, number of the key plus one (0: free). */
  readonly #slots: Int32Array;
  readonly #mask: number;
  /** A bit for each hash that is there: small enough to stay near, it answers most questions. */
  readonly #filter: Int32Array;
  readonly #filterMask: number;

  constructor(keys: readonly string[]) {
    this.#keys = keys;
    let size = 8;
    while (size < keys.length * 2) size *= 2;
    this.#mask = size - 1;
    this.#slots = new Int32Array(size * 2);
    let bits = 256;
    while (bits < keys.length * 12) bits *= 2;
    this.#filter = new Int32Array(bits / 32);
    this.#filterMask = bits - 1;
    keys.forEach((key, number) => {
      let hash = EMPTY_HASH;
      for (let i = key.length - 1; i >= 0; i--) hash = extendHash(hash, key.charCodeAt(i));
      const mixed = mix(hash);
      this.#filter[(mixed & this.#filterMask) >> 5]! |= 1 << (mixed & 31);
      let slot = mixed >>> 7 & this.#mask;
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
    const mixed = mix(hash);
    if ((this.#filter[(mixed & this.#filterMask) >> 5]! & (1 << (mixed & 31))) === 0) return -1;
    const slots = this.#slots;
    let slot = mixed >>> 7 & this.#mask;
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
  const mixed = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return mixed ^ (mixed >>> 12);
}
