/** Says that the quarantine is full: what was deleted before its time. The first at once, the next ones together. */
import type { Report } from "./status.ts";

/** Between two lines about it, ms: a flood of mail must not become a flood of lines. */
const QUIET_MS = 60_000;

/** Counts what the quarantine had no room for any more. */
export class Evictions {
  readonly #report: Report;
  readonly #now: () => number;
  #count = 0;
  #saidAt = -Infinity;

  constructor(report: Report, now: () => number = () => performance.now()) {
    this.#report = report;
    this.#now = now;
  }

  /** So many of the oldest messages were deleted for want of room. */
  note(count: number): void {
    this.#count += count;
    if (this.#now() - this.#saidAt >= QUIET_MS) this.flush();
  }

  /** Says what was not said yet. */
  flush(): void {
    if (this.#count === 0) return;
    this.#saidAt = this.#now();
    this.#report(
      "warning",
      "The quarantine is full: its oldest messages are deleted before their time",
      {
        deleted: this.#count,
      },
    );
    this.#count = 0;
  }
}
