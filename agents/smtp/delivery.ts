/**
 * From a whole message to what the client is told. Nothing is said before every copy is where it belongs.
 *
 * A client that is told one reply for all recipients (SMTP) cannot be told that some have their copy and others not. Then:
 *
 * | some done, and others | the client hears | and |
 * | --- | --- | --- |
 * | 4xx, from next hop or policy | that 4xx | who has a copy is remembered and passed over when the client comes again |
 * | 5xx, from next hop or policy | 250 | the copy of those is kept in quarantine, since nobody else would know of it; when it cannot be, 451 |
 * | quarantine of a wanted copy failed | 451 | nothing is delivered at all |
 *
 * An LMTP client is told each recipient's own reply.
 */
import { describe } from "../describe.ts";
import { walkHeader } from "../header_walk.ts";
import {
  BY_QUARANTINE_FAILED,
  messageRecord,
  messageWay,
  quarantineRequest,
  type Way,
  type WayGroup,
  type WayRequest,
} from "../way.ts";
import type { SmtpContext } from "./context.ts";
import { join } from "../dot_stuffing.ts";
import { latin1, normaliseLineEnds } from "../line_ends.ts";
import { MAX_RECEIVED_FIELDS } from "./limits.ts";
import { isSuccess, relayed, type RelaySender, type RelayTransaction } from "./relay_client.ts";
import { policyReply, type Reply } from "./replies.ts";
import type { RecipientArgument, Transaction } from "./transaction.ts";

/** A transaction whose message is whole. */
export interface Delivery {
  readonly transaction: Transaction;
  readonly request: WayRequest;
  /** Opened with the next hop while the client named its recipients; ended here. */
  readonly relay?: RelayTransaction;
}

/** What became of a recipient. */
type End = { readonly reply: Reply; readonly done: boolean };

const UNAVAILABLE: Reply = "451 4.4.1 The next hop cannot be reached, try again later";

/**
 * @returns the replies for the client: one, or for LMTP one a recipient.
 * @throws {PosternError} `scan/cancelled` when the client went away in time; nothing was delivered.
 */
export async function deliver(context: SmtpContext, delivery: Delivery): Promise<Reply[]> {
  const begin = performance.now();
  const { transaction } = delivery;
  const refusal = refuse(context, delivery);
  if (refusal !== undefined) {
    delivery.relay?.abort();
    return transaction.lmtp ? transaction.recipients.map(() => refusal) : [refusal];
  }
  const { message, envelope } = delivery.request;
  const served = await context.delivered.among(message, envelope.sender, envelope.recipients);
  const recipients = envelope.recipients.filter((each) => !served.has(each));
  const request = { ...delivery.request, envelope: { ...envelope, recipients } };
  const ends = new Map<string, End>();
  for (const each of served) ends.set(each, { reply: accepted(request.queueId), done: true });
  let way: Way | undefined;
  if (recipients.length > 0) {
    try {
      way = await messageWay(context.ports, request);
    } catch (error) {
      delivery.relay?.abort();
      throw error;
    }
    await actOn(context, { ...delivery, request }, way, ends);
    const groups = way.groups.map((group) => ({
      reply: ends.get(group.recipients[0]!)!.reply,
      ...(group.message ? { nextHop: context.hopText } : {}),
    }));
    const total = performance.now() - begin;
    context.ports.record(
      messageRecord(request, way, groups, { ...deliverTime(way, total), total }),
    );
  } else delivery.relay?.abort();
  context.messages++;
  if (transaction.lmtp) return envelope.recipients.map((each) => ends.get(each)!.reply);
  return [await oneReply(context, delivery, ends, way)];
}

function deliverTime(way: Way, total: number): Record<string, number> {
  const { scan = 0, clean = 0, quarantine = 0 } = way.times;
  return { deliver: total - scan - clean - quarantine };
}

/** What needs no scan to be refused. */
function refuse(context: SmtpContext, { transaction, request }: Delivery): Reply | undefined {
  const { layout, received } = walkHeader(request.message);
  if (received > MAX_RECEIVED_FIELDS) return "554 5.4.6 Too many hops";
  if (transaction.parameters.utf8 && context.pool?.offers?.smtpUtf8 === false) {
    const header = latin1(request.message, 0, layout.headerEnd);
    if (/[\x80-\xff]/.test(header)) return "550 5.6.7 The next hop cannot take UTF-8 header fields";
  }
  return undefined;
}

/** Does what each group's outcome says, and notes each recipient's end. */
async function actOn(
  context: SmtpContext,
  delivery: Delivery,
  way: Way,
  ends: Map<string, End>,
): Promise<void> {
  const { transaction, request } = delivery;
  const unkept = way.groups.find((group) => group.outcome.by === BY_QUARANTINE_FAILED);
  const relay = delivery.relay;
  const inStep = unkept && !transaction.lmtp
    ? undefined
    : way.groups.find((group) => fits(relay, group));
  if (!inStep) relay?.abort();
  for (const group of way.groups) {
    const replies = unkept && !transaction.lmtp
      ? [{ reply: policyReply(unkept.outcome.reply, "451 4.3.0 Try again later"), done: false }]
      : group.message
      ? await send(context, delivery, group, group === inStep ? relay : undefined)
      : [withoutDelivery(group, request.queueId)];
    for (const [i, recipient] of group.recipients.entries()) {
      ends.set(recipient, replies[i] ?? replies[0]!);
    }
  }
}

