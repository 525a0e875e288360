/** Whose first try has to come again: what an outcome at the recipient phase and its facts say of greylisting. */
import type { Facts, Outcome, ResolvedSettings } from "./types.ts";

/** How long what waits; milliseconds, and the number of {@link ResolvedSettings.greylist}. */
export type GreylistTerms = Pick<
  ResolvedSettings["greylist"],
  "delay" | "window" | "keep" | "proven"
>;

/** Gates that are asked about recipients while the sending server still has the message in its own queue. */
export const GREYLISTING_AGENTS = ["smtp", "milter", "delegation"] as const;

/**
 * What holds for a mail whose client, sender and recipient are not known yet.
 *
 * It never waits where waiting gains nothing or may lose mail:
 * - where a rule has given an action, or it is refused or dropped anyway;
 * - from inside, from whoever has logged in, and from this machine: their servers come again, or are no servers at all;
 * - from the null sender: bounces, and servers that ask whether an address of ours exists before they take our own mail. Some of
 *   these take a temporary refusal for an answer.
 *
 * @param outcome At the recipient phase.
 * @returns `undefined` where it does not wait.
 */
export function greylistTerms(outcome: Outcome, facts: Facts): GreylistTerms | undefined {
  const { greylist } = outcome.settings;
  if (greylist.action !== "delay") return undefined; // all that mail costs where nobody greylists
  if (outcome.final && (outcome.action !== "accept" || outcome.by.startsWith("rule:"))) {
    return undefined;
  }
  const { agent, client, user, sender, direction } = facts;
  if (!GREYLISTING_AGENTS.some((each) => each === agent)) return undefined;
  if (!client || user || !sender || direction !== "inbound" || isLoopback(client)) return undefined;
  return greylist;
}

function isLoopback(client: string): boolean {
  return client.startsWith("127.") || client === "::1";
}
