/** Bits of octets, most significant first. Past the end come zeros; {@link BitReader.isOver} says so. */
export class BitReader {
  readonly #octets: Uint8Array;
  #at: number;
  #bits = 0;
  #count = 0;

  constructor(octets: Uint8Array, start = 0) {
    this.#octets = octets;
    this.#at = start;
  }

  /** Whether bits were taken that are not there. */
  get isOver(): boolean {
    return this.#at - (this.#count >> 3) > this.#octets.length;
  }

  /** Takes up to 16 bits. */
  take(count: number): number {
    while (this.#count < count) {
      this.#bits = ((this.#bits << 8) | (this.#octets[this.#at++] ?? 0)) & 0xffffff;
      this.#count += 8;
    }
    this.#count -= count;
    return (this.#bits >> this.#count) & ((1 << count) - 1);
  }
}
