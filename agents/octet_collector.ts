import { freeOctets, growOctets } from "../free_octets.ts";

/** Collects octets of unknown number in one buffer that grows by doubling. */
export class OctetCollector {
  #octets: Uint8Array = new Uint8Array(0);
  #length = 0;

  /** Octets collected. */
  get length(): number {
    return this.#length;
  }

  /** Octets of memory that are held, and that would be with so many more. */
  capacityWith(more: number): number {
    const wanted = this.#length + more;
    return wanted <= this.#octets.length
      ? this.#octets.length
      : Math.max(wanted, this.#octets.length * 2, 4096);
  }

  /** Copies a piece behind the others. */
  push(piece: Uint8Array): void {
    const capacity = this.capacityWith(piece.length);
    if (capacity > this.#octets.length) {
      this.#octets = growOctets(this.#octets, this.#length, capacity);
    }
    this.#octets.set(piece, this.#length);
    this.#length += piece.length;
  }

  /** Forgets everything; what was handed out is empty then. */
  clear(): void {
    freeOctets(this.#octets);
    this.#octets = new Uint8Array(0);
    this.#length = 0;
  }

  /** All of them, without a copy: no piece may be added afterwards. */
  octets(): Uint8Array {
    return this.#octets.subarray(0, this.#length);
  }
}
