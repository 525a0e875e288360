import { MAX_REMEMBERED, REMEMBER_MS } from "./limits.ts";

/**
 * Recipients that have their copy of a message of which the client was told 4xx for the sake of others. When the client comes
 * again with the same octets they are passed over, so that nobody gets a second copy. Kept in memory: after a restart a second
 * copy is possible, a lost one never.
 */
export class DeliveredMemory {
  readonly #keys = new Map<string, number>();
  readonly #now: () => number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** Whether anything is remembered; where not, nobody needs to hash a message. */
  get empty(): boolean {
    return this.#keys.size === 0;
  }

  /** Remembers that these have it; the oldest are forgotten past a limit. */
  async add(message: Uint8Array, sender: string, recipients: readonly string[]): Promise<void> {
    const hash = await digest(message);
    for (const recipient of recipients) {
      const key = keyOf(hash, sender, recipient);
      this.#keys.delete(key);
      this.#keys.set(key, this.#now() + REMEMBER_MS);
    }
    for (const [key, expires] of this.#keys) {
      if (this.#keys.size <= MAX_REMEMBERED && expires > this.#now()) break;
      this.#keys.delete(key);
    }
  }

  /** Those of the recipients that have it. */
  async among(
    message: Uint8Array,
    sender: string,
    recipients: readonly string[],
  ): Promise<ReadonlySet<string>> {
    if (this.empty) return new Set();
    const hash = await digest(message);
    return new Set(
      recipients.filter((each) => (this.#keys.get(keyOf(hash, sender, each)) ?? 0) > this.#now()),
    );
  }
}

async function digest(message: Uint8Array): Promise<string> {
  const octets = new Uint8Array(await crypto.subtle.digest("SHA-256", message as BufferSource));
  return Array.from(octets, (octet) => octet.toString(16).padStart(2, "0")).join("");
}

function keyOf(hash: string, sender: string, recipient: string): string {
  return JSON.stringify([hash, sender, recipient]);
}