/** Whether the transaction that was opened in step names just this group's recipients. */
function fits(relay: RelayTransaction | undefined, group: WayGroup): boolean {
  if (!relay || !group.message || group.outcome.action !== "accept") return false;
  const { accepted } = relay;
  return accepted.length === group.recipients.length &&
    accepted.every((each, i) => each.address === group.recipients[i]);
}

function withoutDelivery({ outcome }: WayGroup, queueId: string): End {
  switch (outcome.action) {
    case "reject":
      return { reply: policyReply(outcome.reply, "554 5.7.1 Refused by policy"), done: false };
    case "defer":
      return { reply: policyReply(outcome.reply, "451 4.7.1 Try again later"), done: false };
    default: // discard and quarantine: what the sender hears does not tell
      return { reply: accepted(queueId), done: true };
  }
}

function accepted(queueId: string): Reply {
  return `250 2.0.0 Ok id=${queueId}`;
}

/** Delivers a group's copy. @returns an end a recipient, or one for all. Never rejects. */
async function send(
  context: SmtpContext,
  delivery: Delivery,
  group: WayGroup,
  open: RelayTransaction | undefined,
): Promise<End[]> {
  const { request } = delivery;
  const chunks = wireReady(group.message!, request.message);
  try {
    if (context.hop.kind === "maildir") {
      const envelope = {
        ...request.envelope,
        recipients: targets(delivery, group).map((each) => each.address),
      };
      await context.ports.deliverMaildir(context.hop.path, envelope, join(chunks));
      return [{ reply: accepted(request.queueId), done: true }];
    }
    let relay = open;
    if (!relay) {
      const size = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
      relay = context.pool!.begin(relaySender(delivery.transaction, size));
      const replies = await relay.recipients(targets(delivery, group));
      const refused = replies.find((reply) => !isSuccess(reply));
      if (refused) {
        relay.abort();
        return [{ reply: relayed(refused), done: false }];
      }
    }
    const replies = await relay.send(chunks);
    const ends = replies.map((reply) => {
      const done = isSuccess(reply);
      return { reply: done ? `${relayed(reply)} id=${request.queueId}` : relayed(reply), done };
    });
    if (group.outcome.action === "redirect" && ends.length > 1) { // the targets are not the recipients: the worst counts
      return [ends.find((end) => !end.done) ?? ends[0]!];
    }
    return ends;
  } catch (error) {
    context.ports.log("warning", "Cannot deliver to the next hop", {
      queueId: request.queueId,
      nextHop: context.hopText,
      error: describe(error),
    });
    return [{ reply: UNAVAILABLE, done: false }];
  }
}

/** Whom the copy goes to. Redirected mail asks for no notifications on behalf of the old recipients. */
function targets({ transaction }: Delivery, group: WayGroup): RecipientArgument[] {
  if (group.outcome.action === "redirect") {
    return [...new Set(group.outcome.redirect)].map((address) => ({
      address,
      utf8: /[^\0-\x7f]/.test(address),
    }));
  }
  const wanted = new Set(group.recipients);
  return transaction.recipients.filter((each) => wanted.has(each.address));
}

/** What the next hop is told of the sender; `size` in octets as it will be sent. */
export function relaySender(transaction: Transaction, size: number): RelaySender {
  return {
    address: transaction.sender,
    utf8: transaction.senderUtf8,
    parameters: { ...transaction.parameters, size },
    client: {
      source: "REMOTE",
      ...transaction.client,
      protocol: transaction.client.protocol ?? transaction.protocol,
    },
  };
}

/** The message as received has only CRLF already; what marks and cleaning made of it is looked at once more. */
function wireReady(chunks: readonly Uint8Array[], received: Uint8Array): readonly Uint8Array[] {
  if (chunks.length === 1 && chunks[0] === received) return chunks;
  return [normaliseLineEnds(join(chunks))];
}

/** The one reply that stands for all recipients; see the table above. */
async function oneReply(
  context: SmtpContext,
  { request }: Delivery,
  ends: ReadonlyMap<string, End>,
  way: Way | undefined,
): Promise<Reply> {
  const done = [...ends].filter(([, end]) => end.done);
  const failed = [...ends].filter(([, end]) => !end.done);
  if (failed.length === 0) return done[0]![1].reply;
  const later = failed.find(([, end]) => end.reply.startsWith("4"));
  const remember = () =>
    context.delivered.add(
      request.message,
      request.envelope.sender,
      done.map(([recipient]) => recipient),
    );
  if (done.length === 0) return (later ?? failed[0]!)[1].reply;
  if (later) {
    await remember();
    return later[1].reply;
  }
  try {
    for (const group of way?.groups ?? []) {
      const refused = group.recipients.filter((each) => !ends.get(each)?.done);
      if (refused.length === 0 || group.quarantineId !== undefined) continue;
      await keep(context, request, { ...group, recipients: refused }, way?.verdict);
    }
    return done[0]![1].reply;
  } catch (error) {
    context.ports.log("error", "Cannot keep the copy of refused recipients", {
      queueId: request.queueId,
      error: describe(error),
    });
    await remember();
    return "451 4.3.0 Try again later";
  }
}

async function keep(
  context: SmtpContext,
  request: WayRequest,
  group: WayGroup,
  verdict: Way["verdict"],
): Promise<void> {
  const by = group.outcome.action === "reject" ? group.outcome.by : "nextHop.refused";
  const id = await context.ports.quarantine({ ...quarantineRequest(request, group, verdict), by });
  const message = "Some recipients were refused after others had their copy; theirs is kept";
  context.ports.log("warning", message, {
    queueId: request.queueId,
    quarantineId: id,
    recipients: group.recipients.join(" "),
  });
}
