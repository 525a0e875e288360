import { freeOctets, growOctets } from "../../free_octets.ts";
import { MAX_CHUNK_DIGITS } from "./limits.ts";

/** Collects the chunks of BDAT (RFC 3030): octets by count, never by lines. */
export class ChunkCollector {
  readonly #maxOctets: number;
  #octets: Uint8Array;
  #length = 0;
  #left = 0;
  #last = false;
  #dropping = false;
  /** Chunks begun. */
  chunks = 0;

  /** @param maxOctets Largest message; `declared` is what the client said it will send, or 0. */
  constructor(maxOctets: number, declared: number) {
    this.#maxOctets = maxOctets;
    this.#octets = new Uint8Array(Math.max(Math.min(declared, maxOctets, 1 << 26), 16 * 1024));
  }

  /** Octets held for the message now. */
  get capacity(): number {
    return this.#octets.length;
  }

  /** Octets of the current chunk that have not come. */
  get left(): number {
    return this.#left;
  }

  /** Whether the current chunk ends the message. */
  get last(): boolean {
    return this.#last;
  }

  /** Whether all chunks together are larger than the limit; they are then no longer kept. */
  get tooLarge(): boolean {
    return this.#dropping;
  }

  /** Begins a chunk of so many octets. */
  begin(octets: number, last: boolean): void {
    this.chunks++;
    this.#left = octets;
    this.#last = last;
    if (this.#length + octets > this.#maxOctets) this.drop();
  }

  /** Keeps nothing from here on, but still counts. */
  drop(): void {
    this.#dropping = true;
    freeOctets(this.#octets);
    this.#octets = new Uint8Array(0);
    this.#length = 0;
  }

  /** @returns octets used; the chunk is whole when {@link ChunkCollector.left} is 0. */
  take(chunk: Uint8Array): number {
    const used = Math.min(chunk.length, this.#left);
    this.#left -= used;
    if (this.#dropping || used === 0) return used;
    const wanted = this.#length + used;
    if (wanted > this.#octets.length) {
      this.#octets = growOctets(this.#octets, this.#length, wanted);
    }
    this.#octets.set(chunk.subarray(0, used), this.#length);
    this.#length = wanted;
    return used;
  }

  /** The message; its own copy. Call once, at its end. */
  message(): Uint8Array {
    const message = this.#octets.slice(0, this.#length);
    freeOctets(this.#octets);
    return message;
  }
}

/** @returns the arguments of BDAT; `undefined` when they are none, and then where the chunk ends is not known. */
export function parseChunk(argument: string): { size: number; last: boolean } | undefined {
  const match = /^(\d+)(?: +(LAST))?$/i.exec(argument);
  if (!match || match[1]!.length > MAX_CHUNK_DIGITS) return undefined;
  return { size: Number(match[1]), last: match[2] !== undefined };
}
