import { decide } from "../../policy/decide.ts";
import { clientSource, textOf } from "../mailbox/gate.ts";
import { newQueueId } from "../queue_id.ts";
import { recordRefusal } from "../session_books.ts";
import { senderFacts } from "../way.ts";
import type { ImapContext } from "./context.ts";

/** Who wants in. */
export interface Applicant {
  /** Address of the client. */
  readonly client: string;
  readonly tls: boolean;
  /** Name that it has logged in with; absent before. */
  readonly user?: string;
}

/**
 * What the policy says of a client, or of one that has logged in, before any message.
 *
 * @returns the text of a refusal, with its response code (RFC 5530); `undefined` where there is none. It is recorded.
 */
export function refusalOf(
  { ports, settings }: ImapContext,
  applicant: Applicant,
): string | undefined {
  const { listener, hostname, nextHop, direction } = settings;
  const source = clientSource(
    { agent: "imap", listener, hostname, nextHop, direction, ...applicant },
    ports.policy(),
  );
  // From the sender's phase on rules on users and TLS can be decided.
  const phase = applicant.user === undefined ? "connect" : "sender";
  const outcome = decide(source.tree, phase, senderFacts(source));
  const { action, final } = outcome;
  if (!final || action !== "reject" && action !== "defer") return undefined;
  const text = action === "defer"
    ? `[UNAVAILABLE] ${textOf(outcome.reply, "Try again later")}`
    : `${phase === "sender" ? "[AUTHORIZATIONFAILED] " : ""}${
      textOf(outcome.reply, "Refused by policy")
    }`;
  recordRefusal(ports, source, newQueueId(), [], text, outcome, phase);
  return text;
}
