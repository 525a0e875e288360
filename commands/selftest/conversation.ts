/** A connection of a self-test to an agent, for a limited time. */
export class Conversation implements Disposable {
  readonly #conn: Deno.Conn;
  readonly #timer: ReturnType<typeof setTimeout>;
  readonly #decoder = new TextDecoder("latin1");
  readonly #buffer = new Uint8Array(65_536);

  private constructor(conn: Deno.Conn, timeoutMs: number) {
    this.#conn = conn;
    // The only way to end a read is to close the connection.
    this.#timer = setTimeout(() => this.#close(), timeoutMs);
  }

  /** @param address `HOST:PORT`, `[IPv6]:PORT` or `unix:/PATH`. */
  static async connect(address: string, timeoutMs: number): Promise<Conversation> {
    if (address.startsWith("unix:")) {
      const path = address.slice("unix:".length);
      return new Conversation(await Deno.connect({ transport: "unix", path }), timeoutMs);
    }
    const colon = address.lastIndexOf(":");
    const hostname = address.slice(0, colon).replace(/^\[|\]$/g, "");
    const port = Number(address.slice(colon + 1));
    return new Conversation(await Deno.connect({ hostname, port }), timeoutMs);
  }

  /** Sends all of it. */
  async write(octets: Uint8Array): Promise<void> {
    for (let at = 0; at < octets.length;) at += await this.#conn.write(octets.subarray(at));
  }

  /** Sends a line. @param text Without CRLF. */
  async line(text: string): Promise<void> {
    await this.write(new TextEncoder().encode(`${text}\r\n`));
  }

  /** Says that nothing more is sent. */
  async closeWrite(): Promise<void> {
    await this.#conn.closeWrite();
  }

  /** What has come, as Latin-1; `undefined` at the end. */
  async read(): Promise<string | undefined> {
    const count = await this.#conn.read(this.#buffer);
    return count === null ? undefined : this.#decoder.decode(this.#buffer.subarray(0, count));
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#close();
  }

  #close(): void {
    try {
      this.#conn.close();
    } catch {
      // closed by the other side, or by the time
    }
  }
}
