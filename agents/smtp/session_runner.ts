import type { Envelope, Outcome } from "../../policy/types.ts";
import type { DecisionTree } from "../../policy/tree.ts";
import { PosternError } from "../../errors.ts";
import { freeOctets } from "../../free_octets.ts";
import { BufferPool } from "../buffer_pool.ts";
import { describe } from "../describe.ts";
import { earlyWord, refuseEarly } from "../early_word.ts";
import { greylisted } from "../greylisting.ts";
import { newQueueId } from "../queue_id.ts";
import { recordRefusal, Reservation, type Runner } from "../session_books.ts";
import type { ConnStream, WireStream } from "../stream.ts";
import { acceptTls } from "../tls.ts";
import { TREATED_APART, treatment } from "../treatment.ts";
import type { FactsSource } from "../way.ts";
import { inNetworks } from "../networks.ts";
import { sharing } from "../transparent.ts";
import { authenticate, type AuthenticatedHop, lineOf } from "./authentication.ts";
import { offersOf, type SmtpContext, type SmtpSettings } from "./context.ts";
import { deliver, relaySender } from "./delivery.ts";
import { READ_OCTETS, RESERVE_STEP_OCTETS } from "./limits.ts";
import { isSuccess, relayed, type RelayTransaction } from "./relay_client.ts";
import { refusalOf, type Reply } from "./replies.ts";
import { SmtpSession } from "./session.ts";
import { sessionFacts } from "./session_facts.ts";
import type { Step } from "./session_types.ts";
import type { RecipientArgument, Transaction } from "./transaction.ts";

const encoder = new TextEncoder();
const buffers = new BufferPool(READ_OCTETS, 32);
const SHUTDOWN: Reply = "421 4.3.2 Shutting down";
const UNAVAILABLE: Reply = "451 4.4.1 The next hop cannot be reached, try again later";

/** What belongs to the transaction that the session has open. */
interface Open {
  readonly transaction: Transaction;
  readonly queueId: string;
  /** Milliseconds since 1970. */
  readonly time: number;
  /** Kept to the transaction's end, whatever is reloaded meanwhile. */
  readonly tree: DecisionTree;
  relay?: RelayTransaction;
  /** The next hop could not be asked; it is not asked again for every recipient. */
  unavailable: boolean;
  /** What the first recipient's decision was, for before-queue. */
  first?: string;
}

/** Runs one session on one connection: the only place that reads and writes its socket. */
export class SessionRunner implements Runner {
  #context: SmtpContext;
  readonly #shared: SmtpContext;
  /** The connection that the client has logged in on. */
  #own: AuthenticatedHop | undefined;
  readonly #settings: SmtpSettings;
  readonly #below: ConnStream;
  readonly #buffer = buffers.take();
  /** A read has the buffer. */
  #reading = false;
  readonly #session: SmtpSession;
  #stream: WireStream;
  #output = "";
  #open: Open | undefined;
  readonly #reserved: Reservation;
  /** A read that was begun while a message was worked on, to see the client go away. */
  #ahead: Promise<number | null> | undefined;
  #waiting = false;
  /** When the data being read began (performance.now), and octets read since. */
  #dataSince: number | undefined;
  #received = 0;

