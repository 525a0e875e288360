/** The one SMTP and LMTP client of Postern: used by the smtp agent and to release from quarantine. */
import { PosternError } from "../../errors.ts";
import { type ClientFacts, forwardLines } from "./client_facts.ts";
import { stuffDots } from "../dot_stuffing.ts";
import { IDLE_CONNECTION_MS, MAX_TRANSACTIONS } from "./limits.ts";
import { RelayConnection, type RelayOptions } from "./relay_connection.ts";
import { type HopReply, isSuccess } from "./reply_reader.ts";
import type { MailParameters, RecipientArgument } from "./transaction.ts";

export type { RelayOptions } from "./relay_connection.ts";
export { type HopReply, isSuccess, relayed } from "./reply_reader.ts";

/** A connection that answered so shortly ago is taken to be alive: the message is sent without asking first, ms. */
const QUICK_MS = 2000;
/** How long a session waits for the first word of the next hop, and how long a failure holds, ms. */
const LEARN_MS = 2000;
const LEARN_AGAIN_MS = 5000;
const NEEDS_UTF8: HopReply = {
  code: 553,
  lines: ["5.6.7 The next hop cannot take this address (SMTPUTF8)"],
};
const NEEDS_8BIT: HopReply = { code: 554, lines: ["5.6.3 The next hop cannot take 8-bit content"] };

/** What a next hop offers, as far as it matters to clients of ours. */
export interface HopOffers {
  readonly eightBitMime: boolean;
  readonly smtpUtf8: boolean;
  readonly dsn: boolean;
  /** Octets; 0: it sets no limit. */
  readonly size: number;
  /** SASL mechanisms. */
  readonly auth: readonly string[];
}

/** Where connections to a next hop come from. */
export interface NextHopPool {
  /** What the next hop offered last; `undefined` before it was ever reached. */
  readonly offers: HopOffers | undefined;
  /** Idle connections now. */
  readonly idle: number;
  /** Gets to know the offers where they are not known; never rejects. */
  learn(): Promise<void>;
  /** Begins a transaction. No connection is made before the first recipient. */
  begin(sender: RelaySender): RelayTransaction;
  /** An idle connection, or with `fresh` a new one. @throws as {@link RelayConnection.open}. */
  take(fresh: boolean): Promise<{ connection: RelayConnection; reused: boolean }>;
  /** Keeps a connection on which no transaction is open. */
  put(connection: RelayConnection): void;
  /** Closes idle connections; those in use close when their transactions end. */
  close(): void;
}

/** A sender, with what belongs to it. */
export interface RelaySender {
  /** `""` is the null sender. */
  readonly address: string;
  /** Whether the address holds characters outside ASCII. */
  readonly utf8: boolean;
  readonly parameters: MailParameters;
  /** Told to the next hop by XFORWARD where it offers that. */
  readonly client?: ClientFacts;
}

/** Idle connections to one next hop, and the making of new ones. */
export class RelayPool implements NextHopPool {
  readonly #options: RelayOptions;
  readonly #maxIdle: number;
  /** Those used last at the end, each with the moment (performance.now) until which it is kept. */
  readonly #idle: { readonly connection: RelayConnection; readonly until: number }[] = [];
  #sweep: ReturnType<typeof setTimeout> | undefined;
  #offers: HopOffers | undefined;
  #learning: Promise<void> | undefined;
  #learnAgain = 0;
  #closed = false;

  /** @param maxIdle Idle connections that are kept. */
  constructor(options: RelayOptions, maxIdle: number) {
    this.#options = options;
    this.#maxIdle = maxIdle;
  }

  /** What the next hop offered last; `undefined` before it was ever reached. */
  get offers(): HopOffers | undefined {
    return this.#offers;
  }

  /** Idle connections now. */
  get idle(): number {
    return this.#idle.length;
  }

