import type { DecisionTree } from "../../policy/tree.ts";
import { clientEnvelope } from "../client_envelope.ts";
import type { FactsSource } from "../way.ts";
import type { SmtpSettings } from "./context.ts";
import type { SmtpSession } from "./session.ts";
import type { Transaction } from "./transaction.ts";

/**
 * What the policy is told of a session before there is a message.
 *
 * @param at.time Milliseconds since 1970.
 * @param at.client Who is meant: the peer, or whom a proxy has named.
 */
export function sessionFacts(
  { lmtp, secure }: SmtpSession,
  { listener, direction }: SmtpSettings,
  { tree, time, client }: {
    readonly tree: DecisionTree;
    readonly time: number;
    readonly client: Transaction["client"];
  },
): FactsSource {
  return {
    agent: lmtp ? "lmtp" : "smtp",
    listener,
    time,
    tls: secure,
    tree,
    ...(direction === undefined ? {} : { direction }),
    envelope: clientEnvelope(client),
  };
}
