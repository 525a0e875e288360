import { PosternError } from "../../errors.ts";
import {
  connectServer,
  secureServer,
  type ServerStreams,
  type ServerTls,
} from "../mailbox/connect.ts";
import type { MailServer } from "../mailbox/servers.ts";
import type { WireStream } from "../stream.ts";
import { type Capabilities, parseCapabilities } from "./capabilities.ts";
import { octetsOf } from "./command.ts";
import { MAX_CAPABILITIES, MAX_LISTED } from "./limits.ts";
import { ResponseReader, type Status } from "./response_reader.ts";

/** A session with a mailbox server. Commands go out one at a time; every answer is read to its end before the next. */
export class Pop3Server {
  readonly server: MailServer;
  /** Text of the greeting, with the timestamp for APOP where there is one. */
  readonly greeting: string;
  readonly #stream: WireStream;
  readonly #reader: ResponseReader;
  readonly #timeMs: number;

  private constructor(
    server: MailServer,
    greeting: string,
    stream: WireStream,
    reader: ResponseReader,
    timeMs: number,
  ) {
    this.server = server;
    this.greeting = greeting;
    this.#stream = stream;
    this.#reader = reader;
    this.#timeMs = timeMs;
  }

  /**
   * Connects, reads the greeting, takes TLS as the options say.
   *
   * @param timeMs How long each answer may take.
   * @throws {PosternError} `mailbox/unavailable` when it cannot be reached or does not greet, `smtp/tls` where TLS is wanted and
   * does not come about.
   */
  static async open(server: MailServer, tls: ServerTls, timeMs: number): Promise<Pop3Server> {
    const { below, stream } = await connectServer(server, tls);
    try {
      stream.deadline(timeMs);
      const reader = new ResponseReader(stream);
      const { kind, text } = await reader.status();
      if (kind !== "ok") {
        throw new PosternError("mailbox/unavailable", `${server.text} does not greet: ${text}`);
      }
      reader.end();
      const plain = new Pop3Server(server, text, stream, reader, timeMs);
      if (server.implicitTls || tls.tls === "none") return plain;
      return await plain.#startTls({ below, stream }, tls);
    } catch (error) {
      stream.close();
      below.close();
      const known = error instanceof PosternError &&
        (error.code === "smtp/tls" || error.code === "mailbox/unavailable");
      if (known) throw error;
      throw new PosternError("mailbox/unavailable", `${server.text} does not greet`, {
        cause: error,
      });
    }
  }

  /** Sends a command, CRLF added, and reads its status line; the answer goes on where it has several lines. */
  async #send(command: string): Promise<Status> {
    this.#stream.deadline(this.#timeMs);
    await this.#stream.write(octetsOf(`${command}\r\n`));
    return await this.#reader.status();
  }

  #end(): void {
    this.#reader.end();
    this.#stream.deadline(0);
  }

  /**
   * A command with an answer of one line.
   *
   * @param command Octets as characters; without CR and LF.
   * @throws {PosternError} `wire/…` when the connection breaks, `mailbox/protocol` when the answer is none.
   */
  async command(command: string): Promise<Status> {
    const status = await this.#send(command);
    this.#end();
    return status;
  }

  /** A command with an answer of several lines. `each` gets the lines; where the status is an error there are none. */
  async list(command: string, each: (line: string) => Promise<void> | void): Promise<Status> {
    const status = await this.#send(command);
    if (status.kind === "ok") {
      for (let count = 0;; count++) {
        const line = await this.#reader.listed();
        if (line === undefined) break;
        if (count >= MAX_LISTED) {
          throw new PosternError("mailbox/protocol", "The server's list does not end");
        }
        if (count % 1000 === 0) this.#stream.deadline(this.#timeMs);
        await each(line);
      }
    }
    this.#end();
    return status;
  }

  /** CAPA; `undefined` where the server does not know it. */
  async capabilities(): Promise<Capabilities | undefined> {
    const lines: string[] = [];
    const { kind } = await this.list("CAPA", (line) => {
      if (lines.length < MAX_CAPABILITIES) lines.push(line);
    });
    return kind === "ok" ? parseCapabilities(lines) : undefined;
  }

  /**
   * RETR.
   *
   * @param held Told how much is held for the message now; false where that is too much.
   * @returns The message as sent, without the dots before dots; absent where the server refused it, or it was too much.
   */
  async retrieve(
    number: number,
    maxOctets: number,
    held: (octets: number) => Promise<boolean>,
  ): Promise<{ readonly status: Status; readonly message?: Uint8Array }> {
    const began = performance.now();
    const status = await this.#send(`RETR ${number}`);
    if (status.kind !== "ok") {
      this.#end();
      return { status };
    }
    // Each octet gives a millisecond more, so that a message is not had by an octet now and then.
    const moved = (octets: number) =>
      this.#stream.deadline(Math.max(1, this.#timeMs + octets - (performance.now() - began)));
    const message = await this.#reader.message(maxOctets, held, moved);
    this.#end();
    return { status, ...(message ? { message } : {}) };
  }

  /** Says QUIT, which is what makes deletions last, and closes. */
  async quit(): Promise<Status> {
    const status = await this.command("QUIT");
    await this.#stream.end().catch(() => {});
    return status;
  }

  /** Ends the connection without QUIT: nothing is deleted (RFC 1939, section 6). */
  close(): void {
    this.#stream.close();
  }

  /** RFC 2595, section 4. What was said in clear counts no more; octets behind the reply are refused by the reader. */
  async #startTls({ below, stream }: ServerStreams, tls: ServerTls): Promise<Pop3Server> {
    const offered = (await this.capabilities())?.has("STLS") === true;
    if (!offered) {
      if (tls.tls === "may") return this;
      throw new PosternError(
        "smtp/tls",
        `${this.server.text} does not offer STLS, and TLS is demanded`,
      );
    }
    let status: Status;
    try {
      status = await this.command("STLS");
    } catch (cause) {
      throw new PosternError("smtp/tls", `${this.server.text} does not take STLS`, { cause });
    }
    if (status.kind !== "ok") {
      throw new PosternError("smtp/tls", `${this.server.text} refused STLS: ${status.text}`);
    }
    stream.deadline(this.#timeMs);
    const secure = await secureServer(below, this.server, tls);
    secure.deadline(0);
    const reader = new ResponseReader(secure);
    return new Pop3Server(this.server, this.greeting, secure, reader, this.#timeMs);
  }
}
