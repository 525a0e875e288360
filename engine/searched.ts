/** Octets of the contents that a walk is inside of, in which no octet of any pattern was found: what lies in them need not be searched. */
export class SearchedOctets {
  readonly #ranges: { buffer: ArrayBufferLike; start: number; end: number }[] = [];

  /** Whether all of these lie in some that were searched. */
  has({ buffer, byteOffset, length }: Uint8Array): boolean {
    return this.#ranges.some((range) =>
      range.buffer === buffer && range.start <= byteOffset && byteOffset + length <= range.end
    );
  }

  /** These were searched, and nothing was found. */
  add({ buffer, byteOffset: start, length }: Uint8Array): void {
    this.#ranges.push({ buffer, start, end: start + length });
  }

  /** How many there are: given back to {@link SearchedOctets.backTo} when the walk leaves what was added since. */
  get count(): number {
    return this.#ranges.length;
  }

  /** Forgets those that were added later. */
  backTo(count: number): void {
    this.#ranges.length = count;
  }
}
