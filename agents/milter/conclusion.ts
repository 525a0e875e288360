/**
 * From a whole message to what the MTA is told, in one piece: header changes, recipients, the body, and the final reply. Nothing is
 * said before every copy that the policy wanted kept is on disk.
 */
import { policyReply, type Reply } from "../smtp/replies.ts";
import type { GroupEnd } from "../way_record.ts";
import { messageRecord, messageWay, type Way, type WayGroup, type WayRequest } from "../way.ts";
import type { AddressArgument } from "./arguments.ts";
import type { MilterContext } from "./context.ts";
import { modifications } from "./modifications.ts";
import type { Agreement } from "./negotiation.ts";
import { ACCEPT, addRecipient, deleteRecipient, DISCARD, replyCode } from "./packets.ts";
import { ACTIONS } from "./protocol.ts";

/** A message that is whole. */
export interface WholeMessage {
  readonly agreement: Agreement;
  /** Header fields that the MTA sent. */
  readonly fields: number;
  /** With all recipients in its envelope. */
  readonly request: WayRequest;
  /** Recipients that share one outcome, as the MTA named them. */
  readonly together: readonly AddressArgument[];
  /** Recipients that the policy takes out before it has seen the content: discarded or kept in quarantine, whatever it is. */
  readonly apart: readonly AddressArgument[];
}

const UNCHANGEABLE: Reply =
  "554 5.7.1 Message refused: it would have to be cleaned and cannot be here";

const TWOFOLD: Reply = "451 4.7.1 Message could not be scanned: it can be read in several ways";

/** What is said of one part of the recipients. */
interface Answer {
  readonly packets: readonly Uint8Array[];
  readonly final: Uint8Array;
  readonly reply?: Reply;
}

/**
 * Scans, decides and keeps. Resolves with all octets of the answer, the final reply last.
 *
 * @throws {PosternError} `scan/cancelled` when the MTA went away in time; what the ports throw otherwise.
 */
export async function conclude(context: MilterContext, whole: WholeMessage): Promise<Uint8Array> {
  const begin = performance.now();
  const { together, apart } = whole;
  context.messages++;
  if (together.length === 0 && apart.length > 0) {
    const way = await wayOf(context, whole, apart);
    const answer = answerTo(context, whole, way, []);
    record(context, whole, apart, way, answer, begin);
    return answer.final;
  }
  const way = await wayOf(context, whole, together);
  const answer = answerTo(context, whole, way, together);
  record(context, whole, together, way, answer, begin);
  if (answer.reply !== undefined || apart.length === 0) return joined(answer);
  const other = await wayOf(context, whole, apart);
  const otherAnswer = answerTo(context, whole, other, []);
  record(context, whole, apart, other, otherAnswer, begin);
  if (otherAnswer.reply !== undefined) return otherAnswer.final; // could not be kept: all of it comes again
  if (answer.final === DISCARD) return DISCARD;
  const [first, second] = partedAt(answer.packets);
  return joined({ ...answer, packets: [...first, ...apart.map(deleted), ...second] });
}

/**
 * Recipients are deleted before the body, whose chunks must be the last and together, and before others are added: among those may
 * be one who was not to get the message as it is, but gets that of others.
 */
function partedAt(
  packets: readonly Uint8Array[],
): readonly [readonly Uint8Array[], readonly Uint8Array[]] {
  const place = packets.findIndex((packet) => "+-b".includes(String.fromCharCode(packet[4]!)));
  return place === -1 ? [packets, []] : [packets.slice(0, place), packets.slice(place)];
}

function envelopeOf({ request }: WholeMessage, recipients: readonly AddressArgument[]): WayRequest {
  // A message without recipients (they may stand in its header) is scanned for nobody in particular.
  const addresses = recipients.length === 0 ? [""] : recipients.map(({ address }) => address);
  return { ...request, envelope: { ...request.envelope, recipients: addresses } };
}

function wayOf(
  { ports }: MilterContext,
  whole: WholeMessage,
  recipients: readonly AddressArgument[],
): Promise<Way> {
  return messageWay(ports, envelopeOf(whole, recipients));
}

function record(
  { ports }: MilterContext,
  whole: WholeMessage,
  recipients: readonly AddressArgument[],
  way: Way,
  { reply }: Answer,
  begin: number,
): void {
  const end: GroupEnd = reply === undefined ? {} : { reply };
  const request = envelopeOf(whole, recipients);
  const total = performance.now() - begin;
  ports.record(messageRecord(request, way, way.groups.map(() => end), { total }));
}

/** What one outcome comes to; the way of a milter has one group. */
function answerTo(
  context: MilterContext,
  whole: WholeMessage,
  way: Way,
  recipients: readonly AddressArgument[],
): Answer {
  const group = way.groups[0];
  if (!group) return refused("451 4.3.0 Try again later");
  const { outcome } = group;
  switch (outcome.action) {
    case "reject":
      return refused(policyReply(outcome.reply, "554 5.7.1 Refused by policy"));
    case "defer":
      return refused(policyReply(outcome.reply, "451 4.7.1 Try again later"));
    case "discard":
    case "quarantine":
      return { packets: [], final: DISCARD };
    default:
      return goesOn(context, whole, group, recipients);
  }
}

function refused(reply: Reply): Answer {
  return { packets: [], final: replyCode(reply), reply };
}

/** Accepted or redirected: with its changes, as far as the MTA can make them. */
function goesOn(
  { ports, settings }: MilterContext,
  whole: WholeMessage,
  { outcome, message, remade }: WayGroup,
  recipients: readonly AddressArgument[],
): Answer {
  const { agreement, fields, request } = whole;
  const { header, body, lacking } = modifications(
    agreement,
    request.message,
    fields,
    message ?? [request.message],
  );
  if (lacking.length > 0) {
    ports.log("warning", "The mail server does not let its filter do what the policy asks", {
      queueId: request.queueId,
      listener: settings.listener,
      cannot: lacking.join(", "),
    });
    // A mark can be done without; what was to be taken out cannot be let in.
    const { replies } = outcome.settings;
    if (outcome.status === "cleaned" || outcome.status === "deleted") {
      return refused(policyReply(replies.infected, UNCHANGEABLE));
    }
    if (remade) return refused(policyReply(replies.notScanned, TWOFOLD));
  }
  const redirecting = ACTIONS.addRecipients | ACTIONS.deleteRecipients;
  if (outcome.action === "redirect" && (agreement.actions & redirecting) !== redirecting) {
    ports.log("error", "The mail server does not let its filter change recipients", {
      queueId: request.queueId,
      listener: settings.listener,
    });
    return refused("451 4.3.5 Recipients cannot be changed here, try again later");
  }
  const targets = outcome.action === "redirect"
    ? [
      ...recipients.map(deleted),
      ...[...new Set(outcome.redirect)].map((address) => addRecipient(`<${address}>`)),
    ]
    : [];
  return { packets: [...header, ...targets, ...body], final: ACCEPT };
}

function deleted({ raw }: AddressArgument): Uint8Array {
  return deleteRecipient(raw);
}

function joined({ packets, final }: Answer): Uint8Array {
  const all = [...packets, final];
  const octets = new Uint8Array(all.reduce((sum, each) => sum + each.length, 0));
  let at = 0;
  for (const each of all) {
    octets.set(each, at);
    at += each.length;
  }
  return octets;
}
