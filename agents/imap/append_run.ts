/** APPEND: what a client uploads is scanned like what it fetches. RFC 9051, section 6.3.12; MULTIAPPEND is RFC 3502. */
import { describe } from "../describe.ts";
import { join } from "../dot_stuffing.ts";
import { type MailboxClient, textOf } from "../mailbox/gate.ts";
import { clientSource } from "../mailbox/gate.ts";
import { senderOf } from "../mailbox/sender.ts";
import { newQueueId } from "../queue_id.ts";
import { messageRecord, messageWay } from "../way.ts";
import type { ImapContext } from "./context.ts";
import { MAX_APPENDED } from "./limits.ts";
import { ArgumentReader, type LiteralPiece, type Piece } from "./pieces.ts";
import type { Tagged } from "./server_link.ts";

/** Who uploads. */
export interface AppendSession {
  readonly context: ImapContext;
  /** With the direction of uploads. */
  readonly client: MailboxClient;
  readonly signal: AbortSignal;
}

/** What is to become of an APPEND. */
export type AppendDecision =
  /** It goes to the server, with messages as the policy changed them. */
  | { readonly kind: "send"; readonly args: readonly Piece[] }
  /** It ends here. */
  | { readonly kind: "end"; readonly end: Tagged };

const DATE = / "[ \d]\d-[A-Za-z]{3}-\d{4} \d\d:\d\d:\d\d [+-]\d{4}"/y;
const FLAGS = / \([ !#$&'+-z|~]*\)/y;

/**
 * Reads the arguments of APPEND: which of its literals are messages.
 *
 * @returns positions in `args`; `undefined` where the arguments are not those of an APPEND that the gate can see through.
 */
export function appendedMessages(args: readonly Piece[]): readonly number[] | undefined {
  try {
    const reader = new ArgumentReader(args);
    reader.expect(" ");
    const mailboxIsLiteral = reader.atLiteral;
    reader.astring();
    const literals = args.flatMap((piece, i) => typeof piece === "string" ? [] : [i]);
    if (mailboxIsLiteral) literals.shift();
    const messages: number[] = [];
    do {
      reader.match(FLAGS);
      reader.match(DATE);
      const utf8 = reader.accept(" UTF8 (");
      if (!utf8) reader.expect(" ");
      if (!reader.atLiteral) return undefined;
      reader.astring();
      if (utf8) reader.expect(")");
      messages.push(literals.shift()!);
    } while (!reader.atEnd);
    return messages.length <= MAX_APPENDED ? messages : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Scans the messages of an APPEND. Where one of them may not be uploaded none is: RFC 3502, section 6.3.11.
 *
 * | action | the client hears |
 * | --- | --- |
 * | accept, redirect | what the server says; the message is cleaned and marked as the policy says |
 * | reject | NO with the policy's text |
 * | quarantine | NO: the copy is in quarantine, and not in the mailbox |
 * | discard | OK, and the message is gone |
 * | defer | NO [UNAVAILABLE] |
 */
export async function decideAppend(
  session: AppendSession,
  args: readonly Piece[],
  messages: readonly number[],
): Promise<AppendDecision> {
  const pieces = [...args];
  let discarded = 0;
  for (const position of messages) {
    const piece = args[position] as LiteralPiece;
    const { end, message } = await decideOne(session, piece.octets);
    if (end && end.status !== "OK") return { kind: "end", end };
    if (end) discarded++;
    else pieces[position] = { ...piece, octets: message! };
  }
  if (discarded === 0) return { kind: "send", args: pieces };
  if (discarded < messages.length) {
    return {
      kind: "end",
      end: { status: "NO", text: "[NOPERM] Upload these messages one by one" },
    };
  }
  return { kind: "end", end: { status: "OK", text: "APPEND completed" } };
}

async function decideOne(
  { context, client, signal }: AppendSession,
  message: Uint8Array,
): Promise<{ readonly end?: Tagged; readonly message?: Uint8Array }> {
  const started = performance.now();
  const { ports } = context;
  const tree = ports.policy();
  const base = clientSource(client, tree);
  const queueId = newQueueId(base.time);
  const request = {
    ...base,
    queueId,
    message,
    nextHop: client.nextHop,
    splitting: "strictest",
    signal,
    envelope: {
      ...base.envelope,
      protocol: client.protocol,
      sender: senderOf(message),
      recipients: [client.recipient],
    },
  } as const;
  context.counts.messages++;
  try {
    const way = await messageWay(ports, request);
    const [group] = way.groups;
    const { outcome, quarantineId } = group!;
    const end = group!.message ? undefined : endOf(outcome.action, outcome.reply, quarantineId);
    if (end && end.status !== "OK") context.counts.refused++;
    const record = end ? { reply: `${end.status} ${end.text}` } : {};
    const times = { total: performance.now() - started };
    ports.record(messageRecord(request, way, way.groups.map(() => record), times));
    return end ? { end } : { message: join(group!.message!) };
  } catch (error) {
    if (!signal.aborted) {
      ports.log("error", "Cannot handle an uploaded message; it is deferred", {
        queueId,
        error: describe(error),
      });
    }
    return { end: { status: "NO", text: "[UNAVAILABLE] Try again later" } };
  }
}

function endOf(
  action: string,
  reply: string | undefined,
  quarantineId: string | undefined,
): Tagged {
  switch (action) {
    case "discard":
      return { status: "OK", text: "APPEND completed" };
    case "defer":
      return { status: "NO", text: `[UNAVAILABLE] ${textOf(reply, "Try again later")}` };
    case "quarantine":
      return {
        status: "NO",
        text: `[NOPERM] Message is kept in quarantine${
          quarantineId === undefined ? "" : `: ${quarantineId}`
        }`,
      };
    default:
      return { status: "NO", text: `[NOPERM] ${textOf(reply, "Message is refused")}` };
  }
}
