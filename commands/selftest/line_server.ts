/** A server of a self-test's own that answers lines: its listener, its connections, and the lines of each. */

/** One connection. */
export interface LineSession {
  /** Who logged in. */
  user: string;
  say(octets: Uint8Array): Promise<void>;
  /** Says a line. @param text Without CRLF. */
  line(text: string): Promise<void>;
}

/** Listens on a free port of the loopback until it is closed. */
export abstract class LineServer {
  readonly port: number;
  readonly #listener: Deno.TcpListener;
  readonly #conns = new Set<Deno.Conn>();

  /** @param greeting The line that each connection begins with. */
  constructor(greeting: string) {
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.port = this.#listener.addr.port;
    void this.#accept(greeting);
  }

  /**
   * Answers a line.
   *
   * @returns Whether the session is over.
   */
  protected abstract answer(line: string, session: LineSession): Promise<boolean>;

  /** Closes every connection. */
  close(): void {
    this.#listener.close();
    for (const conn of this.#conns) closeQuietly(conn);
  }

  async #accept(greeting: string): Promise<void> {
    for await (const conn of this.#listener) {
      this.#conns.add(conn);
      this.#serve(conn, greeting).catch(() => {}).finally(() => {
        this.#conns.delete(conn);
        closeQuietly(conn);
      });
    }
  }

  async #serve(conn: Deno.Conn, greeting: string): Promise<void> {
    const say = async (octets: Uint8Array) => {
      for (let at = 0; at < octets.length;) at += await conn.write(octets.subarray(at));
    };
    const line = (text: string) => say(new TextEncoder().encode(`${text}\r\n`));
    const session: LineSession = { user: "", say, line };
    await line(greeting);
    let rest = "";
    const decoder = new TextDecoder();
    for await (const chunk of conn.readable) {
      rest += decoder.decode(chunk, { stream: true });
      for (let end = rest.indexOf("\r\n"); end !== -1; end = rest.indexOf("\r\n")) {
        const asked = rest.slice(0, end);
        rest = rest.slice(end + 2);
        if (await this.answer(asked, session)) return;
      }
    }
  }
}

function closeQuietly(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch {
    // closed by the other side
  }
}
