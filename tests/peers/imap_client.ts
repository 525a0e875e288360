/** A plain IMAP client for tests: commands as they are given, responses as they came. */
import { Buffer } from "node:buffer";

/** How a command ended, octets as Latin-1. */
export interface ImapAnswer {
  readonly status: "OK" | "NO" | "BAD";
  readonly text: string;
  /** Untagged responses and continuations, literals in them, without their last CRLF. */
  readonly untagged: readonly string[];
}

/** One connection. */
export class ImapClient implements AsyncDisposable {
  #conn: Deno.Conn;
  #input = Buffer.alloc(0);
  #tags = 0;
  greeting = "";

  private constructor(conn: Deno.Conn) {
    this.#conn = conn;
  }

  /**
   * Connects and reads the greeting.
   *
   * @param before What a proxy says first.
   */
  static async connect(port: number, before = ""): Promise<ImapClient> {
    const client = new ImapClient(await Deno.connect({ hostname: "127.0.0.1", port }));
    if (before !== "") await client.write(before);
    client.greeting = await client.response();
    return client;
  }

  /** Connects and logs in; selects a mailbox where one is named. */
  static async login(port: number, user: string, mailbox?: string): Promise<ImapClient> {
    const client = await ImapClient.connect(port);
    try {
      await client.ok(`LOGIN ${user} secret`);
      if (mailbox !== undefined) await client.ok(`SELECT ${mailbox}`);
      return client;
    } catch (error) {
      client.close();
      throw error;
    }
  }

  /** Gives a command; literals of the form `{n+}` may be in it. */
  async command(text: string): Promise<ImapAnswer> {
    const tag = `t${++this.#tags}`;
    await this.write(`${tag} ${text}\r\n`);
    return await this.answer(tag);
  }

  /** Gives a command that must end with OK. */
  async ok(text: string): Promise<ImapAnswer> {
    const answer = await this.command(text);
    if (answer.status !== "OK") {
      throw new Error(`${text.slice(0, 200)}: ${answer.status} ${answer.text}`);
    }
    return answer;
  }

  /** APPEND with a message. */
  async append(mailbox: string, message: Uint8Array, flags = ""): Promise<ImapAnswer> {
    const octets = Buffer.from(message);
    return await this.command(
      `APPEND ${mailbox}${flags === "" ? "" : ` ${flags}`} {${octets.length}+}\r\n${
        octets.toString("latin1")
      }`,
    );
  }

  /** Writes octets as they are. */
  async write(text: string): Promise<void> {
    const octets = Buffer.from(text, "latin1");
    for (let at = 0; at < octets.length;) at += await this.#conn.write(octets.subarray(at));
  }

  /** Reads up to the end of a command. */
  async answer(tag: string): Promise<ImapAnswer> {
    const untagged: string[] = [];
    while (true) {
      const response = await this.response();
      const tagged = /^(\S+) (OK|NO|BAD) ?(.*)$/s.exec(response);
      if (tagged?.[1] === tag) {
        return { status: tagged[2] as ImapAnswer["status"], text: tagged[3]!, untagged };
      }
      untagged.push(response);
    }
  }

  /** One response with its literals, without the last CRLF. */
  async response(): Promise<string> {
    let at = 0;
    while (true) {
      let end = this.#input.indexOf("\r\n", at);
      while (end === -1) {
        await this.#read();
        end = this.#input.indexOf("\r\n", at);
      }
      const line = this.#input.toString("latin1", at, end);
      const literal = /^(?:\* (?:OK|NO|BAD|BYE) )/.test(line) ? null : /\{(\d+)\}$/.exec(line);
      at = end + 2;
      if (!literal) break;
      at += Number(literal[1]);
      while (this.#input.length < at) await this.#read();
    }
    const response = this.#input.toString("latin1", 0, at - 2);
    this.#input = this.#input.subarray(at);
    return response;
  }

  /** Goes on under TLS. */
  async secure(authorityPem: string): Promise<void> {
    const conn = await Deno.startTls(this.#conn as Deno.TcpConn, {
      hostname: "localhost",
      caCerts: [authorityPem],
    });
    await conn.handshake();
    this.#conn = conn;
    this.#input = Buffer.alloc(0);
  }

  /** Closes the connection. */
  close(): void {
    try {
      this.#conn.close();
    } catch {
      // closed by the server
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }

  async #read(): Promise<void> {
    const chunk = new Uint8Array(256 * 1024);
    const count = await this.#conn.read(chunk);
    if (count === null) throw new Error("The server closed the connection");
    this.#input = Buffer.concat([this.#input, chunk.subarray(0, count)]);
  }
}

/** The value of an item in a FETCH response that has it as a literal or quoted string, octets as Latin-1. */
export function fetchedText(response: string, item: string): string | undefined {
  const at = response.toUpperCase().indexOf(`${item.toUpperCase()} `);
  if (at === -1) return undefined;
  const rest = response.slice(at + item.length + 1);
  const literal = /^~?\{(\d+)\}\r\n/.exec(rest);
  if (literal) return rest.slice(literal[0].length, literal[0].length + Number(literal[1]));
  return /^"((?:[^"\\]|\\.)*)"/s.exec(rest)?.[1]?.replace(/\\(.)/gs, "$1");
}
