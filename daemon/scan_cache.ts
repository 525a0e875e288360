/**
 * Verdicts on what was scanned before: the same octets, asked the same. A pool has one set of signatures for its whole life, so a
 * cache lives and dies with its pool, and no verdict outlives the signatures that it was made with.
 */
import { createHash } from "node:crypto";
import type { NotScannedReason, Verdict } from "../engine/types.ts";

/** Bounds of a cache. */
export interface ScanCacheLimits {
  /** Most verdicts; 0: none is kept. */
  readonly entries: number;
  /** Most characters of all verdicts together, as JSON. */
  readonly octets: number;
  /** How long a verdict is used, ms. */
  readonly keepMs: number;
}

/** What comes twice comes soon as a rule; more verdicts are memory that mail under load is short of. */
export const SCAN_CACHE_LIMITS: ScanCacheLimits = {
  entries: 2000,
  octets: 4 * 2 ** 20,
  keepMs: 3_600_000,
};

/** Objects below this size are not kept either: to scan one takes no longer than to hash it, look it up and keep its verdict. */
const MIN_OBJECT_OCTETS = 16 * 1024;
/** Objects above this size are not kept: to hash one would hold up everything else for longer than a few milliseconds. */
const MAX_OBJECT_OCTETS = 8 * 2 ** 20;

/** Reasons that say more of the moment than of the object: it is scanned again. */
const OF_THE_MOMENT: ReadonlySet<NotScannedReason> = new Set([
  "time",
  "memory",
  "crashed",
  "poison",
  "busy",
  "cancelled",
]);

/** A verdict as text: many objects that live long would be the garbage collector's burden, and take three times the room. */
interface Entry {
  /** A scanner's answer in JSON: an object with a `verdict`. */
  readonly text: string;
  /** Milliseconds since 1970. */
  readonly time: number;
}

/** A cache of verdicts, those used last kept longest. */
export class ScanCache {
  readonly #limits: ScanCacheLimits;
  readonly #entries = new Map<string, Entry>();
  readonly #now: () => number;
  #octets = 0;

  constructor(limits: ScanCacheLimits = SCAN_CACHE_LIMITS, now: () => number = Date.now) {
    this.#limits = limits;
    this.#now = now;
  }

  /** Verdicts kept now. */
  get size(): number {
    return this.#entries.size;
  }

  /**
   * Names a request; `undefined` for one whose verdict is not kept. All of the settings are in it: a verdict depends on the limits
   * and on what was asked for as much as on the octets.
   *
   * @param settings In JSON.
   */
  key(octets: Uint8Array, settings: Uint8Array): string | undefined {
    const { length } = octets;
    if (length < MIN_OBJECT_OCTETS || length > MAX_OBJECT_OCTETS) return undefined;
    if (this.#limits.entries === 0) return undefined;
    return createHash("sha256").update(settings).update("\0").update(octets).digest("base64");
  }

  /** The verdict of a request before, with the age of the signatures brought up to date. */
  get(key: string): Verdict | undefined {
    const entry = this.#entries.get(key);
    if (!entry) return undefined;
    const age = this.#now() - entry.time;
    this.#entries.delete(key);
    if (age > this.#limits.keepMs || age < 0) {
      this.#octets -= entry.text.length;
      return undefined;
    }
    this.#entries.set(key, entry);
    const { verdict } = JSON.parse(entry.text) as { readonly verdict: Verdict };
    return verdict.signaturesAge === undefined
      ? verdict
      : { ...verdict, signaturesAge: verdict.signaturesAge + age };
  }

  /**
   * Keeps a verdict, unless it says more of the moment than of the object.
   *
   * @param text The checked answer that the verdict was read from.
   */
  set(key: string, verdict: Verdict, text: string): void {
    if (text.length > this.#limits.octets / 16) return;
    if (verdict.notScanned.some((reason) => OF_THE_MOMENT.has(reason))) return;
    this.#remove(key);
    this.#entries.set(key, { text, time: this.#now() });
    this.#octets += text.length;
    for (const oldest of this.#entries.keys()) {
      const isFull = this.#entries.size > this.#limits.entries ||
        this.#octets > this.#limits.octets;
      if (!isFull) break;
      this.#remove(oldest);
    }
  }

  #remove(key: string): void {
    const entry = this.#entries.get(key);
    if (!entry) return;
    this.#entries.delete(key);
    this.#octets -= entry.text.length;
  }
}
