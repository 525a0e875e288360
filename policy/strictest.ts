import type { Action, Outcome } from "./types.ts";

/** The strictest first. */
const ORDER: readonly Action[] = ["reject", "defer", "quarantine", "discard", "redirect", "accept"];

/**
 * The outcome for a message that can have only one, of those of its recipients: the strictest in the order reject, defer,
 * quarantine, discard, redirect, accept; the first of equals. A copy is kept if any recipient's outcome keeps one and the message
 * is not deferred.
 *
 * @param outcomes At least one.
 */
export function strictest(outcomes: readonly Outcome[]): Outcome {
  const [first, ...others] = outcomes;
  if (!first) throw new RangeError("strictest() needs an outcome");
  let worst = first;
  for (const outcome of others) {
    if (ORDER.indexOf(outcome.action) < ORDER.indexOf(worst.action)) worst = outcome;
  }
  const quarantine = worst.action !== "defer" && outcomes.some((outcome) => outcome.quarantine);
  return quarantine === worst.quarantine ? worst : { ...worst, quarantine };
}
