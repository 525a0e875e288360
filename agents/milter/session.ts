import { PosternError } from "../../errors.ts";
import { sanitise } from "../smtp/replies.ts";
import {
  type AddressArgument,
  parseAddress,
  parseConnect,
  parseHeader,
  parseHelo,
  parseMacros,
} from "./arguments.ts";
import { MAX_FIELDS } from "./limits.ts";
import { MessageCollector } from "./message_collector.ts";
import { type Agreement, negotiate } from "./negotiation.ts";
import type { Packet } from "./packet_decoder.ts";
import { CONTINUE, replyCode } from "./packets.ts";
import { COMMANDS, PROTOCOL } from "./protocol.ts";
import type { MilterClient, MilterState, MilterStep, MilterTransaction } from "./session_types.ts";

const NONE: MilterStep = { kind: "none" };
const NO_MACROS: ReadonlyMap<string, string> = new Map();

/** What a session is told once. */
export interface MilterSessionOptions {
  /** Octets. */
  readonly maxMessageOctets: number;
  readonly maxRecipients: number;
  /** What need not be answered under the policy in force: see {@link negotiate}. Asked at each negotiation. */
  readonly silent?: () => number;
}

/**
 * The conversation with one MTA, without I/O: packets in, steps out; each command that wants a reply gets just one. A packet that
 * cannot come at this moment, or does not have its shape, is thrown as an error: the connection is not to be trusted after it.
 */
export class MilterSession {
  readonly #options: MilterSessionOptions;
  #state: MilterState = { name: "connected" };
  #agreement: Agreement | undefined;
  /** Macros that were sent for the next command; forgotten with it. */
  #macros: { readonly command: string; readonly values: ReadonlyMap<string, string> } | undefined;

  constructor(options: MilterSessionOptions) {
    this.#options = options;
  }

  /** What was agreed on; absent before that. */
  get agreement(): Agreement | undefined {
    return this.#agreement;
  }

  /** Octets held for the message that is coming; 0 outside one. */
  get held(): number {
    return this.#state.name === "content" ? this.#state.collector.capacity : 0;
  }

  /** Whether a transaction is open; between them the connection can be closed without harm. */
  get busy(): boolean {
    return !["connected", "negotiated", "ready", "refused", "closed"].includes(this.#state.name);
  }

  /** No memory for the message that is coming: its octets are dropped. */
  dropMessage(): void {
    if (this.#state.name === "content") this.#state.collector.drop();
  }

  /** @throws {PosternError} `wire/bad-frame` where the packet is none that may come now. */
  receive({ command, data }: Packet): MilterStep {
    if (command === "D") return this.#macro(data);
    const macros = this.#macros?.command === command ? this.#macros.values : NO_MACROS;
    this.#macros = undefined;
    const name = Object.hasOwn(COMMANDS, command)
      ? COMMANDS[command as keyof typeof COMMANDS]
      : undefined;
    switch (name) {
      case "negotiate":
        return this.#negotiate(data);
      case "connect":
        return this.#connect(data);
      case "helo":
        return this.#helo(data, macros);
      case "mail":
        return this.#mail(data, macros);
      case "recipient":
        return this.#recipient(data, macros);
      case "data":
        return this.#pass(PROTOCOL.noReplyData, macros);
      case "unknown":
        return this.#pass(PROTOCOL.noReplyUnknown, macros);
      case "header":
        return this.#header(data, macros);
      case "endOfHeader":
        return this.#endOfHeader(macros);
      case "body":
        return this.#body(data, macros);
      case "endOfMessage":
        return this.#endOfMessage(data, macros);
      case "abort":
        return this.#abort();
      case "quitNewConnection":
        return this.#quitNewConnection();
      case "quit":
        this.#enter({ name: "closed" });
        return { kind: "quit" };
      default:
        throw new PosternError(
          "wire/bad-frame",
          `The MTA sent an unknown command: ${JSON.stringify(command)}`,
        );
    }
  }

  #enter(next: MilterState): void {
    this.#state = next; // the only assignment
  }

  /** MACRO: no reply. They count for the next command alone, and the message's name for the transaction. */
  #macro(data: Uint8Array): MilterStep {
    const { command, macros } = parseMacros(data);
    this.#macros = { command, values: macros };
    return NONE;
  }