  /**
   * Gets to know the next hop's offers when they are not known. Never rejects and never takes long: it may be down, and then is not
   * tried again for every session.
   */
  async learn(): Promise<void> {
    if (this.#offers || performance.now() < this.#learnAgain) return;
    this.#learning ??= this.#open().then((connection) => this.put(connection), () => {
      this.#learnAgain = performance.now() + LEARN_AGAIN_MS;
    }).finally(() => this.#learning = undefined);
    let timer;
    const enough = new Promise<void>((resolve) => timer = setTimeout(resolve, LEARN_MS));
    await Promise.race([this.#learning, enough]); // nothing is read here: the loser just goes on
    clearTimeout(timer);
  }

  /** Begins a transaction. No connection is made before the first recipient. */
  begin(sender: RelaySender): RelayTransaction {
    return new RelayTransaction(this, sender);
  }

  /** An idle connection, or with `fresh` a new one. @throws as {@link RelayConnection.open}. */
  async take(fresh: boolean): Promise<{ connection: RelayConnection; reused: boolean }> {
    const idle = fresh ? undefined : this.#idle.pop();
    if (idle) return { connection: idle.connection, reused: true };
    return { connection: await this.#open(), reused: false };
  }

  /** Keeps a connection on which no transaction is open. */
  put(connection: RelayConnection): void {
    if (
      this.#closed || this.#idle.length >= this.#maxIdle ||
      connection.transactions >= MAX_TRANSACTIONS
    ) {
      void connection.quit();
      return;
    }
    const entry = { connection, until: performance.now() + IDLE_CONNECTION_MS };
    this.#idle.push(entry);
    this.#sweep ??= setTimeout(() => this.#closeOld(), IDLE_CONNECTION_MS);
    connection.watch(() => {
      const at = this.#idle.indexOf(entry);
      if (at === -1) return;
      this.#idle.splice(at, 1);
      connection.close();
    });
  }

  /** One timer for all that are idle: it goes on while there are any. */
  #closeOld(): void {
    const now = performance.now();
    while (this.#idle[0] && this.#idle[0].until <= now) void this.#idle.shift()?.connection.quit();
    const next = this.#idle[0];
    this.#sweep = next && setTimeout(() => this.#closeOld(), Math.max(1, next.until - now));
  }

  /** Closes idle connections; those in use close when their transactions end. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#sweep);
    this.#sweep = undefined;
    for (const { connection } of this.#idle.splice(0)) void connection.quit();
  }

  async #open(): Promise<RelayConnection> {
    const connection = await RelayConnection.open(this.#options);
    const { features } = connection;
    this.#offers = {
      eightBitMime: features.has("8BITMIME"),
      smtpUtf8: features.has("SMTPUTF8"),
      dsn: features.has("DSN"),
      size: Number(/^\d+/.exec(features.get("SIZE") ?? "")?.[0] ?? 0),
      auth: (features.get("AUTH") ?? "").split(" ").filter((each) => each !== ""),
    };
    return connection;
  }
}

/**
 * One mail transaction with a next hop. It ends with {@link RelayTransaction.send} or {@link RelayTransaction.abort}.
 *
 * A connection that breaks before the end of the data was sent is replaced once: nothing can have been accepted by then. Once the
 * last octet was handed to the kernel nothing is ever sent again, since nobody knows what the next hop has.
 */
export class RelayTransaction {
  readonly #pool: NextHopPool;
  readonly #sender: RelaySender;
  readonly #accepted: RecipientArgument[] = [];
  #connection: RelayConnection | undefined;
  #refused: HopReply | undefined;
  #asked = 0;
  #replaced = false;
  #over = false;
  #working = false;
  #sent = false;

  constructor(pool: NextHopPool, sender: RelaySender) {
    this.#pool = pool;
    this.#sender = sender;
  }

  /** Whether octets of the message went out: where {@link send} rejects then, nobody knows whether it was taken. */
  get sent(): boolean {
    return this.#sent;
  }

  /** Recipients that the next hop has accepted, in order. */
  get accepted(): readonly RecipientArgument[] {
    return this.#accepted;
  }

  /**
   * Offers recipients to the next hop; the first call brings the sender, too.
   *
   * @returns a reply a recipient. Where the sender was refused, that is each one's reply.
   * @throws {PosternError} `smtp/unavailable`, `smtp/tls` or `wire/…` when the next hop cannot be asked; the transaction is over.
   */
  async recipients(recipients: readonly RecipientArgument[]): Promise<HopReply[]> {
    this.#working = true;
    try {
      const replies = await this.#ask(recipients);
      for (const [i, recipient] of recipients.entries()) {
        if (isSuccess(replies[i]!)) this.#accepted.push(recipient);
      }
      return replies;
    } catch (error) {
      this.#drop();
      throw error;
    } finally {
      this.#working = false;
      if (this.#over) this.#drop();
    }
  }

  async #ask(recipients: readonly RecipientArgument[]): Promise<HopReply[]> {
    const refused = this.#refused;
    if (refused) return recipients.map(() => refused);
    const connection = this.#connection;
    if (!connection) return await this.#begin(recipients);
    try {
      if (recipients.some((each) => each.utf8) && !connection.features.has("SMTPUTF8")) {
        return recipients.map(() => NEEDS_UTF8);
      }
      const replies = await connection.commands(recipients.map((each) => rcpt(each, connection)));
      this.#asked = performance.now();
      if (!replies.some((reply) => reply.code === 421)) return replies;
    } catch (error) {
      if (!(error instanceof PosternError) || error.code !== "wire/closed") throw error;
    }
    await this.#replace(); // it was closed between two recipients: say all again
    return await this.#ask(recipients);
  }

  /** MAIL and the first recipients, in one go where the next hop allows. */
  async #begin(recipients: readonly RecipientArgument[]): Promise<HopReply[]> {
    while (true) {
      const { connection, reused } = await this.#pool.take(this.#replaced);
      const lacking = this.#lacking(recipients, connection);
      if (lacking) {
        this.#pool.put(connection);
        return recipients.map(() => lacking);
      }
      const lines = this.#opening(recipients, connection);
      const skipped = lines.length;
      connection.transactions++;
      try {
        const commands = [...lines, ...recipients.map((each) => rcpt(each, connection))];
        const replies = await connection.commands(commands);
        const mail = replies[skipped - 1]!;
        if (replies.some((reply) => reply.code === 421) && reused && !this.#replaced) {
          throw new PosternError("wire/closed", "The next hop closes the connection");
        }
        this.#asked = performance.now();
        this.#connection = connection;
        if (!isSuccess(mail)) this.#refused = mail;
        return isSuccess(mail) ? replies.slice(skipped) : recipients.map(() => mail);
      } catch (error) {
        connection.close();
        const dead = error instanceof PosternError && error.code === "wire/closed";
        if (!dead || !reused || this.#replaced) throw error;
        this.#replaced = true; // it died while it was idle: a fresh one gets the same, once
      }
    }
  }

  /** What the message needs and the next hop does not offer: it may not be sent as if it did. */
  #lacking(
    recipients: readonly RecipientArgument[],
    { features }: RelayConnection,
  ): HopReply | undefined {
    const utf8 = this.#sender.utf8 || recipients.some((each) => each.utf8);
    if (utf8 && !features.has("SMTPUTF8")) return NEEDS_UTF8;
    const eightBit = this.#sender.parameters.body === "8BITMIME" && !features.has("8BITMIME");
    return eightBit ? NEEDS_8BIT : undefined;
  }

  #opening(recipients: readonly RecipientArgument[], connection: RelayConnection): string[] {
    const offered = connection.features.get("XFORWARD")?.toUpperCase().split(" ");
    const forward = offered && this.#sender.client
      ? forwardLines(this.#sender.client, offered)
      : [];
    // whom mail is redirected to may need what its sender did not
    const utf8 = this.#sender.parameters.utf8 || recipients.some((each) => each.utf8);
    return [...forward, mail(this.#sender, utf8, connection)];
  }

  /** A new connection, brought to where the old one was. */
  async #replace(): Promise<void> {
    this.#connection?.close();
    this.#connection = undefined;
    if (this.#replaced) {
      throw new PosternError("wire/closed", "The next hop closed the connection again");
    }
    this.#replaced = true;
    const replies = await this.#begin(this.#accepted);
    if (!replies.every(isSuccess)) {
      throw new PosternError("smtp/unavailable", "The next hop refuses now what it had accepted");
    }
  }

  /**
   * Sends the message to the recipients accepted.
   *
   * @param chunks Every line end in them is CRLF.
   * @returns for SMTP one reply, for LMTP one for each accepted recipient, in order.
   * @throws {PosternError} `smtp/unavailable`, `wire/…`: after the end of the data was sent nobody knows whether it was taken.
   */
  async send(chunks: readonly Uint8Array[]): Promise<HopReply[]> {
    this.#working = true;
    try {
      const replies = await this.#send(chunks);
      this.#finish();
      return replies;
    } catch (error) {
      this.#drop();
      throw error;
    } finally {
      this.#working = false;
      this.#over = true;
    }
  }

  async #send(chunks: readonly Uint8Array[]): Promise<HopReply[]> {
    if (this.#accepted.length === 0) throw new Error("There is no recipient to send to");
    while (true) {
      let connection = this.#connection;
      if (!connection) {
        await this.#replace();
        connection = this.#connection!;
      }
      const count = connection.lmtp ? this.#accepted.length : 1;
      const quick = performance.now() - this.#asked < QUICK_MS;
      if (quick && !connection.lmtp && connection.features.has("CHUNKING")) {
        const octets = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
        this.#sent = true;
        await connection.commandAndContent(`BDAT ${octets} LAST`, chunks); // RFC 3030: no round trip for DATA
        return await connection.replies(1);
      }
      const go = await this.#data(connection);
      if (go === undefined) continue; // it was closed meanwhile, and the transaction stands on a new one
      if (go.code !== 354) {
        if (go.code < 400) { // "done" before there was anything to do: not to be taken for a receipt
          throw new PosternError("wire/bad-frame", "The next hop answered DATA out of turn");
        }
        this.#connection = undefined;
        connection.resetting = this.#reset(connection);
        return Array.from({ length: count }, () => go);
      }
      this.#sent = true;
      await connection.content(stuffDots(chunks));
      return await connection.replies(count);
    }
  }

  /** DATA and its reply; `undefined` when the connection was dead and the transaction stands on a new one. */
  async #data(connection: RelayConnection): Promise<HopReply | undefined> {
    try {
      const [reply] = await connection.commands(["DATA"]);
      if (reply!.code !== 421) return reply;
    } catch (error) {
      if (!(error instanceof PosternError) || error.code !== "wire/closed") throw error;
    }
    await this.#replace();
    return undefined;
  }

  /** Gives it up; nothing was or will be accepted. The connection is kept where it can be. */
  abort(): void {
    if (this.#over) return;
    this.#over = true;
    if (this.#working) this.#connection?.close(); // the call that runs fails and cleans up
    else if (this.#connection) this.#connection.resetting = this.#reset(this.#connection);
    if (!this.#working) this.#connection = undefined;
  }

  async #reset(connection: RelayConnection): Promise<void> {
    try {
      const [reply] = await connection.commands(["RSET"]);
      if (isSuccess(reply!)) this.#pool.put(connection);
      else connection.close();
    } catch {
      connection.close();
    }
  }

  #finish(): void {
    const connection = this.#connection;
    this.#connection = undefined;
    if (connection) this.#pool.put(connection);
  }

  #drop(): void {
    this.#over = true;
    this.#connection?.close();
    this.#connection = undefined;
  }
}

function mail(sender: RelaySender, utf8: boolean, { features }: RelayConnection): string {
  const { size, body, ret, envid, auth } = sender.parameters;
  let line = `MAIL FROM:<${sender.address}>`;
  if (size > 0 && features.has("SIZE")) line += ` SIZE=${size}`;
  if (body && features.has("8BITMIME")) line += ` BODY=${body}`;
  if (utf8 && features.has("SMTPUTF8")) line += " SMTPUTF8";
  if (features.has("DSN")) {
    if (ret) line += ` RET=${ret}`;
    if (envid) line += ` ENVID=${envid}`;
  }
  if (auth && features.has("AUTH")) line += ` AUTH=${auth}`;
  return line;
}

function rcpt(recipient: RecipientArgument, connection: RelayConnection): string {
  let line = `RCPT TO:<${recipient.address}>`;
  if (connection.features.has("DSN")) {
    if (recipient.notify) line += ` NOTIFY=${recipient.notify}`;
    if (recipient.orcpt) line += ` ORCPT=${recipient.orcpt}`;
  }
  return line;
}
