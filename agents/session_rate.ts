/** How many sessions a client begins in a minute, for clients that come again and again. */

const MINUTE_MS = 60_000;
/** Clients that are remembered; past it all begin anew. */
const MAX_CLIENTS = 100_000;

/**
 * Counts sessions by client in the running minute and the one before: what of the latter still lies within sixty seconds counts in
 * proportion, so that no minute's end lets twice as many through.
 */
export class SessionRate {
  #began = -Infinity;
  #now = new Map<string, number>();
  #before = new Map<string, number>();

  /**
   * Notes a session.
   *
   * @param most Sessions of one client in a minute.
   * @param time A steady clock, ms.
   * @returns false for one too many, which is not counted.
   */
  admit(client: string, most: number, time: number = performance.now()): boolean {
    this.#turn(time);
    const counted = this.#now.get(client) ?? 0;
    const share = 1 - (time - this.#began) / MINUTE_MS;
    if (counted + (this.#before.get(client) ?? 0) * share >= most) return false;
    if (this.#now.size >= MAX_CLIENTS) this.#now.clear();
    this.#now.set(client, counted + 1);
    return true;
  }

  #turn(time: number): void {
    const minutes = Math.floor((time - this.#began) / MINUTE_MS);
    if (minutes < 1) return;
    this.#before = minutes === 1 ? this.#now : new Map();
    this.#now = new Map();
    this.#began = Number.isFinite(this.#began) ? this.#began + minutes * MINUTE_MS : time;
  }
}
