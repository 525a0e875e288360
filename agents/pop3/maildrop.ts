import { describe } from "../describe.ts";
import type { MailboxAnswer, MailboxClient } from "../mailbox/gate.ts";
import { Reservation } from "../session_books.ts";
import { withCrlf } from "../line_ends.ts";
import { deletesAtOnce } from "./capabilities.ts";
import { parseNumber } from "./command.ts";
import type { Pop3Context, Pop3Settings } from "./context.ts";
import { RESERVE_STEP_OCTETS } from "./limits.ts";
import type { Pop3Server } from "./server.ts";

const NO_ROOM = "[SYS/TEMP] Too much mail at once, try again later";

/** What a client hears when its message is not to be had: `text` stands behind `-ERR `. */
export interface NoMessage {
  readonly kind: "none";
  readonly text: string;
}

/** A message as its client gets it. */
export interface Message {
  readonly kind: "message";
  readonly octets: Uint8Array;
  /** Gives its octets back: to be called once it is written, or will not be. */
  done(): void;
}

/**
 * The mailbox of one login as its client sees it: messages are fetched once, scanned, and from then on have the size that they are
 * delivered with. Numbers stay what they are for the whole session (RFC 1939, section 8).
 */
export class Maildrop {
  readonly #context: Pop3Context;
  readonly #settings: Pop3Settings;
  readonly #server: Pop3Server;
  readonly #client: MailboxClient;
  readonly #session: string;
  /** Octets that the server lists, of those messages of which it is known. */
  readonly #listed = new Map<number, number>();
  /** Octets of those that were fetched. */
  readonly #delivered = new Map<number, number>();
  readonly #deleted = new Set<number>();
  /** Numbers that may be in the cache. */
  readonly #cached = new Set<number>();
  #keepsTop: boolean | undefined;

  constructor(
    context: Pop3Context,
    settings: Pop3Settings,
    server: Pop3Server,
    client: MailboxClient,
    session: string,
  ) {
    this.#context = context;
    this.#settings = settings;
    this.#server = server;
    this.#client = client;
    this.#session = session;
  }

