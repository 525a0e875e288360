import { latin1 } from "../../line_ends.ts";
import { ConnStream, type WireStream } from "../../stream.ts";
import { acceptTls, type ServerIdentity } from "../../tls.ts";

/** What a test may say of the server. */
export interface FakeServerOptions {
  /** Whole messages with CRLF, octets as characters. */
  readonly messages?: readonly string[];
  readonly greeting?: string;
  /** Lines of CAPA; `undefined` answers -ERR. */
  readonly capabilities?: readonly string[] | undefined;
  /** STLS is offered and taken; with `implicitTls` the connection begins with it. */
  readonly identity?: ServerIdentity;
  readonly implicitTls?: boolean;
  /** Octets that are sent behind the reply to STLS. */
  readonly behindStls?: string;
  /** Answers a command instead of the server: text with CRLF; `undefined` leaves it to the server, `null` closes. */
  readonly answer?: (
    line: string,
  ) => string | undefined | null | Promise<string | undefined | null>;
  /** Size in LIST, where it is not the message's own. */
  readonly listed?: (message: string) => number;
}

/** A small POP3 server that notes what it hears. */
export class FakePop3Server implements AsyncDisposable {
  options: FakeServerOptions;
  readonly port: number;
  /** Every command of every session. */
  readonly heard: string[] = [];
  /** Numbers that a QUIT has deleted. */
  readonly deleted: number[] = [];
  /** Whether the commands came under TLS. */
  readonly secure: boolean[] = [];
  /** Sessions so far, and how many are open. */
  sessions = 0;
  open = 0;
  readonly #listener: Deno.Listener;
  readonly #streams = new Set<ConnStream>();

  constructor(options: FakeServerOptions = {}) {
    this.options = options;
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.port = (this.#listener.addr as Deno.NetAddr).port;
    void this.#accept();
  }

  async #accept(): Promise<void> {
    for await (const conn of this.#listener) {
      const stream = new ConnStream(conn);
      this.#streams.add(stream);
      this.sessions++;
      this.open++;
      this.#serve(stream).catch(() => {}).finally(() => {
        this.open--;
        stream.close();
        this.#streams.delete(stream);
      });
    }
  }

  async #serve(below: ConnStream): Promise<void> {
    const { options } = this;
    let secure = options.implicitTls === true;
    let stream: WireStream = secure ? await acceptTls(below, options.identity!) : below;
    const say = (text: string) => stream.write(Uint8Array.from(text, (c) => c.charCodeAt(0)));
    await say(`+OK ${options.greeting ?? "fake <1.2@fake.example>"}\r\n`);
    const buffer = new Uint8Array(65_536);
    const marked = new Set<number>();
    let text = "";
    let user = "";
    let sasl = "";
    while (true) {
      const end = text.indexOf("\r\n");
      if (end === -1) {
        const count = await stream.read(buffer);
        if (count === null) return;
        text += latin1(buffer, 0, count);
        continue;
      }
      const line = text.slice(0, end);
      text = text.slice(end + 2);
      this.heard.push(line);
      this.secure.push(secure);
      const own = await options.answer?.(line);
      if (own === null) return;
      if (own !== undefined) {
        await say(own);
        continue;
      }
      if (sasl !== "") {
        await say(line === "*" ? "-ERR cancelled\r\n" : "+OK in\r\n");
        sasl = "";
        continue;
      }
      const [keyword = "", argument = "", more] = line.split(" ");
      const messages = options.messages ?? [];
      const number = Number(argument);
      const message = marked.has(number) ? undefined : messages[number - 1];
      const size = options.listed ?? ((each: string) => each.length);
      const left = messages.flatMap((each, i) => marked.has(i + 1) ? [] : [[i + 1, each] as const]);
      switch (keyword.toUpperCase()) {
        case "CAPA":
          if (options.capabilities === undefined && "capabilities" in options) {
            await say("-ERR what\r\n");
            break;
          }
          await say(
            ["+OK", ...options.capabilities ?? ["TOP", "UIDL", "USER", "SASL PLAIN LOGIN"]]
              .concat(options.identity && !secure ? ["STLS"] : [], ".", "").join("\r\n"),
          );
          break;
        case "STLS":
          await say(`+OK begin\r\n${options.behindStls ?? ""}`);
          stream = await acceptTls(below, options.identity!);
          secure = true;
          text = "";
          break;
        case "USER":
          user = argument;
          await say("+OK\r\n");
          break;
        case "PASS":
          await say(line === "PASS secret" && user !== "" ? "+OK in\r\n" : "-ERR [AUTH] no\r\n");
          break;
        case "APOP":
          await say("+OK in\r\n");
          break;
        case "AUTH":
          if (more === undefined) sasl = argument;
          await say(more === undefined ? "+ \r\n" : "+OK in\r\n");
          break;
        case "STAT": {
          const octets = left.reduce((sum, [, each]) => sum + size(each), 0);
          await say(`+OK ${left.length} ${octets}\r\n`);
          break;
        }
        case "LIST":
        case "UIDL": {
          const value = (i: number, each: string) =>
            `${i} ${keyword.toUpperCase() === "LIST" ? size(each) : `uid${i}`}`;
          if (argument !== "") {
            await say(
              message === undefined ? "-ERR none\r\n" : `+OK ${value(number, message)}\r\n`,
            );
          } else {
            const lines = left.map(([i, each]) => `${value(i, each)}\r\n`);
            await say(`+OK ${left.length} messages\r\n${lines.join("")}.\r\n`);
          }
          break;
        }
        case "RETR": {
          if (message === undefined) {
            await say("-ERR no such message\r\n");
            break;
          }
          const ended = message === "" || message.endsWith("\r\n") ? message : `${message}\r\n`;
          await say(`+OK\r\n${ended.replace(/(^|\r\n)\./g, "$1..")}.\r\n`);
          break;
        }
        case "DELE":
          marked.add(number);
          await say(message === undefined ? "-ERR none\r\n" : "+OK\r\n");
          break;
        case "RSET":
          marked.clear();
          await say("+OK\r\n");
          break;
        case "NOOP":
        case "UTF8":
          await say("+OK\r\n");
          break;
        case "LANG":
          await say(argument === "" ? "+OK langs\r\nen English\r\n.\r\n" : "+OK en\r\n");
          break;
        case "QUIT":
          this.deleted.push(...marked);
          await say("+OK bye\r\n");
          await stream.end();
          return;
        default:
          await say("-ERR what\r\n");
      }
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const stream of this.#streams) stream.close();
    return Promise.resolve();
  }
}
