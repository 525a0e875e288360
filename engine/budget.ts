import type { NotScannedReason, ScanLimits } from "./types.ts";

/** How often the clock is read: every so many charges. */
const CLOCK_EVERY = 64;

/**
 * One budget for one scanned object, all levels together. Each charge answers whether work may go on; once something is over,
 * its reason stays in {@link Budget.breaches} and the object cannot come out clean. Nothing throws: what was read stays read.
 */
export class Budget {
  readonly limits: ScanLimits;
  readonly #now: () => number;
  readonly #deadline: number;
  readonly #breaches = new Set<NotScannedReason>();
  #files = 0;
  #octets = 0;
  #charges = 0;
  #deepest = 0;
  /** What is used since {@link Budget.note}. */
  #noted = { files: 0, octets: 0, breaches: 0, deepest: 0, reach: 0 };

  constructor(limits: ScanLimits, now: () => number = () => performance.now()) {
    this.limits = limits;
    this.#now = now;
    this.#deadline = now() + limits.timeMs;
  }

  /** Reasons met so far, in the order met. */
  get breaches(): readonly NotScannedReason[] {
    return [...this.#breaches];
  }

  /** What was used so far of files, octets and depth. */
  get used(): { readonly files: number; readonly octets: number; readonly depth: number } {
    return { files: this.#files, octets: this.#octets, depth: this.#deepest };
  }

  /** Octets that may still be unpacked: give it to decoders as their output limit. */
  get octetsLeft(): number {
    return Math.max(0, this.limits.octets - this.#octets);
  }

  /**
   * Octets that may still be unpacked, or the caller's own bound where that is less: what comes out below the own bound does not
   * hang on how much was unpacked before.
   */
  octetsUpTo(bound: number): number {
    this.#noted.reach = Math.max(this.#noted.reach, this.#octets - this.#noted.octets + bound);
    return Math.min(this.octetsLeft, bound);
  }

  /** From here on, what is used is noted, too. */
  note(): void {
    this.#noted = { files: this.#files, octets: this.#octets, breaches: 0, deepest: 0, reach: 0 };
  }

  /**
   * What was used since {@link Budget.note}: how often something was over, the deepest nesting that was asked for, and how many
   * octets from there {@link Budget.octetsUpTo} had a bound at.
   */
  noted(): {
    readonly files: number;
    readonly octets: number;
    readonly breaches: number;
    readonly deepest: number;
    readonly reach: number;
  } {
    const { files, octets } = this.#noted;
    return { ...this.#noted, files: this.#files - files, octets: this.#octets - octets };
  }

  /** Uses at once what was noted another time; the caller has seen that it fits. */
  charge(files: number, octets: number, deepest: number): void {
    this.#files += files;
    this.#octets += octets;
    this.#deepest = Math.max(this.#deepest, deepest);
  }

  /** Records a reason found elsewhere (`encrypted`, `malformed`, ...). */
  breach(reason: NotScannedReason): false {
    this.#breaches.add(reason);
    this.#noted.breaches++;
    return false;
  }

  /** One more part or entry. */
  file(): boolean {
    return ++this.#files <= this.limits.files || this.breach("files");
  }

  /** Octets that were unpacked or decoded. */
  unpacked(octets: number): boolean {
    this.#octets += octets;
    return this.#octets <= this.limits.octets || this.breach("octets");
  }

  /** Nesting, 0 for the object itself. */
  depth(depth: number): boolean {
    if (depth > this.#deepest) this.#deepest = depth;
    if (depth > this.#noted.deepest) this.#noted.deepest = depth;
    return depth <= this.limits.depth || this.breach("depth");
  }

  /** A container's packed and unpacked sizes; small ones may have any ratio. */
  ratio(packed: number, unpacked: number): boolean {
    if (unpacked <= 1 << 20) return true;
    return unpacked <= packed * this.limits.ratio || this.breach("ratio");
  }

  /** Whether there is time left, by the clock itself: after steps that may take long. */
  timeNow(): boolean {
    if (this.#breaches.has("time")) return false;
    return this.#now() < this.#deadline || this.breach("time");
  }

  /** Whether there is time left; cheap enough for inner loops. */
  time(): boolean {
    if (this.#breaches.has("time")) return false;
    if (this.#charges++ % CLOCK_EVERY !== 0) return true;
    return this.#now() < this.#deadline || this.breach("time");
  }
}
