/** The policy's word before any message is read: on the client, on the sender, on a recipient. */
import { decide } from "../policy/decide.ts";
import type { Facts, Outcome, Phase } from "../policy/types.ts";
import type { AgentPorts } from "./ports.ts";
import { newQueueId } from "./queue_id.ts";
import { recordRefusal } from "./session_books.ts";
import { refusalOf, type Reply } from "./smtp/replies.ts";
import { type FactsSource, recipientFacts, senderFacts } from "./way.ts";

/** What the policy says, and on whom. */
export interface EarlyWord {
  readonly phase: Phase;
  readonly facts: Facts;
  readonly outcome: Outcome;
  /** The one that it is about; none for a client or a sender. */
  readonly recipients: readonly string[];
}

/**
 * Asks at the phase that is come to: the first of client, sender and recipient of whom it was not asked yet.
 *
 * @param source With a sender where there is one; the null sender is `""`.
 */
export function earlyWord(source: FactsSource, recipient?: string): EarlyWord {
  const phase = source.envelope.sender === undefined
    ? "connect"
    : recipient === undefined
    ? "sender"
    : "recipient";
  const facts = phase === "recipient"
    ? recipientFacts(source, recipient ?? "")
    : senderFacts(source);
  const recipients = recipient === undefined ? [] : [recipient];
  return { phase, facts, outcome: decide(source.tree, phase, facts), recipients };
}

/** @returns the reply of who is refused, which is recorded; `undefined` for who is not. */
export function refuseEarly(
  ports: AgentPorts,
  source: FactsSource,
  { phase, outcome, recipients }: EarlyWord,
  queueId: string = newQueueId(),
): Reply | undefined {
  const reply = refusalOf(outcome);
  if (reply !== undefined) {
    recordRefusal(ports, source, queueId, recipients, reply, outcome, phase);
  }
  return reply;
}
