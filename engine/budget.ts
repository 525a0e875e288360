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

  /** Records a reason found elsewhere (`encrypted`, `malformed`, ...). */
  breach(reason: NotScannedReason): false {
    this.#breaches.add(reason);
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
