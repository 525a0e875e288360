import type { AgentPorts } from "../ports.ts";
import { MAX_CACHED } from "./limits.ts";

/** One message that is kept for the next time it is asked for. */
interface Entry<Value> {
  readonly value: Value;
  readonly octets: number;
}

/**
 * What was fetched and scanned, for when it is asked for again: bounded in octets for the whole agent, the longest unused goes
 * first. Its octets count among those that the node has in flight; where the node is full nothing is kept, and a message is
 * fetched again.
 */
export class MessageCache<Value> {
  readonly #ports: AgentPorts;
  readonly #entries = new Map<string, Entry<Value>>();
  #held = 0;
  /** Most octets; less takes effect with the next message. */
  maxOctets: number;

  constructor(ports: AgentPorts, maxOctets: number) {
    this.#ports = ports;
    this.maxOctets = maxOctets;
  }

  /** Octets kept now. */
  get octets(): number {
    return this.#held;
  }

  /** What is kept under a key; it counts as used. */
  get(key: string): Value | undefined {
    const entry = this.#entries.get(key);
    if (!entry) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.value;
  }

  /** Keeps a value where there is room for it, or room can be made. */
  async set(key: string, value: Value, octets: number): Promise<void> {
    this.delete(key);
    if (octets > this.maxOctets || !await this.#ports.reserve(octets)) return;
    this.delete(key); // another may have been there first
    this.#entries.set(key, { value, octets });
    this.#held += octets;
    for (const oldest of this.#entries.keys()) {
      if (this.#held <= this.maxOctets && this.#entries.size <= MAX_CACHED) break;
      this.delete(oldest);
    }
  }

  /** Forgets one. */
  delete(key: string): void {
    const entry = this.#entries.get(key);
    if (!entry) return;
    this.#entries.delete(key);
    this.#held -= entry.octets;
    this.#ports.release(entry.octets);
  }
}
