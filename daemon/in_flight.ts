/** Octets of messages that the daemon, its agents and its callers hold at once, bounded. */

/** One who waits for room. */
interface Waiter {
  readonly octets: number;
  readonly resolve: () => void;
}

/** The account. Whoever is granted octets gives them back. */
export class InFlight {
  #limit: number;
  #held = 0;
  readonly #waiting: Waiter[] = [];

  /** @param limit Octets. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Octets held now. */
  get held(): number {
    return this.#held;
  }

  /** Octets that may be held. */
  get limit(): number {
    return this.#limit;
  }

  /** A smaller limit takes nothing back; it only grants nothing until there is room. */
  set limit(octets: number) {
    this.#limit = octets;
    this.#serve();
  }

  /** Grants now or not at all. Who waits in line is not overtaken. */
  reserve(octets: number): boolean {
    if (this.#waiting.length > 0 || this.#held + octets > this.#limit) return false;
    this.#held += octets;
    return true;
  }

  /** Waits for its turn; what is larger than the limit gets it when nothing else is held. */
  wait(octets: number): Promise<void> {
    if (this.reserve(octets)) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiting.push({ octets, resolve });
      this.#serve();
    });
  }

  release(octets: number): void {
    this.#held = Math.max(0, this.#held - octets);
    this.#serve();
  }

  #serve(): void {
    for (let next = this.#waiting[0]; next; next = this.#waiting[0]) {
      if (this.#held > 0 && this.#held + next.octets > this.#limit) return;
      this.#waiting.shift();
      this.#held += next.octets;
      next.resolve();
    }
  }
}
