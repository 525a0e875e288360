/** Hash tables whose keys are compared with stretches of a text in place, from the right, so that one pass finds all endings. */

/** The hash of nothing; see {@link HASH_FACTOR}. */
export const EMPTY_HASH = 0x811c9dc5 | 0;

/** Multiplier of FNV-1a: `Math.imul(hash ^ (unit | CASE_BIT), HASH_FACTOR)` takes a unit into a hash, from the right. */
export const HASH_FACTOR = 0x01000193;

/** Units below 256 with A–Z as a–z. */
export const FOLDED: Uint8Array = Uint8Array.from(
  { length: 256 },
  (_, unit) => unit >= 65 && unit <= 90 ? unit + 32 : unit,
);

/** Bit that A–Z and a–z differ in. Hashes have it set in all units; others that differ in it have equal hashes, too. */
export const CASE_BIT = 32;

/** A–Z as a–z. */
export function fold(unit: number): number {
  return unit < 256 ? FOLDED[unit]! : unit;
}

/** What {@link KeyTable.find} gives for what is no key. */
export const NO_KEY = -0x80000000;

/** Words of the filter for each key: what it lets through wrongly is looked for far away. */
const FILTER_WORDS = 0.25;
/** Words of a slot: hash, begin and length of the key's text, and what the key stands for. */
const SLOT_WORDS = 4;
const BEGIN = 1;
const LENGTH = 2;
const VALUE = 3;

/** Finds keys in lower case. */
export class KeyTable {
  /** The low octets of all keys, end to end. */
  readonly #octets: Uint8Array;
  /** Keys with units above Latin-1, by where their octets begin: few have any. */
  readonly #wide = new Map<number, string>();
  /** Open addressing; a length of -1 is a free slot. */
  readonly #slots: Int32Array;
  readonly #mask: number;
  /** Three bits of one word for each key: small enough to stay near, it answers most questions. */
  readonly #filter: Int32Array;
  readonly #filterMask: number;

  /** @param values What the keys stand for: any word but {@link NO_KEY}. */
  constructor(keys: readonly string[], values: ArrayLike<number>) {
    const size = powerOfTwo(8, keys.length * 1.5);
    this.#mask = size - 1;
    this.#slots = new Int32Array(size * SLOT_WORDS);
    for (let slot = 0; slot < size; slot++) this.#slots[slot * SLOT_WORDS + LENGTH] = -1;
    this.#filter = new Int32Array(powerOfTwo(8, keys.length * FILTER_WORDS));
    this.#filterMask = this.#filter.length - 1;
    this.#octets = new Uint8Array(keys.reduce((sum, key) => sum + key.length, 0));
    let begin = 0;
    for (let number = 0; number < keys.length; number++) {
      const key = keys[number]!;
      let hash = EMPTY_HASH;
      let all = 0;
      for (let i = key.length - 1; i >= 0; i--) {
        const unit = key.charCodeAt(i);
        this.#octets[begin + i] = FOLDED[unit & 255]!;
        all |= unit;
        hash = Math.imul(hash ^ (unit | CASE_BIT), HASH_FACTOR);
      }
      const mixed = mix(hash);
      this.#filter[(mixed >>> 10) & this.#filterMask]! |= (1 << mixed) | (1 << (mixed >>> 5)) |
        (1 << (mixed >>> 27));
      let slot = mixed & this.#mask;
      while (this.#slots[slot * SLOT_WORDS + LENGTH]! >= 0) slot = (slot + 1) & this.#mask;
      const at = slot * SLOT_WORDS;
      this.#slots[at] = hash;
      this.#slots[at + BEGIN] = begin;
      this.#slots[at + LENGTH] = key.length;
      this.#slots[at + VALUE] = values[number]!;
      if (all > 255) this.#wide.set(begin, key);
      begin += key.length;
    }
  }

  /**
   * @param hash Of `text[from..to)`, folded, from the right.
   * @returns what the key stands for; {@link NO_KEY} when it is none.
   */
  find(hash: number, text: string, from: number, to: number): number {
    const mixed = mix(hash);
    const bits = this.#filter[(mixed >>> 10) & this.#filterMask]!;
    if (((bits >>> mixed) & (bits >>> (mixed >>> 5)) & (bits >>> (mixed >>> 27)) & 1) === 0) {
      return NO_KEY;
    }
    return this.#search(hash, mixed, text, from, to);
  }

  #search(hash: number, mixed: number, text: string, from: number, to: number): number {
    const slots = this.#slots;
    for (let slot = mixed & this.#mask;; slot = (slot + 1) & this.#mask) {
      const at = slot * SLOT_WORDS;
      const length = slots[at + LENGTH]!;
      if (length < 0) return NO_KEY;
      if (
        slots[at] === hash && length === to - from &&
        this.#equals(slots[at + BEGIN]!, text, from, to)
      ) return slots[at + VALUE]!;
    }
  }

  #equals(begin: number, text: string, from: number, to: number): boolean {
    const octets = this.#octets;
    let all = 0;
    for (let i = from, k = begin; i < to; i++, k++) {
      const unit = text.charCodeAt(i);
      all |= unit;
      if (octets[k] !== FOLDED[unit & 255]) return false;
    }
    if (all < 256 && this.#wide.size === 0) return true;
    // The empty key begins where another does.
    const wide = from === to ? undefined : this.#wide.get(begin);
    // What has such units is looked up in its normal form.
    return all < 256 ? wide === undefined : wide === text.slice(from, to);
  }
}

/** The least power of two from `least`, itself one, on that is not below `wanted`. */
export function powerOfTwo(least: number, wanted: number): number {
  let power = least;
  while (power < wanted) power *= 2;
  return power;
}

/** FNV's low bits hang on the last characters alone; spread them. */
function mix(hash: number): number {
  const mixed = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return mixed ^ (mixed >>> 12);
}
