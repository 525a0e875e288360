/** The mailbox server of a self-test's own: as much of RFC 1939 as an agent in front of it asks for, each mailbox with one message. */

/** Listens on a free port of the loopback until it is closed. Every password is right. */
export class TestMailboxes {
  readonly port: number;
  readonly #listener: Deno.TcpListener;
  readonly #conns = new Set<Deno.Conn>();
  readonly #mail = new Map<string, Uint8Array>();

  constructor() {
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.port = this.#listener.addr.port;
    void this.#accept();
  }

  /** Puts a message into a mailbox, in the place of what is there. @param message With CRLF. */
  put(user: string, message: Uint8Array): void {
    this.#mail.set(user, message);
  }

  /** Closes every connection. */
  close(): void {
    this.#listener.close();
    for (const conn of this.#conns) closeQuietly(conn);
  }

  async #accept(): Promise<void> {
    for await (const conn of this.#listener) {
      this.#conns.add(conn);
      this.#serve(conn).catch(() => {}).finally(() => {
        this.#conns.delete(conn);
        closeQuietly(conn);
      });
    }
  }

  async #serve(conn: Deno.Conn): Promise<void> {
    const say = async (octets: Uint8Array) => {
      for (let at = 0; at < octets.length;) at += await conn.write(octets.subarray(at));
    };
    const text = (line: string) => say(new TextEncoder().encode(`${line}\r\n`));
    await text("+OK self-test");
    let user = "";
    let rest = "";
    const decoder = new TextDecoder();
    for await (const chunk of conn.readable) {
      rest += decoder.decode(chunk, { stream: true });
      for (let end = rest.indexOf("\r\n"); end !== -1; end = rest.indexOf("\r\n")) {
        const [keyword = "", argument = ""] = rest.slice(0, end).split(" ");
        rest = rest.slice(end + 2);
        const message = this.#mail.get(user);
        const octets = message?.length ?? 0;
        switch (keyword.toUpperCase()) {
          case "USER":
            user = argument;
            await text("+OK");
            break;
          case "PASS":
          case "NOOP":
          case "RSET":
            await text("+OK");
            break;
          case "CAPA":
            await text("+OK\r\nUSER\r\nUIDL\r\n.");
            break;
          case "STAT":
            await text(`+OK ${message ? 1 : 0} ${octets}`);
            break;
          case "LIST":
            await text(
              argument === "" ? `+OK\r\n${message ? `1 ${octets}\r\n` : ""}.` : `+OK 1 ${octets}`,
            );
            break;
          case "RETR":
            if (!message) await text("-ERR no such message");
            else {
              await text("+OK");
              await say(stuffed(message));
            }
            break;
          case "QUIT":
            await text("+OK");
            return;
          default:
            await text("-ERR");
        }
      }
    }
  }
}

/** RFC 1939, section 3: a dot before each line that begins with one, and the end. */
function stuffed(message: Uint8Array): Uint8Array {
  const latin1 = new TextDecoder("latin1").decode(message);
  const text = latin1.replace(/^\./gm, "..") + (latin1.endsWith("\r\n") ? ".\r\n" : "\r\n.\r\n");
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

function closeQuietly(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch {
    // closed by the other side
  }
}