  #negotiate(data: Uint8Array): MilterStep {
    if (this.#state.name !== "connected" && this.#state.name !== "negotiated") this.#misplaced("O");
    const { agreement, reply } = negotiate(data, this.#options.silent?.());
    this.#agreement = agreement;
    this.#enter({ name: "negotiated" });
    return { kind: "say", octets: reply };
  }

  #connect(data: Uint8Array): MilterStep {
    if (this.#state.name !== "negotiated") this.#misplaced("C");
    const client: MilterClient = { ...parseConnect(data), tls: false };
    if (this.#agreed(PROTOCOL.noReplyConnect)) {
      this.#enter({ name: "ready", client });
      return NONE;
    }
    this.#enter({ name: "askingConnect", client });
    return { kind: "connect", client };
  }

  /** What becomes of the client; a refusal holds for the whole connection. */
  answerConnect(refusal?: string): MilterStep {
    const state = this.#state;
    if (state.name !== "askingConnect") throw new Error("Nothing was asked");
    if (refusal === undefined) {
      this.#enter({ name: "ready", client: state.client });
      return { kind: "say", octets: CONTINUE };
    }
    this.#enter({ name: "refused", client: state.client, reply: refusal });
    return { kind: "say", octets: replyCode(refusal) };
  }

  /** HELO; comes again after STARTTLS, and drops what was open. Nothing is decided before MAIL. */
  #helo(data: Uint8Array, macros: ReadonlyMap<string, string>): MilterStep {
    const state = this.#state;
    const helo = parseHelo(data);
    if (state.name === "refused") return this.#refused(state.reply, PROTOCOL.noReplyHelo);
    const client = { ...this.#client("H"), helo, tls: hasTls(macros) };
    this.#enter({ name: "ready", client });
    return this.#continue(PROTOCOL.noReplyHelo);
  }

  /** MAIL begins a new transaction, whatever was before. */
  #mail(data: Uint8Array, macros: ReadonlyMap<string, string>): MilterStep {
    const state = this.#state;
    const { address } = parseAddress(data);
    if (state.name === "refused") return this.#refused(state.reply, PROTOCOL.noReplyMail);
    const client = this.#client("M");
    const user = macros.get("auth_authen");
    const protocol = macros.get("r");
    const queueId = macros.get("i");
    const transaction: MilterTransaction = {
      client: { ...client, tls: client.tls || hasTls(macros) },
      sender: address,
      ...(user ? { user } : {}),
      ...(protocol ? { protocol: sanitise(protocol).slice(0, 32) } : {}),
      ...(queueId ? { mtaQueueId: queueId } : {}),
      recipients: [],
    };
    this.#enter({ name: "askingSender", transaction });
    return { kind: "sender", transaction };
  }

  /** Whether a refusal of the sender would be heard. */
  get hearsSender(): boolean {
    return !this.#agreed(PROTOCOL.noReplyMail);
  }

  /** What becomes of the sender; not refused where that is not heard. */
  answerSender(refusal?: string): MilterStep {
    const state = this.#state;
    if (state.name !== "askingSender") throw new Error("Nothing was asked");
    if (refusal === undefined) {
      this.#enter({ name: "mail", transaction: state.transaction });
      return this.#continue(PROTOCOL.noReplyMail);
    }
    this.#enter({ name: "ready", client: state.transaction.client });
    return { kind: "say", octets: replyCode(refusal) };
  }

