import { grownOctets } from "./limits.ts";

/** Output of a decompressor: grows as needed, never past its limit. */
export class Output {
  readonly #maxOctets: number;
  #octets: Uint8Array;
  /** Octets written. */
  length = 0;

  /** @param expected Size that is likely; a hint. */
  constructor(maxOctets: number, expected = 4096) {
    this.#maxOctets = maxOctets;
    this.#octets = new Uint8Array(Math.min(maxOctets, Math.max(256, expected)));
  }

  /** What was written, without a copy. */
  get octets(): Uint8Array {
    return this.#octets.subarray(0, this.length);
  }

  /** Whether nothing more may be written. */
  get isFull(): boolean {
    return this.length >= this.#maxOctets;
  }

  #room(count: number): number {
    const wanted = this.length + count;
    if (wanted > this.#octets.length && this.#octets.length < this.#maxOctets) {
      const most = this.#maxOctets;
      const larger = new Uint8Array(
        grownOctets(this.#octets.length, Math.min(wanted, most), most),
      );
      larger.set(this.#octets);
      this.#octets = larger;
    }
    return Math.min(count, this.#octets.length - this.length);
  }

  /** Writes one octet; false at the limit. */
  put(octet: number): boolean {
    if (this.length >= this.#octets.length && this.#room(1) < 1) return false;
    this.#octets[this.length++] = octet;
    return true;
  }

  /** Writes octets; false if they did not all fit. */
  append(octets: Uint8Array): boolean {
    const room = this.#room(octets.length);
    this.#octets.set(room < octets.length ? octets.subarray(0, room) : octets, this.length);
    this.length += room;
    return room === octets.length;
  }

  /** The octet `distance` before the end, from 1; 0 before the start. */
  back(distance: number): number {
    return this.#octets[this.length - distance] ?? 0;
  }

  /** Repeats `count` octets from `distance` before the end; false if they did not all fit. */
  copy(distance: number, count: number): boolean {
    const room = this.#room(count);
    const octets = this.#octets;
    let to = this.length;
    if (distance === 1 && room > 16) {
      octets.fill(octets[to - 1] ?? 0, to, to + room);
    } else if (distance >= room && room > 32) {
      octets.copyWithin(to, to - distance, to - distance + room);
    } else {
      for (let from = to - distance, end = to + room; to < end;) octets[to++] = octets[from++] ?? 0;
    }
    this.length += room;
    return room === count;
  }

  /** Changes octets in place from `start` on. */
  view(start: number): Uint8Array {
    return this.#octets.subarray(start, this.length);
  }
}
