/** What a client may say once it has logged in: RFC 1939, sections 5 to 7; RFC 6856. */
import { gather, stuffDots } from "../dot_stuffing.ts";
import type { MailboxClient } from "../mailbox/gate.ts";
import { type Command, octetsOf, parseNumber } from "./command.ts";
import type { Pop3Context, Pop3Settings } from "./context.ts";
import { WRITE_OCTETS } from "./limits.ts";
import { Maildrop, type Message, topOf } from "./maildrop.ts";
import type { Pop3Server } from "./server.ts";
import { languages, stuffed } from "./listing.ts";
import { type Answer, err, ok, statusOf } from "./session_types.ts";

/** The session's part that a transaction needs. */
export interface TransactionOwner {
  /** Unique among the agent's sessions. */
  readonly id: string;
  write(octets: Uint8Array): Promise<void>;
}

/** The TRANSACTION state. */
export class Transaction {
  readonly #server: Pop3Server;
  readonly #owner: TransactionOwner;
  readonly #maildrop: Maildrop;

  constructor(
    context: Pop3Context,
    settings: Pop3Settings,
    server: Pop3Server,
    client: MailboxClient,
    owner: TransactionOwner,
  ) {
    this.#server = server;
    this.#owner = owner;
    this.#maildrop = new Maildrop(context, settings, server, client, owner.id);
  }

  /** The session is over. */
  close(): void {
    this.#maildrop.close();
  }

  /** Runs one command; QUIT and CAPA are the session's. */
  async command({ keyword, argument }: Command, signal: AbortSignal): Promise<Answer> {
    switch (keyword) {
      case "STAT":
        return argument === "" ? await this.#stat() : err("STAT takes no argument");
      case "LIST":
        return await this.#list(keyword, argument, (line) => this.#maildrop.listing(line));
      case "UIDL":
        return await this.#list(keyword, argument, (line) => line);
      case "RETR":
        return await this.#retr(argument, signal);
      case "TOP":
        return await this.#top(argument, signal);
      case "DELE":
        return await this.#dele(argument);
      case "NOOP":
        return statusOf(await this.#server.command("NOOP"));
      case "RSET":
        return await this.#rset();
      case "LANG":
        if (argument === "") {
          return await languages(this.#server, (each) => this.#owner.write(each));
        }
        return statusOf(await this.#server.command(`LANG ${argument}`));
      default:
        return err("Unknown command, or not after login");
    }
  }

  async #stat(): Promise<Answer> {
    const status = await this.#server.command("STAT");
    return status.kind === "ok" ? ok(await this.#maildrop.summary(status.text)) : statusOf(status);
  }

  /** LIST and UIDL: one line for one message, or all. Long listings are written as they come. */
  async #list(
    keyword: string,
    argument: string,
    change: (line: string) => string,
  ): Promise<Answer> {
    if (argument !== "") {
      const number = parseNumber(argument);
      if (number === undefined) return err(`${keyword} takes the number of a message`);
      const status = await this.#server.command(`${keyword} ${number}`);
      return status.kind === "ok" ? ok(change(status.text)) : statusOf(status);
    }
    // What the server says behind its +OK may be the number of octets, which is not what is delivered: only ours is said.
    let text = "+OK\r\n";
    const status = await this.#server.list(keyword, async (line) => {
      text += `${stuffed(change(line))}\r\n`;
      if (text.length < WRITE_OCTETS) return;
      const octets = octetsOf(text);
      text = "";
      await this.#owner.write(octets);
    });
    if (status.kind !== "ok") return statusOf(status);
    await this.#owner.write(octetsOf(`${text}.\r\n`));
    return { failed: false };
  }

  async #retr(argument: string, signal: AbortSignal): Promise<Answer> {
    const number = parseNumber(argument);
    if (number === undefined) return err("RETR takes the number of a message");
    const message = await this.#maildrop.message(number, signal, false);
    if (message.kind === "none") return err(message.text);
    return await this.#send(message, message.octets);
  }

  async #top(argument: string, signal: AbortSignal): Promise<Answer> {
    const [first = "", second = "", ...more] = argument.split(" ");
    const number = parseNumber(first);
    const lines = parseNumber(second);
    if (number === undefined || lines === undefined || more.length > 0) {
      return err("TOP takes the number of a message and a number of lines");
    }
    const message = await this.#maildrop.message(number, signal, true);
    if (message.kind === "none") return err(message.text);
    return await this.#send(message, topOf(message.octets, lines));
  }

  async #send(message: Message, octets: Uint8Array): Promise<Answer> {
    try {
      const head = octetsOf(`+OK ${octets.length} octets\r\n`);
      const pieces = [head, ...stuffDots([octets])];
      for (const piece of gather(pieces, WRITE_OCTETS)) await this.#owner.write(piece);
      return { failed: false };
    } finally {
      message.done();
    }
  }

  async #dele(argument: string): Promise<Answer> {
    const number = parseNumber(argument);
    if (number === undefined) return err("DELE takes the number of a message");
    const status = await this.#server.command(`DELE ${number}`);
    if (status.kind === "ok") this.#maildrop.deleted(number);
    return statusOf(status);
  }

  async #rset(): Promise<Answer> {
    const status = await this.#server.command("RSET");
    if (status.kind === "ok") this.#maildrop.reset();
    return statusOf(status);
  }
}
