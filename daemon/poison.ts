/** Messages that killed scanners, by the hash of their octets. */

/** Where deaths are remembered over a restart; the store's part of it. */
export interface PoisonKeeper {
  /** Counts one more death; resolves with how many there are. */
  notePoison(sha256: string, keepMs: number): Promise<number>;
  /** All that are remembered; `expires` is milliseconds since 1970. */
  listPoison(): Promise<readonly { sha256: string; count: number; expires: number }[]>;
}

/** Deaths after which a message is not tried again. */
export const POISON_DEATHS = 2;

/** Most hashes remembered at once; the oldest go first. An attacker pays a scanner's time-out for each. */
const MAX_REMEMBERED = 10_000;

/**
 * Answers without waiting, from memory: the hash of a message is made only while anything is remembered at all, so that the
 * common path costs nothing.
 */
export class PoisonMemory {
  readonly #keepMs: number;
  readonly #keeper: PoisonKeeper | undefined;
  readonly #deaths = new Map<string, { count: number; expires: number }>();

  constructor(keepMs: number, keeper?: PoisonKeeper) {
    this.#keepMs = keepMs;
    this.#keeper = keeper;
  }

  /** Reads what was remembered before a restart. */
  async load(): Promise<void> {
    for (const { sha256, count, expires } of await this.#keeper?.listPoison() ?? []) {
      this.#deaths.set(sha256, { count, expires });
    }
  }

  /** Hashes remembered now. */
  get size(): number {
    return this.#deaths.size;
  }

  /** Whether the message of this hash is not to be tried again. */
  isPoison(sha256: string, now = Date.now()): boolean {
    const death = this.#deaths.get(sha256);
    if (!death) return false;
    if (death.expires > now) return death.count >= POISON_DEATHS;
    this.#deaths.delete(sha256);
    return false;
  }

  /** Counts a death. Resolves when it is kept; a store that fails costs the memory over restarts alone. */
  async note(sha256: string, now = Date.now()): Promise<void> {
    const count = (this.#deaths.get(sha256)?.count ?? 0) + 1;
    this.#deaths.delete(sha256);
    this.#deaths.set(sha256, { count, expires: now + this.#keepMs });
    for (const oldest of this.#deaths.keys()) {
      if (this.#deaths.size <= MAX_REMEMBERED) break;
      this.#deaths.delete(oldest);
    }
    await this.#keeper?.notePoison(sha256, this.#keepMs);
  }
}
