/** An IMAP server of a test's own: it says what the test wants it to say. */
import { ChangedMessage } from "../../agents/imap/changed_message.ts";
import { namedMessages, parseFetch } from "../../agents/imap/fetch_request.ts";
import { piecesToOctets } from "../../agents/imap/fetch_response.ts";
import { latin1, octetsOf } from "../../agents/imap/pieces.ts";
import { writeItem } from "../../agents/imap/sections.ts";
import { ConnStream, type WireStream } from "../../agents/stream.ts";
import { acceptTls, type ServerIdentity } from "../../agents/tls.ts";

/** What a test says of it. */
export interface FakeImapOptions {
  /** Whole messages with CRLF, octets as characters; their UIDs are 101, 102, ... */
  readonly messages?: readonly string[];
  readonly capabilities?: string;
  readonly greeting?: string;
  readonly uidValidity?: number;
  /** STARTTLS is offered and taken; with `implicitTls` the connection begins with it. */
  readonly identity?: ServerIdentity;
  readonly implicitTls?: boolean;
  /** Octets behind the answer to STARTTLS. */
  readonly behindStartTls?: string;
  /**
   * Answers a command instead of the server: octets as characters; `undefined` leaves it to the server, `null` closes.
   */
  readonly answer?: (
    command: { readonly tag: string; readonly name: string; readonly text: string },
  ) => string | undefined | null | Promise<string | undefined | null>;
  /** Makes of a FETCH response what is sent in its place. */
  readonly fetched?: (response: string, number: number) => string;
}

/** Listens on a free port until it is disposed of; every password but `wrong` is right. */
export class FakeImapServer implements AsyncDisposable {
  options: FakeImapOptions;
  readonly port: number;
  /** Every command of every session, without its tag; literals in it. */
  readonly heard: string[] = [];
  /** What was appended. */
  readonly appended: string[] = [];
  sessions = 0;
  #open = true;
  readonly #listener: Deno.TcpListener;
  readonly #streams = new Set<WireStream>();

  constructor(options: FakeImapOptions = {}) {
    this.options = options;
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.port = this.#listener.addr.port;
    void this.#accept();
  }

  /** Says something to every client that is there. */
  async tell(text: string): Promise<void> {
    for (const stream of this.#streams) await stream.write(octetsOf(text));
  }

  [Symbol.asyncDispose](): Promise<void> {
    if (this.#open) this.#listener.close();
    this.#open = false;
    for (const stream of this.#streams) stream.close();
    return Promise.resolve();
  }

  async #accept(): Promise<void> {
    for await (const conn of this.#listener) {
      this.sessions++;
      this.#serve(new ConnStream(conn)).catch(() => {});
    }
  }

  async #serve(below: ConnStream): Promise<void> {
    const { identity, implicitTls, greeting } = this.options;
    let stream: WireStream = below;
    if (identity && implicitTls) stream = await acceptTls(below, identity);
    this.#streams.add(stream);
    let buffer = "";
    const chunk = new Uint8Array(65536);
    const until = async (ready: () => boolean) => {
      while (!ready()) {
        const count = await stream.read(chunk);
        if (count === null) throw new Error("closed");
        buffer += latin1(chunk.subarray(0, count));
      }
    };
    try {
      await stream.write(octetsOf(greeting ?? "* OK ready\r\n"));
      while (true) {
        let text = "";
        while (true) {
          await until(() => buffer.includes("\r\n"));
          const end = buffer.indexOf("\r\n");
          const line = buffer.slice(0, end);
          buffer = buffer.slice(end + 2);
          const literal = /\{(\d+)(\+?)\}$/.exec(line);
          text += line;
          if (!literal) break;
          if (literal[2] === "") await stream.write(octetsOf("+ go\r\n"));
          const size = Number(literal[1]);
          await until(() => buffer.length >= size);
          text += `\r\n${buffer.slice(0, size)}`;
          buffer = buffer.slice(size);
        }
        const [, tag = "*", name = "", rest = ""] = /^(\S+) ((?:UID )?\S+)(.*)$/is.exec(text) ?? [];
        this.heard.push(`${name}${rest}`);
        const command = { tag, name: name.toUpperCase(), text: rest };
        const answer = await this.options.answer?.(command);
        if (answer === null) return;
        if (answer !== undefined) await stream.write(octetsOf(answer));
        else if (command.name === "STARTTLS" && identity) {
          const behind = this.options.behindStartTls ?? "";
          await stream.write(octetsOf(`${tag} OK go\r\n${behind}`));
          this.#streams.delete(stream);
          stream = await acceptTls(below, identity);
          this.#streams.add(stream);
        } else {
          await stream.write(octetsOf(this.#answer(command, stream !== below)));
          if (command.name === "LOGOUT") return;
        }
      }
    } finally {
      this.#streams.delete(stream);
      stream.close();
    }
  }

  #answer(
    { tag, name, text }: { readonly tag: string; readonly name: string; readonly text: string },
    secure: boolean,
  ): string {
    const { messages = [], uidValidity = 7, identity } = this.options;
    const startTls = identity && !secure ? " STARTTLS" : "";
    const capabilities = `${this.options.capabilities ?? "IMAP4rev1 LITERAL+"}${startTls}`;
    switch (name) {
      case "CAPABILITY":
        return `* CAPABILITY ${capabilities}\r\n${tag} OK done\r\n`;
      case "LOGIN":
        return text.endsWith("wrong")
          ? `${tag} NO [AUTHENTICATIONFAILED] No\r\n`
          : `${tag} OK [CAPABILITY ${capabilities}] in\r\n`;
      case "SELECT":
      case "EXAMINE":
        return `* ${messages.length} EXISTS\r\n* OK [UIDVALIDITY ${uidValidity}] valid\r\n` +
          `${tag} OK [READ-WRITE] selected\r\n`;
      case "FETCH":
      case "UID FETCH":
        return `${this.#fetch(text, name === "UID FETCH")}${tag} OK fetched\r\n`;
      case "APPEND":
        this.appended.push(/\{\d+\+?\}\r\n(.*)$/s.exec(text)?.[1] ?? "");
        return `${tag} OK appended\r\n`;
      case "LOGOUT":
        return `* BYE gone\r\n${tag} OK out\r\n`;
      default:
        return `${tag} OK done\r\n`;
    }
  }

  #fetch(text: string, uid: boolean): string {
    const { messages = [], fetched = (response: string) => response } = this.options;
    const request = parseFetch([text], uid);
    const last = uid ? 100 + messages.length : messages.length;
    const named = namedMessages(request.set.replaceAll("*", String(last)), 100_000) ?? [];
    return named.map((each) => uid ? each - 100 : each)
      .filter((number) => messages[number - 1] !== undefined)
      .map((number) => {
        const message = new ChangedMessage(octetsOf(messages[number - 1]!));
        const items = request.items.map((item) => {
          if (item.name === "UID") return `UID ${100 + number}`;
          const value = message.value(item, item.count);
          const { count: _, peek: __, modifier: ___, ...answered } = item;
          return value
            ? `${writeItem(answered)} ${latin1(piecesToOctets(value))}`
            : item.name === "FLAGS"
            ? "FLAGS ()"
            : "";
        });
        return fetched(`* ${number} FETCH (${items.filter(Boolean).join(" ")})\r\n`, number);
      }).join("");
  }
}
