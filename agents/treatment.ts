/** What makes recipients of one message alike before its content is known, where there can be one answer alone. */
import type { Outcome } from "../policy/types.ts";

/** Said of a recipient who is treated otherwise than the first. */
export const TREATED_APART = "452 4.5.3 This recipient has other settings, send to it apart";

/** Outcomes are shared by all mail that is treated so: few are told twice. */
const told = new WeakMap<Outcome, string>();

/** The same text for outcomes that come to the same. How a first try waits tells nobody apart: it is over when the content comes. */
export function treatment(outcome: Outcome): string {
  let text = told.get(outcome);
  if (text === undefined) {
    const { action, final, redirect } = outcome;
    const { greylist: _, ...settings } = outcome.settings;
    told.set(outcome, text = JSON.stringify([action, final, redirect, settings]));
  }
  return text;
}
