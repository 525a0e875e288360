/** The gate before one engine: so many objects at once, so many that wait, a time limit, and rest for one that is not there. */
import { PosternError } from "../../errors.ts";
import { type EngineAnswer, silent } from "./answer.ts";
import { ConnectError } from "./connect.ts";
import { BACK_OFF_MS, TROUBLES_OF_DEAD, WAITING_PER_PLACE } from "./limits.ts";

/** Asks about one object; rejects where there is no answer. */
export type Converse = (octets: Uint8Array, signal: AbortSignal) => Promise<EngineAnswer>;

/** Bounds of a gate. */
export interface GateOptions {
  /** Longest wait of one who asks, ms. */
  readonly timeMs: number;
  /** Largest object, octets. */
  readonly maxOctets: number;
  readonly concurrency: number;
}

/** One engine. Never rejects: what goes wrong is an answer. */
export class EngineGate {
  readonly #options: GateOptions;
  readonly #converse: Converse;
  readonly #waiting: (() => void)[] = [];
  readonly #now: () => number;
  #busy = 0;
  /** Failures in a row to reach it. */
  #failures = 0;
  /** Conversations in a row that came to nothing. */
  #troubles = 0;
  #restUntil = 0;
  #lastFailure = "";

  constructor(options: GateOptions, converse: Converse, now: () => number = Date.now) {
    this.#options = options;
    this.#converse = converse;
    this.#now = now;
  }

  /** Asks about one object. @param cancelled Aborted when nobody waits for the answer any more. */
  async ask(octets: Uint8Array, cancelled?: AbortSignal): Promise<EngineAnswer> {
    const { maxOctets, timeMs } = this.#options;
    if (octets.length > maxOctets) {
      return silent("size", `${octets.length} octets, and at most ${maxOctets} are given to it`);
    }
    if (this.#now() < this.#restUntil) {
      return silent("unreachable", `left alone for a while: ${this.#lastFailure}`);
    }
    const over = new AbortController();
    const timer = setTimeout(() => over.abort(TIME), timeMs);
    const leave = () => over.abort(CANCELLED);
    if (cancelled?.aborted) leave();
    cancelled?.addEventListener("abort", leave, { once: true });
    try {
      return await this.#inTurn(octets, over.signal);
    } finally {
      clearTimeout(timer);
      cancelled?.removeEventListener("abort", leave);
    }
  }

  async #inTurn(octets: Uint8Array, signal: AbortSignal): Promise<EngineAnswer> {
    const { concurrency } = this.#options;
    if (this.#busy >= concurrency) {
      if (this.#waiting.length >= concurrency * WAITING_PER_PLACE) {
        return silent("busy", `${this.#waiting.length} messages wait for it already`);
      }
      // Whoever waited in vain says nothing of the engine: those before him do.
      if (!await this.#turn(signal)) return this.#late(signal);
    } else this.#busy++;
    try {
      const answer = await this.#converse(octets, signal);
      this.#failures = this.#troubles = 0;
      return answer;
    } catch (error) {
      if (!signal.aborted) return this.#failed(error);
      if (signal.reason === TIME) this.#trouble("no answer in time");
      return this.#late(signal);
    } finally {
      this.#next();
    }
  }

  /** Waits for a free place; false where the wait is over before. The place is the waiter's then. */
  #turn(signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return Promise.resolve(false);
    return new Promise((resolve) => {
      const called = () => {
        signal.removeEventListener("abort", gone);
        resolve(true);
      };
      const gone = () => {
        this.#waiting.splice(this.#waiting.indexOf(called), 1);
        resolve(false);
      };
      signal.addEventListener("abort", gone, { once: true });
      this.#waiting.push(called);
    });
  }

  #next(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#busy--;
  }

  #late(signal: AbortSignal): EngineAnswer {
    return signal.reason === TIME
      ? silent("time", `no answer within ${this.#options.timeMs} ms`)
      : silent("cancelled", "nobody waits for it any more");
  }

  #failed(error: unknown): EngineAnswer {
    const words = error instanceof Error ? error.message : String(error);
    if (error instanceof PosternError && error.code === "wire/too-long") {
      return silent("malformed", words);
    }
    if (error instanceof ConnectError) this.#rest(words);
    else this.#trouble(words);
    return silent("unreachable", words);
  }

  #trouble(words: string): void {
    if (++this.#troubles >= TROUBLES_OF_DEAD) this.#rest(words);
  }

  #rest(words: string): void {
    const ms = BACK_OFF_MS[Math.min(this.#failures++, BACK_OFF_MS.length - 1)] ?? 0;
    this.#lastFailure = words;
    this.#restUntil = this.#now() + ms;
  }
}

const TIME = "time";
const CANCELLED = "cancelled";