  #recipient(data: Uint8Array, macros: ReadonlyMap<string, string>): MilterStep {
    const state = this.#state;
    const recipient = parseAddress(data);
    if (state.name === "refused") return this.#refused(state.reply, PROTOCOL.noReplyRecipient);
    if (state.name !== "mail") this.#misplaced("R");
    const transaction = named(state.transaction, macros);
    if (transaction.recipients.length >= this.#options.maxRecipients) {
      this.#enter({ name: "mail", transaction });
      return { kind: "say", octets: replyCode("452 4.5.3 Too many recipients") };
    }
    this.#enter({ name: "askingRecipient", transaction, recipient });
    return { kind: "recipient", recipient };
  }

  /** What becomes of the recipient. */
  answerRecipient(refusal?: string): MilterStep {
    const state = this.#state;
    if (state.name !== "askingRecipient") throw new Error("Nothing was asked");
    const { transaction, recipient } = state;
    if (refusal === undefined) (transaction.recipients as AddressArgument[]).push(recipient);
    this.#enter({ name: "mail", transaction });
    return { kind: "say", octets: refusal === undefined ? CONTINUE : replyCode(refusal) };
  }

  #header(data: Uint8Array, macros: ReadonlyMap<string, string>): MilterStep {
    const field = parseHeader(data);
    const { collector } = this.#content("L", macros);
    if (collector.inBody) this.#misplaced("L");
    if (collector.fields >= MAX_FIELDS) collector.drop();
    collector.field(field);
    return this.#continue(PROTOCOL.noReplyHeader);
  }

  #endOfHeader(macros: ReadonlyMap<string, string>): MilterStep {
    this.#content("N", macros).collector.endHeader();
    return this.#continue(PROTOCOL.noReplyEndOfHeader);
  }

  #body(data: Uint8Array, macros: ReadonlyMap<string, string>): MilterStep {
    this.#content("B", macros).collector.body(data);
    return this.#continue(PROTOCOL.noReplyBody);
  }

  /** The end of the message; libmilter's own command may bring the last of the body with it. */
  #endOfMessage(data: Uint8Array, macros: ReadonlyMap<string, string>): MilterStep {
    const { transaction, collector } = this.#content("E", macros);
    if (data.length > 0) collector.body(data);
    this.#enter({ name: "askingMessage", transaction });
    return { kind: "message", transaction, collector };
  }

  /** All packets that the message comes to, the final reply last. The next message begins with MAIL, and knows nothing of it. */
  answerMessage(octets: Uint8Array): MilterStep {
    const state = this.#state;
    if (state.name !== "askingMessage") throw new Error("Nothing was asked");
    this.#enter({ name: "ready", client: state.transaction.client });
    return { kind: "say", octets };
  }

  /** ABORT: the message is over, the client stays. No reply. */
  #abort(): MilterStep {
    const state = this.#state;
    if (!this.busy) return NONE;
    if (state.name !== "mail" && state.name !== "content") this.#misplaced("A");
    this.#enter({ name: "ready", client: state.transaction.client });
    return { kind: "dropped" };
  }

  /** QUIT_NC: another client comes on this connection; nothing of this one stays but the agreement. No reply. */
  #quitNewConnection(): MilterStep {
    if (this.#state.name === "connected") this.#misplaced("K");
    const dropped = this.busy;
    this.#enter({ name: "negotiated" });
    return dropped ? { kind: "dropped" } : NONE;
  }

  /** A command about which nothing is decided. */
  #pass(noReply: number, macros: ReadonlyMap<string, string>): MilterStep {
    const state = this.#state;
    if (state.name === "refused") return this.#refused(state.reply, noReply);
    if (state.name === "mail") {
      this.#enter({ name: "mail", transaction: named(state.transaction, macros) });
    } else if (state.name !== "ready" && state.name !== "negotiated") this.#misplaced("T");
    return this.#continue(noReply);
  }

  /** The message that is coming; its first part begins it. */
  #content(
    command: string,
    macros: ReadonlyMap<string, string>,
  ): MilterState & { name: "content" } {
    const state = this.#state;
    if (state.name === "content") {
      if (!macros.has("i") || macros.get("i") === state.transaction.mtaQueueId) return state;
      const next = { ...state, transaction: named(state.transaction, macros) };
      this.#enter(next);
      return next;
    }
    if (state.name !== "mail") this.#misplaced(command);
    const { maxMessageOctets } = this.#options;
    const next = {
      name: "content",
      transaction: named(state.transaction, macros),
      collector: new MessageCollector(maxMessageOctets, this.#agreed(PROTOCOL.leadingSpace)),
    } as const;
    this.#enter(next);
    return next;
  }

  #client(command: string): MilterClient {
    const state = this.#state;
    if (state.name === "ready") return state.client;
    if (state.name === "mail" || state.name === "content") return state.transaction.client;
    this.#misplaced(command);
  }

  #agreed(bit: number): boolean {
    return ((this.#agreement?.protocol ?? 0) & bit) !== 0;
  }

  #continue(noReply: number): MilterStep {
    return this.#agreed(noReply) ? NONE : { kind: "say", octets: CONTINUE };
  }

  #refused(reply: string, noReply: number): MilterStep {
    return this.#agreed(noReply) ? NONE : { kind: "say", octets: replyCode(reply) };
  }

  #misplaced(command: string): never {
    const what = Object.hasOwn(COMMANDS, command)
      ? COMMANDS[command as keyof typeof COMMANDS]
      : command;
    throw new PosternError(
      "wire/bad-frame",
      `The MTA sent ${what} (${command}) where it cannot come: the session is ${this.#state.name}`,
    );
  }
}

function hasTls(macros: ReadonlyMap<string, string>): boolean {
  return (macros.get("tls_version") ?? "") !== "";
}

function named(
  transaction: MilterTransaction,
  macros: ReadonlyMap<string, string>,
): MilterTransaction {
  const id = macros.get("i");
  return id && id !== transaction.mtaQueueId ? { ...transaction, mtaQueueId: id } : transaction;
}
