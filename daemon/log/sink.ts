/** Where lines go. A sink takes lines at once, writes them in the background, and never throws. */
import {
  BATCH_OCTETS,
  CLOSE_MS,
  GATHER_MS,
  QUEUE_OCTETS,
  RETRY_MOST_MS,
  RETRY_MS,
} from "./limits.ts";
import type { LogEvent } from "./format.ts";

/** Something that writes whole lines. */
export interface Output {
  /** An event as octets, its line end included where there is one. */
  encode(event: LogEvent): Uint8Array;
  /** Writes lines in order. Rejects where that fails; `written` tells how many of them went out. */
  write(lines: readonly Uint8Array[], written: (count: number) => void): Promise<void>;
  /** Opens a file anew, as after it was renamed. */
  reopen?(): Promise<void>;
  close(): void;
}

/** A bounded queue before an output. */
export class Sink {
  readonly #output: Output;
  /** Told once when writing begins to fail. */
  readonly #failed: (error: unknown) => void;
  #queue: Uint8Array[] = [];
  #octets = 0;
  #dropped = 0;
  #failures = 0;
  #running: Promise<void> | undefined;
  #wake: (() => void) | undefined;
  /** What waits is to be written now. */
  #urgent = false;
  #hurry: (() => void) | undefined;
  #closed = false;
  /** Who waits for the output to be opened anew; done between two writes. */
  #reopenings: (() => void)[] = [];

  constructor(output: Output, failed: (error: unknown) => void) {
    this.#output = output;
    this.#failed = failed;
  }

  /** Lines given up since the start. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Takes an event; it is dropped and counted where too much waits already. */
  take(event: LogEvent): void {
    if (this.#closed) return;
    const line = this.#output.encode(event);
    if (this.#octets + line.length > QUEUE_OCTETS) {
      this.#dropped++;
      return;
    }
    this.#queue.push(line);
    this.#octets += line.length;
    if (event.level === "warning" || event.level === "error" || this.#octets >= BATCH_OCTETS) {
      this.#now();
    }
    this.#start();
  }

  #now(): void {
    this.#urgent = true;
    this.#hurry?.();
  }

  #start(): void {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      for (const done of this.#reopenings.splice(0)) done(); // closed meanwhile
    });
  }

  async #run(): Promise<void> {
    while (this.#queue.length > 0 || this.#reopenings.length > 0) {
      await this.#gather();
      if (this.#reopenings.length > 0) await this.#reopenNow();
      const batch: Uint8Array[] = [];
      let octets = 0;
      for (const line of this.#queue) {
        if (batch.length > 0 && octets + line.length > BATCH_OCTETS) break;
        batch.push(line);
        octets += line.length;
      }
      let done = 0;
      try {
        await this.#output.write(batch, (count) => done += count);
        this.#failures = 0;
      } catch (error) {
        if (this.#failures++ === 0) this.#failed(error);
      }
      for (const line of this.#queue.splice(0, done)) this.#octets -= line.length;
      if (this.#failures > 0) {
        if (this.#closed) return;
        await this.#pause();
      }
    }
  }

  /** A write costs as much as ten lines: what is said within a short while goes out in one. */
  async #gather(): Promise<void> {
    await Promise.resolve();
    if (!this.#urgent) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, GATHER_MS);
        this.#hurry = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#hurry = undefined;
    }
    this.#urgent = this.#octets > BATCH_OCTETS;
  }

  async #pause(): Promise<void> {
    const wait = Math.min(RETRY_MS * 2 ** Math.min(this.#failures - 1, 10), RETRY_MOST_MS);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, wait);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = undefined;
  }

  async #reopenNow(): Promise<void> {
    const waiting = this.#reopenings.splice(0);
    try {
      await this.#output.reopen?.();
    } catch (error) {
      this.#failed(error); // the next write tries to open it again
    }
    for (const done of waiting) done();
  }

  /** Opens the output anew; what waits is written to the new one, at once. Never rejects. */
  async reopen(): Promise<void> {
    this.#wake?.();
    if (!this.#output.reopen || this.#closed) return;
    await new Promise<void>((resolve) => {
      this.#reopenings.push(resolve);
      this.#now();
      this.#start();
    });
  }

  /** Resolves when all that was taken is written, or writing fails. */
  async drain(): Promise<void> {
    while (this.#running && this.#failures === 0) {
      this.#now();
      await Promise.race([this.#running, new Promise((resolve) => setTimeout(resolve, 20))]);
    }
  }

  /** Writes what waits, for {@link CLOSE_MS} at most. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#now();
    this.#wake?.();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const timeout = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, CLOSE_MS);
    });
    await Promise.race([this.#running, timeout]);
    clearTimeout(timer);
    this.#output.close();
  }
}
