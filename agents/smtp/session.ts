import { PosternError } from "../../errors.ts";
import { ChunkCollector, parseChunk } from "./chunk_collector.ts";
import { mergeFacts, parseXclient, parseXforward } from "./client_facts.ts";
import { announce, isClientName, parseCommand, protocolName } from "./command.ts";
import { refuseAuth } from "./authentication.ts";
import { DataDecoder } from "../data_decoder.ts";
import { MAX_CHUNKS } from "./limits.ts";
import { normaliseLineEnds } from "../line_ends.ts";
import { parseMail, parseRecipient } from "./parameters.ts";
import type { Reply } from "./replies.ts";
import * as say from "./replies.ts";
import { NOTHING, SessionCore } from "./session_core.ts";
import type { Greeting, State, Step } from "./session_types.ts";
import type { RecipientArgument, Transaction } from "./transaction.ts";

/**
 * One SMTP or LMTP session, without I/O: octets in, steps out. Its owner reads the socket, does each step and answers.
 * SMTP: RFC 5321; LMTP: RFC 2033; extensions at the methods.
 */
export class SmtpSession extends SessionCore {
  /** No memory for the message being read: it is read to its end, dropped, and answered with 452. */
  dropMessage(): void {
    this.outOfMemory = true;
    if (this.state.name === "data") this.state.decoder.drop();
    if (this.state.name === "chunks") this.state.collector.drop();
  }

  /** Hands in octets, after all of the ones before were used. They stay the caller's; they are not kept past `more`. */
  input(octets: Uint8Array): void {
    this.octets = octets;
  }

  /** The next thing to do. */
  next(): Step {
    try {
      while (true) {
        const step = this.#step();
        if (step) return step;
      }
    } catch (error) {
      if (!(error instanceof PosternError)) throw error;
      const text = error.code === "wire/too-long" ? "Line too long" : "Line must end with CRLF";
      return this.close(`500 5.5.2 ${text}`);
    }
  }

