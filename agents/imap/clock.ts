/** One deadline that is moved often and seldom comes: its timer is set anew only when it must be. */
export class Clock {
  readonly #expire: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #due = 0;
  #at = 0;

  /** @param expire Called once the time is over. */
  constructor(expire: () => void) {
    this.#expire = expire;
  }

  /** The time is over in so many ms from now. */
  set(ms: number): void {
    const now = performance.now();
    this.#at = now + ms;
    if (this.#timer !== undefined && this.#due <= this.#at) return;
    clearTimeout(this.#timer);
    this.#start(ms);
  }

  /** Takes the deadline away. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#at = Infinity;
  }

  #start(ms: number): void {
    this.#due = performance.now() + ms;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      const left = this.#at - performance.now();
      if (left > 1) this.#start(left);
      else this.#expire();
    }, Math.min(ms, 2 ** 31 - 1));
  }
}
