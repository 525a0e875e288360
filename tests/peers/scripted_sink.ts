/**
 * A next hop in the test's own process: an SMTP or LMTP server that keeps what it took, octet by octet, and that misbehaves
 * when it is told to.
 */
import { freePort } from "../wait.ts";
import { Closed, hasBareLineEnd, unstuffDots, Wire } from "./wire.ts";

/** A message as it was taken. */
export interface SunkMessage {
  /** Arguments as they came: `<a@b> SIZE=7`. */
  readonly from: string;
  /** Accepted recipients, as they came. */
  readonly to: readonly string[];
  /** Octets, dots taken away, with the last line's CRLF. */
  readonly octets: Uint8Array;
  /** Whether what came on the wire held a bare CR or LF. */
  readonly bareLineEnd: boolean;
  /** Attributes of XFORWARD commands of this transaction, as they came. */
  readonly xforward: Readonly<Record<string, string>>;
  readonly helo: string;
}

/** Moments at which the sink asks what to do. `body` comes each time octets of a message came in. */
export type Moment = "connect" | "ehlo" | "mail" | "rcpt" | "data" | "body" | "end" | "answered";

/** What to do at a moment: a reply to give instead of the usual one, never answer, or break the connection. */
export type Trick = { readonly reply: string } | "stall" | "reset";

/** How a sink behaves. */
export interface SinkOptions {
  readonly protocol?: "smtp" | "lmtp";
  /** Keywords of EHLO. */
  readonly extensions?: readonly string[];
  /** Asked at each moment; `argument` is what came with the command, or the recipient's path at LMTP's `end`. */
  readonly trick?: (moment: Moment, argument: string, session: number) => Trick | undefined;
  /** Called before 250 is given; the message counts as taken once it resolves. */
  readonly keep?: (message: SunkMessage) => void | Promise<void>;
}

/** What Postfix offers, and CHUNKING on request only. */
export const USUAL_EXTENSIONS: readonly string[] = [
  "PIPELINING",
  "SIZE 104857600",
  "8BITMIME",
  "SMTPUTF8",
  "DSN",
  "ENHANCEDSTATUSCODES",
  "XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE",
];

interface Transaction {
  from: string;
  to: string[];
  chunks: Uint8Array[];
}

/** The sink. */
export class ScriptedSink implements AsyncDisposable {
  readonly port: number;
  /** Messages taken, in the order of their 250. */
  readonly messages: SunkMessage[] = [];
  /** Each command line, as it came. */
  readonly commands: string[] = [];
  /** How many connections there were. */
  sessions = 0;
  #options: SinkOptions;
  #listener: Deno.Listener | undefined;
  #accepting: Promise<void> = Promise.resolve();
  readonly #wires = new Set<Wire>();
  readonly #working = new Set<Promise<void>>();

  private constructor(port: number, options: SinkOptions) {
    this.port = port;
    this.#options = options;
  }

  /** Listens on a free port of 127.0.0.1. */
  static start(options: SinkOptions = {}): ScriptedSink {
    const sink = new ScriptedSink(freePort(), options);
    sink.listen();
    return sink;
  }

  /** Other behaviour from now on. */
  behave(options: SinkOptions): void {
    this.#options = { ...this.#options, ...options };
  }