  #step(): Step | undefined {
    const state = this.state;
    if (this.octets.length === 0 && !(state.name === "skip" && state.left === 0)) {
      return { kind: "more" };
    }
    switch (state.name) {
      case "data":
        return this.#readData(state);
      case "chunks":
        if (state.collector.left > 0) return this.#readChunk(state);
        break;
      case "skip": {
        const used = Math.min(state.left, this.octets.length);
        this.use(used);
        if (used < state.left) {
          this.enter({ ...state, left: state.left - used });
          return;
        }
        this.enter(this.greeting ? { name: "ready" } : { name: "connected" });
        return this.error(state.reply);
      }
      case "asking":
        throw new Error("The last step was not answered");
      case "closed":
        this.use(this.octets.length);
        return;
    }
    const { used, line } = this.lines.take(this.octets);
    this.use(used);
    return line ? this.#command(line) : undefined;
  }

  #command(line: Uint8Array): Step {
    const command = parseCommand(line);
    if ("refusal" in command) return this.error(command.refusal);
    const { verb, argument } = command;
    if (this.state.name === "chunks" && !["BDAT", "RSET", "NOOP", "QUIT"].includes(verb)) {
      return this.error("503 5.5.1 Send BDAT or RSET"); // RFC 3030, section 3: nothing else may stand between chunks
    }
    switch (verb) {
      case "HELO":
      case "EHLO":
      case "LHLO":
        return this.#hello(verb, argument);
      case "MAIL":
        return this.#mail(argument);
      case "RCPT":
        return this.#rcpt(argument);
      case "DATA":
        return this.#data(argument);
      case "BDAT":
        return this.#bdat(argument);
      case "RSET":
        this.#reset();
        return this.idleReply(say.OK);
      case "NOOP":
      case "VRFY":
      case "HELP":
        return this.idleReply(say.IDLE[verb]!);
      case "AUTH":
        return this.#auth(argument);
      case "QUIT":
        return this.close("221 2.0.0 Bye");
      case "STARTTLS":
        return this.#startTls(argument);
      case "XFORWARD":
        return this.#xforward(argument);
      case "XCLIENT":
        return this.#xclient(argument);
      default: {
        const known = ["EXPN", "ETRN", "TURN"].includes(verb);
        return this.error(known ? say.NOT_IMPLEMENTED : "500 5.5.2 Command not recognised");
      }
    }
  }

  /** HELO, EHLO: RFC 5321, section 4.1.1.1; LHLO: RFC 2033, section 4.1. All drop the transaction. */
  #hello(word: Greeting["word"], argument: string): Step {
    if (!isClientName(argument)) return this.error(`501 5.5.4 Syntax: ${word} hostname`);
    this.greeting = { word, name: argument };
    this.forwarded = undefined;
    this.enter({ name: "ready" });
    const { hostname, tls } = this.options;
    if (word === "HELO") return this.idleReply(`250 ${hostname}`);
    const options = { ...this.options, startTls: tls && !this.encrypted, mayAuth: this.#mayAuth };
    return this.idleReply(announce(this.options.offers(), options));
  }

  /** MAIL: RFC 5321, section 4.1.1.2. */
  #mail(argument: string): Step {
    const greeting = this.greeting;
    if (!greeting) return this.error("503 5.5.1 Send HELO or EHLO first");
    if (this.state.name !== "ready") return this.error("503 5.5.1 Sender is given already");
    if (this.options.requireTls && !this.encrypted) {
      return this.error("530 5.7.0 Issue STARTTLS first");
    }
    if (!/^FROM:/i.test(argument)) return this.error("501 5.5.4 Syntax: MAIL FROM:<address>");
    const esmtp = greeting.word !== "HELO";
    const mail = parseMail(argument.slice(5), this.options.offers(), esmtp);
    if (mail.refusal !== undefined) return this.error(mail.refusal);
    const client = this.forwarded ?? { helo: greeting.name, ...this.clientFacts };
    const transaction: Transaction = {
      sender: mail.sender,
      senderUtf8: mail.senderUtf8,
      parameters: mail.parameters,
      recipients: [],
      client,
      protocol: protocolName(greeting.word, mail.parameters.utf8, this.encrypted),
      lmtp: this.lmtp,
    };
    this.enter({ name: "asking", transaction });
    return { kind: "sender", transaction };
  }

  /** What becomes of the sender; without a refusal it is accepted. */
  answerSender(refusal?: Reply): Step {
    const transaction = this.asking();
    if (refusal !== undefined) {
      this.enter({ name: "ready" });
      return this.error(refusal);
    }
    this.idle = 0;
    this.enter({ name: "mail", transaction });
    return { kind: "reply", reply: "250 2.1.0 Ok" };
  }

  /** RCPT: RFC 5321, section 4.1.1.3; the 452 is section 4.5.3.1.10. */
  #rcpt(argument: string): Step {
    const state = this.state;
    if (state.name !== "mail") return this.error(say.NEED_MAIL);
    const { transaction } = state;
    if (!/^TO:/i.test(argument)) return this.error("501 5.5.4 Syntax: RCPT TO:<address>");
    if (transaction.recipients.length >= this.options.maxRecipients) {
      return { kind: "reply", reply: "452 4.5.3 Too many recipients" };
    }
    const recipient = parseRecipient(argument.slice(3), this.options.offers(), {
      esmtp: this.greeting?.word !== "HELO",
      utf8: transaction.parameters.utf8,
    });
    if (recipient.refusal !== undefined) return this.error(recipient.refusal);
    this.enter({ name: "asking", transaction });
    return { kind: "recipient", recipient };
  }

  /** What becomes of the recipient; without a refusal it is accepted. */
  answerRecipient(recipient: RecipientArgument, refusal?: Reply): Step {
    const transaction = this.asking();
    if (refusal === undefined) (transaction.recipients as RecipientArgument[]).push(recipient);
    this.enter({ name: "mail", transaction });
    if (refusal === undefined) return { kind: "reply", reply: "250 2.1.5 Ok" };
    // who is to send to it apart or later has made no error (RFC 5321, section 4.5.3.1.10)
    return refusal.startsWith("4") ? { kind: "reply", reply: refusal } : this.error(refusal);
  }

  /** DATA: RFC 5321, section 4.1.1.4. */
  #data(argument: string): Step {
    const state = this.state;
    if (argument !== "") return this.error("501 5.5.4 Syntax: DATA");
    if (state.name !== "mail") return this.error(say.NEED_MAIL);
    if (state.transaction.recipients.length === 0) return this.error(say.NO_RECIPIENT);
    this.enter({ name: "asking", transaction: state.transaction });
    return { kind: "data" };
  }

  /** Whether the data may come; with a refusal the transaction stays open. */
  answerData(refusal?: Reply): Step {
    const transaction = this.asking();
    if (refusal !== undefined) {
      this.enter({ name: "mail", transaction });
      return this.error(refusal);
    }
    this.outOfMemory = false;
    const { size } = this.options.offers();
    const decoder = new DataDecoder(size, transaction.parameters.size);
    this.enter({ name: "data", transaction, decoder });
    return { kind: "reply", reply: "354 End data with <CR><LF>.<CR><LF>" };
  }

  #readData(state: State & { name: "data" }): Step | undefined {
    const { used, message } = state.decoder.take(this.octets);
    this.use(used);
    if (!message) return;
    if (state.decoder.tooLarge) return this.#refuseMessage(state.transaction);
    return this.#message(state.transaction, message);
  }

  #message(transaction: Transaction, message: Uint8Array): Step {
    this.enter({ name: "asking", transaction });
    return { kind: "message", message: normaliseLineEnds(message) };
  }

  /** The message could not be taken whole. LMTP wants a reply for each recipient (RFC 2033, section 4.2). */
  #refuseMessage(transaction: Transaction, atEnd = true): Step {
    const reply = this.outOfMemory ? say.NO_MEMORY : say.TOO_LARGE;
    this.enter({ name: "ready" });
    this.forwarded = undefined;
    const step = this.error(reply);
    if (!transaction.lmtp || !atEnd || step.kind !== "reply") return step;
    return { ...step, reply: transaction.recipients.map(() => reply).join("\r\n") };
  }

  /** BDAT: RFC 3030, section 2. The octets of a chunk that is refused are read and thrown away, or they would be commands. */
  #bdat(argument: string): Step {
    const chunk = parseChunk(argument);
    if (!chunk) {
      // where the chunk ends is not known, so what follows cannot be read
      return this.close("501 5.5.4 Syntax: BDAT size [LAST]");
    }
    const { size, last } = chunk;
    const state = this.state;
    if (state.name === "chunks") {
      const { collector } = state;
      if (collector.chunks >= MAX_CHUNKS) return this.#skip(size, "552 5.3.4 Too many chunks");
      return this.#beginChunk(state.transaction, collector, size, last);
    }
    if (state.name !== "mail") return this.#skip(size, say.NEED_MAIL);
    const { transaction } = state;
    if (transaction.recipients.length === 0) return this.#skip(size, say.NO_RECIPIENT);
    this.outOfMemory = false;
    const offers = this.options.offers();
    const collector = new ChunkCollector(
      offers.size,
      Math.max(transaction.parameters.size, last ? size : 0),
    );
    return this.#beginChunk(transaction, collector, size, last);
  }

  #beginChunk(
    transaction: Transaction,
    collector: ChunkCollector,
    size: number,
    last: boolean,
  ): Step {
    const state = { name: "chunks", transaction, collector } as const;
    collector.begin(size, last);
    this.enter(state);
    return (size === 0 ? this.#endChunk(state) : this.#readChunk(state)) ?? this.next();
  }

  #readChunk(state: State & { name: "chunks" }): Step | undefined {
    this.use(state.collector.take(this.octets));
    return state.collector.left > 0 ? undefined : this.#endChunk(state);
  }

  #endChunk({ transaction, collector }: State & { name: "chunks" }): Step {
    if (collector.tooLarge) return this.#refuseMessage(transaction, collector.last);
    if (collector.last) return this.#message(transaction, collector.message());
    return { kind: "reply", reply: say.OK };
  }

  /** Drops the transaction, too: after a chunk that failed no other may be taken for its sequel. */
  #skip(octets: number, reply: Reply): Step {
    this.forwarded = undefined;
    this.enter({ name: "skip", left: octets, reply });
    return this.next();
  }

  /**
   * The replies to a whole message: one, or for LMTP one a recipient in their order. The transaction is over, whatever was said:
   * a recipient that follows needs MAIL before it.
   */
  answerMessage(replies: readonly Reply[]): Step {
    this.asking();
    this.enter({ name: "ready" });
    this.forwarded = undefined;
    this.idle = 0;
    if (replies.some((reply) => reply.startsWith("2"))) this.errors = 0;
    return { kind: "reply", reply: replies.join("\r\n") };
  }

  /** STARTTLS: RFC 3207. What the client sent behind it in clear is dropped unread. */
  #startTls(argument: string): Step {
    if (!this.options.tls) return this.error(say.NOT_IMPLEMENTED);
    if (argument !== "") return this.error("501 5.5.4 Syntax: STARTTLS");
    if (this.encrypted) return this.error("503 5.5.1 TLS is on already");
    if (this.state.name === "mail") return this.error("503 5.5.1 Not inside a transaction");
    this.octets = NOTHING;
    return { kind: "startTls" };
  }

  /** The handshake is done: all that was said before is forgotten (RFC 3207, section 4.2). */
  secured(): void {
    this.encrypted = true;
    this.#restart();
    this.clientFacts = this.options.client;
  }

  #restart(): void {
    this.octets = NOTHING;
    this.lines.clear();
    this.greeting = this.forwarded = undefined;
    this.loggedIn = false;
    this.enter({ name: "connected" });
  }

  /** XFORWARD: the client of the MTA that talks to us, for this transaction (XFORWARD_README). */
  #xforward(argument: string): Step {
    if (!this.options.xforward) return this.error("550 5.7.0 Not authorised");
    if (this.state.name === "mail") return this.error("503 5.5.1 Not inside a transaction");
    if (!this.greeting) return this.error("503 5.5.1 Send EHLO first");
    const facts = parseXforward(argument);
    if (!facts) return this.error("501 5.5.4 Bad XFORWARD attribute");
    this.forwarded = mergeFacts(this.forwarded ?? {}, facts); // the first one makes all others unknown
    return this.idleReply(say.OK);
  }

  /** XCLIENT: the client whom the proxy before us serves, from now on (XCLIENT_README). */
  #xclient(argument: string): Step {
    if (!this.options.xclient) return this.error("550 5.7.0 Not authorised");
    if (this.state.name === "mail") return this.error("503 5.5.1 Not inside a transaction");
    const facts = parseXclient(argument);
    if (!facts) return this.error("501 5.5.4 Bad XCLIENT attribute");
    const rest = this.octets; // unlike with STARTTLS the line is the same, and so is its trust
    this.#restart();
    this.octets = rest;
    this.clientFacts = mergeFacts(this.clientFacts, facts);
    return { kind: "restart" };
  }

  get #mayAuth(): boolean {
    const { auth } = this.options;
    return (auth === "always" || auth === "tls" && this.encrypted) && !this.loggedIn;
  }

  /** AUTH: RFC 4954, section 4. */
  #auth(argument: string): Step {
    const { auth } = this.options.offers();
    if (this.options.auth === "none" || auth.length === 0) return this.error(say.NOT_IMPLEMENTED);
    if (this.state.name !== "ready" || this.loggedIn) return this.error("503 5.5.1 Not now");
    if (!this.#mayAuth) return this.error("538 5.7.11 Encryption required, issue STARTTLS first");
    const refusal = refuseAuth(argument, auth);
    return refusal === undefined ? { kind: "auth", argument } : this.error(refusal);
  }

  /** A line of the exchange that AUTH began; `undefined` where more has to be read. */
  line(): string | undefined {
    const { used, line } = this.lines.take(this.octets);
    this.use(used);
    return line && new TextDecoder("latin1").decode(line);
  }

  /** How the exchange ended; `login` where the client proved himself, under that name where it could be seen. */
  answerAuth(reply: Reply, login?: { readonly user: string | undefined }): Step {
    if (!login) return this.error(reply);
    this.loggedIn = true;
    if (login.user !== undefined) this.clientFacts = { ...this.clientFacts, login: login.user };
    return { kind: "reply", reply };
  }

  #reset(): void {
    this.forwarded = undefined;
    this.enter(this.greeting ? { name: "ready" } : { name: "connected" });
  }
}
