import type { Budget } from "../budget.ts";
import type { NotScannedReason } from "../types.ts";
import { RATIO_FREE_OCTETS } from "./limits.ts";

/**
 * How many octets one decompression may give: what is left of the budget, and no more than the ratio allows.
 *
 * @param packed Octets of the container that they come from.
 */
export function outputLimit(budget: Budget, packed: number): number {
  return Math.min(budget.octetsLeft, ratioLimit(budget, packed));
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
