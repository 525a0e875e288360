/**
 * Buffers to read into, of sessions that are over, for those that come: a new one for each costs more than a small message, and
 * the collector counts every octet of it. A session sees no more of one than it has read itself.
 */
export class BufferPool {
  readonly #free: Uint8Array[] = [];
  readonly #octets: number;
  readonly #most: number;

  /**
   * @param octets Length of each.
   * @param most So many are kept for those that come.
   */
  constructor(octets: number, most: number) {
    this.#octets = octets;
    this.#most = most;
  }

  /** One that nobody else has. */
  take(): Uint8Array {
    return this.#free.pop() ?? new Uint8Array(this.#octets);
  }

  /** Gives one back that nothing reads into any more, and that nobody looks at. */
  give(buffer: Uint8Array): void {
    if (this.#free.length < this.#most) this.#free.push(buffer);
  }
}