  /** Forgets what is in the cache for this session. */
  close(): void {
    for (const number of this.#cached) this.#context.cache.delete(this.#key(number));
    this.#cached.clear();
  }

  /** The server took a DELE. */
  deleted(number: number): void {
    this.#deleted.add(number);
    this.#forget(number);
  }

  /** The server took an RSET. */
  reset(): void {
    this.#deleted.clear();
  }

  /**
   * A line of LIST, `1 120` and perhaps more (RFC 1939, section 11), with the size of what is delivered.
   *
   * @param line What the server said.
   */
  listing(line: string): string {
    const match = /^(\d+) (\d+)(.*)$/.exec(line);
    const number = match ? parseNumber(match[1]!) : undefined;
    const size = match ? parseNumber(match[2]!) : undefined;
    if (!match || number === undefined || size === undefined) return line;
    const delivered = this.#delivered.get(number);
    if (delivered === undefined) return line;
    this.#listed.set(number, size);
    return `${number} ${delivered}${match[3]}`;
  }

  /** A line of STAT, `2 320` and perhaps more, with the sum of what LIST says. */
  async summary(line: string): Promise<string> {
    const match = /^(\d+) (\d+)(.*)$/.exec(line);
    if (!match) return line;
    const fetched = [...this.#delivered.keys()].filter((each) => !this.#deleted.has(each));
    if (fetched.some((each) => !this.#listed.has(each))) {
      await this.#server.list("LIST", (each) => void this.listing(each));
    }
    let octets = Number(match[2]);
    for (const each of fetched) {
      const listed = this.#listed.get(each);
      if (listed !== undefined) octets += this.#delivered.get(each)! - listed;
    }
    return `${match[1]} ${Math.max(0, octets)}${match[3]}`;
  }

  /**
   * The message of a RETR or TOP. It is fetched from the server once: what TOP has shown is kept for the RETR that follows.
   *
   * @param signal Aborted when the client goes away.
   * @param top Whether it is for a TOP.
   * @throws {PosternError} when the server fails, or the client went away.
   */
  async message(number: number, signal: AbortSignal, top: boolean): Promise<Message | NoMessage> {
    if (this.#deleted.has(number)) return none("Message is deleted");
    if (top && await this.#topDeletes()) {
      return none("There is no TOP: this server deletes what was fetched");
    }
    const known = this.#context.cache.get(this.#key(number));
    if (known) return said(known, () => void (top || this.#forget(number))); // after RETR the client has it
    const reservation = new Reservation(this.#context.ports);
    if (!await reservation.grow(RESERVE_STEP_OCTETS)) return none(NO_ROOM);
    let result: Message | NoMessage | undefined;
    try {
      const fetched = await this.#fetch(number, signal, reservation);
      result = fetched instanceof Uint8Array
        ? await this.#pass(number, fetched, signal, top, () => reservation.release())
        : fetched;
      return result;
    } finally {
      if (result?.kind !== "message") reservation.release();
    }
  }

  /** RETR. What is still to come when the client goes away is wanted by nobody. */
  async #fetch(
    number: number,
    signal: AbortSignal,
    reservation: Reservation,
  ): Promise<Uint8Array | NoMessage> {
    const gone = () => this.#server.close();
    signal.addEventListener("abort", gone, { once: true });
    try {
      let refused = false;
      const { messageSize } = this.#settings;
      const { status, message } = await this.#server.retrieve(
        number,
        messageSize,
        async (octets) => {
          const granted = await reservation.grow(octets, RESERVE_STEP_OCTETS);
          refused ||= !granted;
          return granted;
        },
      );
      if (status.kind !== "ok") return none(status.text);
      if (message) return withCrlf(message);
      return none(refused ? NO_ROOM : "[SYS/PERM] Message is too large for this gateway");
    } finally {
      signal.removeEventListener("abort", gone);
    }
  }

  async #pass(
    number: number,
    message: Uint8Array,
    signal: AbortSignal,
    top: boolean,
    done: () => void,
  ): Promise<Message | NoMessage> {
    this.#context.messages++;
    let answer: MailboxAnswer;
    try {
      answer = await this.#context.gate.pass(this.#client, message, signal);
    } catch (error) {
      if (signal.aborted) throw error;
      this.#context.ports.log("error", "Cannot handle a message; it is deferred", {
        listener: this.#settings.listener,
        user: this.#client.user,
        error: describe(error),
      });
      return none("[SYS/TEMP] Try again later");
    }
    if (answer.kind === "message") this.#delivered.set(number, withEnd(answer.message).length);
    if (top && answer.kind !== "later") await this.#keep(number, answer);
    return said(answer, done);
  }

  async #keep(number: number, answer: MailboxAnswer): Promise<void> {
    const octets = answer.kind === "message" ? answer.message.length : answer.text.length;
    this.#cached.add(number);
    await this.#context.cache.set(this.#key(number), answer, octets);
  }

  #forget(number: number): void {
    if (this.#cached.delete(number)) this.#context.cache.delete(this.#key(number));
  }

  #key(number: number): string {
    return `${this.#session} ${number}`;
  }

  /** Asked once a session, when it matters first. */
  async #topDeletes(): Promise<boolean> {
    this.#keepsTop ??= !deletesAtOnce(await this.#server.capabilities());
    return !this.#keepsTop;
  }
}

function none(text: string): NoMessage {
  return { kind: "none", text };
}

function said(answer: MailboxAnswer, done: () => void): Message | NoMessage {
  switch (answer.kind) {
    case "message":
      return { kind: "message", octets: withEnd(answer.message), done };
    case "later":
      return none(`[SYS/TEMP] ${answer.text}`);
    case "withheld":
      return none(`[SYS/PERM] ${answer.text}`);
  }
}

const CRLF = new Uint8Array([13, 10]);

/** A message with CRLF at its end, which RFC 1939 has no way to leave out. */
function withEnd(message: Uint8Array): Uint8Array {
  const { length } = message;
  if (length === 0 || (message[length - 2] === 13 && message[length - 1] === 10)) return message;
  const out = new Uint8Array(length + CRLF.length);
  out.set(message);
  out.set(CRLF, length);
  return out;
}

/**
 * The part of a message that TOP shows: the header, the empty line, and so many lines of the body.
 *
 * @see RFC 1939, section 7.
 */
export function topOf(message: Uint8Array, lines: number): Uint8Array {
  const LF = 10;
  let at = 0;
  let body = false;
  let left = lines;
  while (at < message.length && !(body && left === 0)) {
    const lf = message.indexOf(LF, at);
    const next = lf === -1 ? message.length : lf + 1;
    if (body) left--;
    else if (next - at === 2 && message[at] === 13) body = true;
    at = next;
  }
  return message.subarray(0, at);
}