  /** Listens (again) on its port. */
  listen(): void {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: this.port });
    this.#listener = listener;
    this.#accepting = this.#accept(listener);
  }

  /**
   * Ends as a killed process does: nothing listens, each connection breaks, whatever was going on in it. Resolves once the port
   * is free.
   */
  async crash(): Promise<void> {
    this.#listener?.close();
    this.#listener = undefined;
    for (const wire of this.#wires) wire.close();
    this.#wires.clear();
    await this.#accepting;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.crash();
    await Promise.allSettled(this.#working);
  }

  async #accept(listener: Deno.Listener): Promise<void> {
    try {
      for await (const connection of listener) {
        (connection as Deno.TcpConn).setNoDelay(true);
        const wire = new Wire(connection);
        this.#wires.add(wire);
        const work = this.#session(wire, ++this.sessions).catch((error) => {
          if (!(error instanceof Closed)) throw error;
        }).finally(() => {
          wire.close();
          this.#wires.delete(wire);
          this.#working.delete(work);
        });
        this.#working.add(work);
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  }

  /** Gives the usual reply, or does what the script says; true when the usual reply was given. */
  async #answer(
    wire: Wire,
    session: number,
    moment: Moment,
    argument: string,
    usual: string,
  ): Promise<boolean> {
    const trick = this.#options.trick?.(moment, argument, session);
    if (trick === "reset") throw new Closed("As told");
    if (trick === "stall") {
      // Reads on, so that it sees the other side's end, but never answers.
      while (true) await wire.exactly(1);
    }
    await wire.write(`${trick?.reply ?? usual}\r\n`);
    return trick === undefined;
  }

  async #session(wire: Wire, session: number): Promise<void> {
    const lmtp = this.#options.protocol === "lmtp";
    let helo = "";
    let xforward: Record<string, string> = {};
    let transaction: Transaction | undefined;
    const answer = (moment: Moment, argument: string, usual: string) =>
      this.#answer(wire, session, moment, argument, usual);

    await answer("connect", "", `220 sink.test ${lmtp ? "LMTP" : "ESMTP"}`);
    while (true) {
      const line = await wire.line();
      this.commands.push(line);
      const verb = (/^[A-Za-z]+/.exec(line)?.[0] ?? "").toUpperCase();
      const argument = line.slice(verb.length).replace(/^ (?:FROM|TO):/i, "").trim();
      switch (verb) {
        case lmtp ? "LHLO" : "EHLO": {
          helo = argument;
          transaction = undefined;
          const offers = this.#options.extensions ?? USUAL_EXTENSIONS;
          const lines = ["sink.test", ...offers];
          await answer(
            "ehlo",
            argument,
            lines.map((text, i) => `250${i === lines.length - 1 ? " " : "-"}${text}`).join("\r\n"),
          );
          break;
        }
        case "HELO":
          helo = argument;
          await answer("ehlo", argument, "250 sink.test");
          break;
        case "XFORWARD":
          for (const pair of argument.split(" ")) {
            const [name = "", value = ""] = pair.split("=");
            xforward[name.toUpperCase()] = value;
          }
          await wire.write("250 2.0.0 Ok\r\n");
          break;
        case "MAIL":
          if (transaction) await wire.write("503 5.5.1 Nested MAIL\r\n");
          else if (await answer("mail", argument, "250 2.1.0 Ok")) {
            transaction = { from: argument, to: [], chunks: [] };
          }
          break;
        case "RCPT":
          if (!transaction) await wire.write("503 5.5.1 MAIL first\r\n");
          else if (await answer("rcpt", argument, "250 2.1.5 Ok")) transaction.to.push(argument);
          break;
        case "DATA": {
          if (!transaction || transaction.to.length === 0) {
            await wire.write("554 5.5.1 No valid recipients\r\n");
            break;
          }
          if (!await answer("data", argument, "354 Go on")) break;
          const stuffed = await wire.data((octets) => {
            const trick = this.#options.trick?.("body", String(octets), session);
            if (trick === "reset") throw new Closed("As told");
          });
          await this.#finish(
            wire,
            session,
            transaction,
            unstuffDots(stuffed),
            stuffed,
            helo,
            xforward,
          );
          transaction = undefined;
          xforward = {};
          break;
        }
        case "BDAT": {
          const [count = "", last] = argument.split(" ");
          const chunk = await wire.exactly(Number(count));
          if (!transaction || transaction.to.length === 0) {
            await wire.write("503 5.5.1 MAIL and RCPT first\r\n");
            break;
          }
          transaction.chunks.push(chunk);
          if (last?.toUpperCase() !== "LAST") {
            await wire.write("250 2.0.0 Ok\r\n");
            break;
          }
          const octets = new Uint8Array(
            await new Blob(transaction.chunks as BlobPart[]).arrayBuffer(),
          );
          await this.#finish(wire, session, transaction, octets, octets, helo, xforward);
          transaction = undefined;
          xforward = {};
          break;
        }
        case "RSET":
          transaction = undefined;
          await wire.write("250 2.0.0 Ok\r\n");
          break;
        case "NOOP":
          await wire.write("250 2.0.0 Ok\r\n");
          break;
        case "QUIT":
          await wire.write("221 2.0.0 Bye\r\n");
          return;
        default:
          await wire.write("500 5.5.1 Unknown command\r\n");
      }
    }
  }

  async #finish(
    wire: Wire,
    session: number,
    { from, to }: Transaction,
    octets: Uint8Array,
    onWire: Uint8Array,
    helo: string,
    xforward: Readonly<Record<string, string>>,
  ): Promise<void> {
    const message: SunkMessage = {
      from,
      to,
      octets,
      bareLineEnd: hasBareLineEnd(onWire),
      xforward,
      helo,
    };
    // LMTP answers for each recipient: RFC 2033, section 4.2.
    const lmtp = this.#options.protocol === "lmtp";
    let kept = false;
    for (const path of lmtp ? to : [to.join(" ")]) {
      const trick = this.#options.trick?.("end", path, session);
      if (trick === "reset") throw new Closed("As told");
      if (trick === "stall") { while (true) await wire.exactly(1); }
      if (trick === undefined && !kept) {
        kept = true;
        await this.#options.keep?.(message);
        this.messages.push(message);
      }
      await wire.write(`${trick?.reply ?? "250 2.0.0 Ok: queued"}\r\n`);
    }
    if (this.#options.trick?.("answered", from, session) === "reset") throw new Closed("As told");
  }
}
