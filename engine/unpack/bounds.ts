import type { Budget } from "../budget.ts";
import type { NotScannedReason } from "../types.ts";
import { PREVIEW_OCTETS, RATIO_FREE_OCTETS } from "./limits.ts";

/**
 * How many octets one decompression may give: what is left of the budget, and no more than the ratio allows.
 *
 * @param packed Octets of the container that they come from.
 * @param claimed What the container says of its size: if that is too much, only its beginning is worth the time and memory.
 */
export function outputLimit(budget: Budget, packed: number, claimed = 0): number {
  const limit = budget.octetsUpTo(ratioLimit(budget, packed));
  return claimed > limit ? Math.min(limit, PREVIEW_OCTETS) : limit;
}

/** Records why output was cut at {@link outputLimit}, and says it. */
export function limitReason(budget: Budget, packed: number): NotScannedReason {
  const reason = budget.octetsLeft <= ratioLimit(budget, packed) ? "octets" : "ratio";
  budget.breach(reason);
  return reason;
}

function ratioLimit(budget: Budget, packed: number): number {
  return Math.max(RATIO_FREE_OCTETS, Math.floor(packed * budget.limits.ratio));
}
