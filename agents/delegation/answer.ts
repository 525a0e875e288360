/** What is answered to a request: the policy's word on client, sender or recipient, as far as it is final by then. */
import type { Envelope } from "../../policy/types.ts";
import { bareAddress } from "../bare_address.ts";
import { earlyWord, refuseEarly } from "../early_word.ts";
import { greylisted } from "../greylisting.ts";
import { newQueueId } from "../queue_id.ts";
import type { FactsSource } from "../way.ts";
import type { DelegationContext, DelegationSettings } from "./context.ts";
import type { DelegationRequest } from "./request_decoder.ts";

/** No word: other restrictions of the mail server go on. */
const NO_WORD = "DUNNO";
/** The mail server says 450, and 4.7.1 with the text behind it. */
const IF_PERMIT = "DEFER_IF_PERMIT 4.7.1";

/** States in which there is a sender, and perhaps a recipient. */
const WITH_SENDER = new Set(["MAIL", "RCPT", "DATA", "BDAT", "END-OF-MESSAGE"]);

/**
 * Answers one request.
 *
 * @returns The action, as access(5) has it: `DUNNO`, or a reply such as `550 5.7.1 text`. A first try is deferred only if all else
 * lets it in: a recipient that is not there is refused for good.
 */
export async function answer(
  context: DelegationContext,
  settings: DelegationSettings,
  request: DelegationRequest,
): Promise<string> {
  const { ports } = context;
  const tree = ports.policy();
  const source: FactsSource = {
    agent: "delegation",
    listener: settings.listener,
    time: Date.now(),
    tls: (request.get("encryption_protocol") ?? "") !== "",
    tree,
    envelope: envelopeOf(request),
    ...(settings.direction === undefined ? {} : { direction: settings.direction }),
  };
  const recipient = request.get("protocol_state") === "VRFY" ? "" : request.get("recipient") ?? "";
  const recipients = recipient === "" ? [] : [bareAddress(recipient)];
  const word = earlyWord(source, recipients[0]);
  const queueId = request.get("queue_id") || newQueueId(source.time);
  const reply = refuseEarly(ports, source, word, queueId);
  if (reply !== undefined) return reply;
  if (request.get("protocol_state") !== "RCPT") return NO_WORD;
  const { facts, outcome } = word;
  return await greylisted({ ports, source, queueId, facts, outcome, code: IF_PERMIT }) ?? NO_WORD;
}

function envelopeOf(request: DelegationRequest): Partial<Envelope> {
  const value = (name: string) => {
    const given = request.get(name);
    return given === undefined || given === "" || given === "unknown" ? undefined : given;
  };
  const client = value("client_address");
  const clientName = value("client_name");
  const helo = value("helo_name");
  const user = value("sasl_username");
  return {
    ...(client === undefined ? {} : { client }),
    ...(clientName === undefined ? {} : { clientName }),
    ...(helo === undefined ? {} : { helo }),
    ...(user === undefined ? {} : { user }),
    ...(WITH_SENDER.has(request.get("protocol_state") ?? "")
      ? { sender: bareAddress(request.get("sender") ?? "") }
      : {}),
  };
}