  constructor(context: SmtpContext, stream: ConnStream) {
    this.#context = this.#shared = context;
    const settings = this.#settings = context.settings;
    this.#below = stream;
    this.#stream = stream;
    this.#reserved = new Reservation(context.ports);
    const address = stream.remoteAddress;
    this.#session = new SmtpSession({
      hostname: settings.hostname,
      maxRecipients: settings.recipients,
      tls: context.identity !== undefined,
      requireTls: settings.requireTls,
      auth: context.pool ? settings.auth : "none",
      xforward: inNetworks(address, settings.xforward),
      xclient: inNetworks(address, settings.xclient),
      client: { address, port: String(stream.remotePort) },
      offers: () => offersOf(context),
    });
  }

  /** Runs until the client quits, breaks or idles away. Rejects only for faults of our own. */
  async run(): Promise<void> {
    try {
      this.#stream.deadline(this.#settings.commandMs);
      await this.#context.pool?.learn();
      if (await this.#greet()) await this.#serve();
    } catch (error) {
      if (!(error instanceof PosternError)) {
        this.#context.ports.log("error", "A session failed", { error: describe(error) });
        await this.#say("421 4.3.0 Internal error").catch(() => {});
      } else if (error.code === "wire/timeout") {
        this.#context.ports.log("debug", "A client was silent for too long", {
          client: this.#below.remoteAddress,
        });
      }
    } finally {
      this.#drop();
      this.#own?.close();
      this.#reserved.release();
      this.#stream.close();
      this.#below.close();
      if (!this.#reading) buffers.give(this.#buffer);
    }
  }

  /** Ends a session that waits for its client's next command; others end when their message is done. */
  shutDown(): void {
    if (!this.#waiting || this.#session.busy) return;
    this.#waiting = false;
    void this.#say(SHUTDOWN).catch(() => {}).then(() => this.#stream.close());
  }

  async #serve(): Promise<void> {
    let step: Step | undefined = this.#session.next();
    while (step) step = this.#atOnce(step) ?? await this.#do(step);
  }

  /** Does a step that waits for nobody: most do not, and to wait for nothing costs more than they do. */
  #atOnce(step: Step): Step | undefined {
    if (step.kind === "sender") {
      return this.#session.answerSender(this.#sender(step.transaction));
    }
    if (step.kind !== "reply" || step.close) return undefined;
    this.#output += `${step.reply}\r\n`;
    if (this.#open && this.#open.transaction !== this.#session.transaction) this.#drop();
    return this.#session.next();
  }

  /** @returns the next step; `undefined` when the session is over. */
  async #do(step: Step): Promise<Step | undefined> {
    switch (step.kind) {
      case "sender":
        return this.#atOnce(step);
      case "reply": // the last one
        await this.#say(step.reply);
        await this.#stream.end();
        return undefined;
      case "more":
        return await this.#more();
      case "recipient": {
        const refusal = await this.#recipient(step.recipient);
        return this.#session.answerRecipient(step.recipient, refusal);
      }
      case "data":
        return this.#session.answerData(await this.#reserve());
      case "message":
        return await this.#message(step.message);
      case "startTls":
        return await this.#startTls();
      case "auth":
        return await this.#authenticate(step.argument);
      case "restart":
        this.#drop();
        this.#logOut();
        return await this.#greet() ? this.#session.next() : undefined;
    }
  }

  async #more(): Promise<Step | undefined> {
    const { busy, held } = this.#session;
    if (this.#context.draining && !busy) {
      await this.#say(SHUTDOWN);
      return undefined;
    }
    const answered = this.#output !== "";
    if (answered) await this.#flush();
    if (held > this.#reserved.octets && !await this.#reserved.grow(held)) {
      this.#session.dropMessage();
    }
    this.#moveDeadline(held > 0, answered);
    const read = this.#ahead ?? this.#read();
    this.#ahead = undefined;
    this.#waiting = true;
    const count = await read;
    this.#reading = false;
    if (!this.#waiting || count === null) return undefined;
    this.#waiting = false;
    this.#received += count;
    this.#session.input(this.#buffer.subarray(0, count));
    return this.#session.next();
  }

  #read(): Promise<number | null> {
    this.#reading = true;
    return this.#stream.read(this.#buffer);
  }

  /**
   * A command must come whole within its time, and data within its time and a millisecond more an octet, so that neither is had
   * by an octet now and then.
   */
  #moveDeadline(data: boolean, answered: boolean): void {
    const { commandMs, dataMs } = this.#settings;
    if (!data) {
      this.#dataSince = undefined;
      if (answered) this.#stream.deadline(commandMs);
      return;
    }
    if (this.#dataSince === undefined) {
      this.#dataSince = performance.now();
      this.#received = 0;
    }
    const left = dataMs + this.#received - (performance.now() - this.#dataSince);
    this.#stream.deadline(Math.max(1, left));
  }

  /**
   * The connect phase and the banner. A proxy whose word on its clients is believed has not named the client yet, and the rules
   * are not about the proxy: they are asked at MAIL, which they are in any case.
   *
   * @returns false when the client was refused.
   */
  async #greet(): Promise<boolean> {
    if (this.#speaksForOthers()) {
      this.#output += `220 ${this.#settings.hostname} ESMTP Postern\r\n`;
      return true;
    }
    const { ports } = this.#context;
    const source = sessionFacts(this.#session, this.#settings, {
      tree: ports.policy(),
      time: Date.now(),
      client: this.#session.client,
    });
    const { outcome } = earlyWord(source);
    const refusal = refusalOf(outcome);
    if (refusal === undefined) {
      this.#output += `220 ${this.#settings.hostname} ESMTP Postern\r\n`;
      return true;
    }
    const reply = `${refusal.startsWith("4") ? "421" : "554"}${refusal.slice(3)}`; // RFC 5321, section 3.1
    recordRefusal(this.#context.ports, source, newQueueId(), [], reply, outcome);
    await this.#say(reply);
    await this.#stream.end();
    return false;
  }

  /** Whether a client other than the peer may still be named; after an XCLIENT that did so, it is. */
  #speaksForOthers(): boolean {
    const { remoteAddress } = this.#below;
    if (this.#session.client.address !== remoteAddress) return false;
    const { xforward, xclient } = this.#settings;
    return inNetworks(remoteAddress, xforward) || inNetworks(remoteAddress, xclient);
  }

  #sender(transaction: Transaction): Reply | undefined {
    this.#drop();
    const open: Open = {
      transaction,
      queueId: newQueueId(),
      time: Date.now(),
      tree: this.#context.ports.policy(),
      unavailable: false,
    };
    const source = this.#source(open);
    const refusal = refuseEarly(this.#context.ports, source, earlyWord(source), open.queueId);
    if (refusal === undefined) this.#open = open;
    return refusal;
  }

  async #recipient(recipient: RecipientArgument): Promise<Reply | undefined> {
    const open = this.#open!;
    const { ports } = this.#context;
    const { queueId } = open;
    const source = this.#source(open);
    const word = earlyWord(source, recipient.address);
    const { facts, outcome } = word;
    const refusal = refuseEarly(ports, source, word, queueId);
    if (refusal !== undefined) return refusal;
    const key = this.#settings.beforeQueue && !open.transaction.lmtp
      ? treatment(outcome)
      : undefined;
    if (open.first !== undefined && key !== open.first) return TREATED_APART;
    // Before the next hop, which cannot be told that a recipient it has taken is none.
    const later = greylisted({ ports, source, queueId, facts, outcome });
    const wait = later && await later;
    if (wait !== undefined) return wait;
    const answer = await this.#askNextHop(open, recipient, outcome);
    if (answer === undefined && key !== undefined) open.first ??= key; // only one that is in sets what the others must be like
    return answer;
  }

  /** The next hop's word on a recipient, unless the policy has decided already that it will not get this copy. */
  async #askNextHop(
    open: Open,
    recipient: RecipientArgument,
    outcome: Outcome,
  ): Promise<Reply | undefined> {
    const { pool, ports, hopText } = this.#context;
    if (!pool || (outcome.final && outcome.action !== "accept")) return undefined;
    if (open.unavailable) return UNAVAILABLE;
    const { transaction } = open;
    open.relay ??= pool.begin(relaySender(transaction, transaction.parameters.size));
    try {
      const [reply] = await open.relay.recipients([recipient]);
      return isSuccess(reply!) ? undefined : relayed(reply!);
    } catch (error) {
      open.unavailable = true;
      delete open.relay;
      ports.log("warning", "Cannot ask the next hop about a recipient", {
        queueId: open.queueId,
        nextHop: hopText,
        error: describe(error),
      });
      return UNAVAILABLE;
    }
  }

  /** The whole message: the client is watched meanwhile, and when it goes away in time nothing is delivered. */
  async #message(message: Uint8Array): Promise<Step> {
    const open = this.#open!;
    this.#open = undefined; // what is open with the next hop is the delivery's from here on
    await this.#flush();
    this.#stream.deadline(0);
    const controller = new AbortController();
    if (!this.#session.unread && !this.#ahead) {
      const ahead = this.#ahead = this.#read();
      const gone = () => controller.abort();
      ahead.then((count) => count === null && gone(), gone);
    }
    const source = this.#source(open);
    const request = {
      ...source,
      envelope: { ...source.envelope, sender: open.transaction.sender } as Envelope,
      queueId: open.queueId,
      message,
      nextHop: this.#context.hopText,
      splitting: this.#settings.beforeQueue && !open.transaction.lmtp ? "strictest" : "copies",
      signal: controller.signal,
    } as const;
    try {
      const relay = open.relay;
      const delivery = { transaction: open.transaction, request, ...(relay ? { relay } : {}) };
      const replies = await deliver(this.#context, delivery);
      freeOctets(message);
      return this.#session.answerMessage(replies);
    } catch (error) {
      open.relay?.abort();
      if (controller.signal.aborted) throw error;
      this.#context.ports.log("error", "Cannot handle a message; it is deferred", {
        queueId: open.queueId,
        error: describe(error),
      });
      const count = open.transaction.lmtp ? open.transaction.recipients.length : 1;
      return this.#session.answerMessage(Array(count).fill("451 4.3.0 Try again later"));
    } finally {
      this.#reserved.release();
      this.#stream.deadline(this.#settings.commandMs);
    }
  }

  /** The handshake begins with what the client sends after our 220; nothing that came before is read. */
  async #startTls(): Promise<Step | undefined> {
    await this.#say("220 2.0.0 Ready to start TLS");
    this.#stream.deadline(this.#settings.commandMs);
    try {
      this.#stream = await acceptTls(this.#below, this.#context.identity!);
    } catch (error) {
      this.#context.ports.log("info", "A client's TLS handshake failed", {
        client: this.#below.remoteAddress,
        error: describe(error),
      });
      return undefined;
    }
    this.#logOut();
    this.#session.secured();
    return this.#session.next();
  }

  /** What the client says goes to the next hop, and what that says to the client; then his mail goes over that connection. */
  async #authenticate(argument: string): Promise<Step | undefined> {
    const end = await authenticate(this.#context.pool!, argument, {
      say: (reply) => this.#say(reply),
      line: () => lineOf(this.#session, () => this.#readOnce()),
    });
    if (!end) return undefined;
    const pool = this.#own = end.login?.hop;
    if (pool) this.#context = sharing(this.#shared, { pool });
    return this.#session.answerAuth(end.reply, end.login);
  }

  /** What was proved before counts no more, nor does the connection that it was proved on. */
  #logOut(): void {
    this.#own?.close();
    this.#own = undefined;
    this.#context = this.#shared;
  }

  /** The next octets of the client's; `undefined` at the end of the stream. */
  async #readOnce(): Promise<Uint8Array | undefined> {
    this.#stream.deadline(this.#settings.commandMs);
    const count = await this.#read();
    this.#reading = false;
    return count === null ? undefined : this.#buffer.subarray(0, count);
  }

  #source(open: Open): FactsSource {
    const { transaction } = open;
    const { tree, time } = open;
    const { client } = transaction;
    const source = sessionFacts(this.#session, this.#settings, { tree, time, client });
    const recipients = transaction.recipients.map((each) => each.address);
    const protocol = transaction.client.protocol ?? transaction.protocol;
    return {
      ...source,
      envelope: { ...source.envelope, sender: transaction.sender, recipients, protocol },
    };
  }

  /** Room for the message to come: as much as the client declared, or a first step. */
  async #reserve(): Promise<Reply | undefined> {
    const declared = this.#session.transaction?.parameters.size ?? 0;
    const granted = await this.#reserved.grow(Math.max(declared, RESERVE_STEP_OCTETS));
    return granted ? undefined : "452 4.3.1 Too much mail at once, try again later";
  }

  /** Forgets the transaction that was open, at the next hop, too. */
  #drop(): void {
    this.#open?.relay?.abort();
    this.#open = undefined;
    this.#reserved.release();
  }

  #say(reply: Reply): Promise<void> {
    this.#output += `${reply}\r\n`;
    return this.#flush();
  }

  async #flush(): Promise<void> {
    if (this.#output === "") return;
    const octets = encoder.encode(this.#output);
    this.#output = "";
    await this.#stream.write(octets);
  }
}
