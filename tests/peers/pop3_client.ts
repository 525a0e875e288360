/** A POP3 client that keeps the octets as they come. */
import { Buffer } from "node:buffer";

/** An answer of several lines. */
export interface Pop3Answer {
  /** Without CRLF. */
  readonly status: string;
  /** What stood between the status line and the dot, still stuffed; absent where the status is an error. */
  readonly wire?: Buffer;
}

/** A session. */
export class Pop3Client implements Disposable {
  readonly #conn: Deno.Conn;
  #input: Buffer = Buffer.alloc(0);
  /** Without CRLF. */
  greeting = "";

  private constructor(conn: Deno.Conn) {
    this.#conn = conn;
  }

  /** Connects to a port of the loopback and reads the greeting. */
  static async connect(port: number): Promise<Pop3Client> {
    const conn = await Deno.connect({ hostname: "127.0.0.1", port });
    conn.setNoDelay(true);
    const client = new Pop3Client(conn);
    client.greeting = (await client.until("\r\n")).subarray(0, -2).toString("latin1");
    return client;
  }

  /** Connects and logs in with USER and PASS. */
  static async login(port: number, user: string, password: string): Promise<Pop3Client> {
    const client = await Pop3Client.connect(port);
    for (const command of [`USER ${user}`, `PASS ${password}`]) {
      const status = await client.command(command);
      if (!status.startsWith("+OK")) throw new Error(`${command}: ${status}`);
    }
    return client;
  }

  /** Writes octets, each character one. */
  async write(text: string): Promise<void> {
    const octets = Buffer.from(text, "latin1");
    for (let at = 0; at < octets.length;) at += await this.#conn.write(octets.subarray(at));
  }

  /** A command and its status line. */
  async command(command: string): Promise<string> {
    await this.write(`${command}\r\n`);
    return (await this.until("\r\n")).subarray(0, -2).toString("latin1");
  }

  /** A command with an answer of several lines. */
  async list(command: string): Promise<Pop3Answer> {
    const status = await this.command(command);
    if (!status.startsWith("+OK")) return { status };
    if (await this.#startsWith(".\r\n")) {
      this.#input = this.#input.subarray(3);
      return { status, wire: Buffer.alloc(0) };
    }
    return { status, wire: (await this.until("\r\n.\r\n")).subarray(0, -3) };
  }

  /** Octets up to a text and with it. @throws {Error} where the connection ends before. */
  async until(end: string): Promise<Buffer> {
    let from = 0;
    while (true) {
      const at = this.#input.indexOf(end, from, "latin1");
      if (at !== -1) {
        const found = this.#input.subarray(0, at + end.length);
        this.#input = this.#input.subarray(at + end.length);
        return found;
      }
      from = Math.max(0, this.#input.length - end.length);
      if (!await this.#more()) throw new Error("The server closed the connection");
    }
  }

  async #startsWith(text: string): Promise<boolean> {
    while (this.#input.length < text.length) if (!await this.#more()) return false;
    return this.#input.toString("latin1", 0, text.length) === text;
  }

  async #more(): Promise<boolean> {
    const chunk = new Uint8Array(65_536);
    const count = await this.#conn.read(chunk).catch(() => null);
    if (count === null) return false;
    this.#input = Buffer.concat([this.#input, chunk.subarray(0, count)]);
    return true;
  }

  [Symbol.dispose](): void {
    try {
      this.#conn.close();
    } catch {
      // closed by the other side
    }
  }
}
