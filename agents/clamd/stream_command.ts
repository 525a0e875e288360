import { describe } from "../describe.ts";
import { OctetCollector } from "../octet_collector.ts";
import { Reservation } from "../session_books.ts";
import type { ClamdContext, ClamdSettings } from "./context.ts";
import { judge } from "./judge.ts";
import { RESERVE_STEP_OCTETS } from "./limits.ts";
import { answerLine } from "./replies.ts";

/** One INSTREAM: collects the object, then asks about it. */
export class StreamCommand {
  readonly #context: ClamdContext;
  readonly #settings: ClamdSettings;
  readonly #client: string;
  readonly #held: Reservation;
  readonly #collector = new OctetCollector();
  readonly #began = performance.now();
  #received = 0;
  #noRoom = false;

  constructor(context: ClamdContext, settings: ClamdSettings, client: string) {
    this.#context = context;
    this.#settings = settings;
    this.#client = client;
    this.#held = new Reservation(context.ports);
  }

  /** Octets came. */
  received(octets: number): void {
    this.#received += octets;
  }

  /** How long the rest may take, ms: a fixed time for all of it, and a millisecond more for each octet that came. */
  get patienceMs(): number {
    const { dataMs } = this.#settings;
    return Math.max(1, dataMs + this.#received - (performance.now() - this.#began));
  }

  /** Keeps a piece; where the node holds as much as it may, the object is read to its end and dropped. */
  async push(octets: Uint8Array): Promise<void> {
    if (this.#noRoom) return;
    const capacity = this.#collector.capacityWith(octets.length);
    if (await this.#held.grow(capacity, RESERVE_STEP_OCTETS)) return this.#collector.push(octets);
    this.#noRoom = true;
    this.release();
  }

  /** Asks about the object. @returns `OK`, `NAME FOUND`, `REASON ERROR`. */
  async answer(signal: AbortSignal): Promise<string> {
    if (this.#noRoom) return "Not scanned: busy ERROR";
    this.#context.active++;
    try {
      const octets = this.#collector.octets();
      return answerLine(await judge(this.#context, this.#settings, octets, this.#client, signal));
    } catch (error) {
      if (signal.aborted) throw error;
      this.#context.ports.log("error", "Cannot scan an object", {
        listener: this.#settings.listener,
        error: describe(error),
      });
      return "Not scanned: failed ERROR";
    } finally {
      this.#context.active--;
      this.release();
    }
  }

  /** Forgets the object. */
  release(): void {
    this.#collector.clear();
    this.#held.release();
  }
}
