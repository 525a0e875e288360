/** Contents of a message's parts, counted by their octets. */
import { createHash } from "node:crypto";
import type { PartReading } from "../message/types.ts";

/** How often which content is there. */
export class Contents {
  readonly #counts = new Map<string, number>();
  readonly #sizes = new Set<number>();
  readonly #hashes = new WeakMap<Uint8Array, string>();

  constructor(parts: Iterable<PartReading>) {
    for (const { contents } of parts) {
      for (const { octets } of contents) {
        const hash = this.hash(octets);
        this.#sizes.add(octets.length);
        this.#counts.set(hash, (this.#counts.get(hash) ?? 0) + 1);
      }
    }
  }

  /** SHA-256 of octets, reckoned once for each view. */
  hash(octets: Uint8Array): string {
    let hash = this.#hashes.get(octets);
    if (hash === undefined) {
      hash = createHash("sha256").update(octets).digest("base64");
      this.#hashes.set(octets, hash);
    }
    return hash;
  }

  /** How many contents of the parts are just these octets. */
  count(octets: Uint8Array): number {
    return this.#sizes.has(octets.length) ? this.#counts.get(this.hash(octets)) ?? 0 : 0;
  }
}
