import { OctetCollector } from "./octet_collector.ts";
import type { AgentPorts } from "./ports.ts";
import { Reservation } from "./session_books.ts";

/** Octets reserved for an object before more is asked for. */
const RESERVE_STEP_OCTETS = 256 * 1024;

/** An object that a client sends: its octets, accounted for, and the time that it may take. */
export class IncomingObject {
  readonly #held: Reservation;
  readonly #collector = new OctetCollector();
  readonly #began = performance.now();
  readonly #timeMs: number;
  #received = 0;
  #noRoom = false;

  /** @param timeMs For the whole of it; each octet that comes gives a millisecond more. */
  constructor(ports: AgentPorts, timeMs: number) {
    this.#held = new Reservation(ports);
    this.#timeMs = timeMs;
  }

  /** Whether the node held as much as it may; the object is dropped then. */
  get noRoom(): boolean {
    return this.#noRoom;
  }

  /** Octets that are kept. */
  get length(): number {
    return this.#collector.length;
  }

  /** How long the rest may take, ms; at least 1. */
  get patienceMs(): number {
    return Math.max(1, this.#timeMs + this.#received - (performance.now() - this.#began));
  }

  /** Octets came from the client, kept or not. */
  received(octets: number): void {
    this.#received += octets;
  }

  /** Keeps a piece; where there is no room for it the object is forgotten, and what follows is read and dropped. */
  async push(octets: Uint8Array): Promise<void> {
    if (this.#noRoom) return;
    const capacity = this.#collector.capacityWith(octets.length);
    if (await this.#held.grow(capacity, RESERVE_STEP_OCTETS)) return this.#collector.push(octets);
    this.#noRoom = true;
    this.release();
  }

  /** All that was kept, without a copy; nothing may be added afterwards, and they are accounted for until the release. */
  octets(): Uint8Array {
    return this.#collector.octets();
  }

  /** Forgets the octets; nobody may look at them any more. */
  release(): void {
    this.#collector.clear();
    this.#held.release();
  }
}
