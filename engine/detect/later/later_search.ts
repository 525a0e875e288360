/** Looks for what waits for octets, in one content. */
import { MAX_MATCHES, MAX_REGEX_STEPS, REGEX_STEPS_PER_OCTET } from "../limits.ts";
import { holds } from "../logical_expression.ts";
import { compares } from "./byte_compare.ts";
import type { LaterSubsignature } from "./laters.ts";
import { OutOfSteps, type Steps } from "./regex_matcher.ts";
import { countMatches, type RegexSubsignature, type RegexWindow } from "./regex_subsignature.ts";

/** One search; all of its expressions share their steps. */
export class LaterSearch {
  /** Whether steps ran out: something was not looked for. */
  exhausted = false;
  readonly #octets: Uint8Array;
  readonly #steps: Steps;
  readonly #windowOf: (sub: RegexSubsignature) => RegexWindow | undefined;

  /** @param windowOf Where an expression may begin; `undefined` where the content has no such place. */
  constructor(
    octets: Uint8Array,
    windowOf: (sub: RegexSubsignature) => RegexWindow | undefined,
  ) {
    this.#octets = octets;
    this.#steps = { left: MAX_REGEX_STEPS + REGEX_STEPS_PER_OCTET * octets.length };
    this.#windowOf = windowOf;
  }

  /**
   * Counts the sub-signatures of one signature.
   *
   * @param counts Of those that are octets; theirs are put in.
   * @param last Last place of each that is octets.
   */
  count(
    laters: readonly LaterSubsignature[],
    counts: Uint32Array,
    last: Float64Array,
  ): void {
    for (const { sub, later } of laters) {
      if (later.kind === "compare") {
        const place = last[later.trigger] ?? -1;
        if (place >= 0 && compares(later, this.#octets, place)) counts[sub] = 1;
      } else if (holds(later.trigger, counts)) counts[sub] = this.#matches(later);
    }
  }

  #matches(sub: RegexSubsignature): number {
    const window = this.#windowOf(sub);
    if (!window || this.exhausted) return 0;
    try {
      return Math.min(MAX_MATCHES, countMatches(sub, this.#octets, window, this.#steps));
    } catch (error) {
      if (!(error instanceof OutOfSteps)) throw error;
      this.exhausted = true;
      return 0;
    }
  }
}
