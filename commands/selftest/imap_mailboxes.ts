/** The IMAP server of a self-test's own: as much of RFC 9051 as an agent in front of it asks for, each mailbox with one message. */

/** Listens on a free port of the loopback until it is closed. Every password is right. */
export class TestImapMailboxes {
  readonly port: number;
  readonly #listener: Deno.TcpListener;
  readonly #conns = new Set<Deno.Conn>();
  /** Each message with a number of validity of its own: no two are the same to who remembers them. */
  readonly #mail = new Map<string, { readonly message: Uint8Array; readonly validity: number }>();
  #puts = 0;

  constructor() {
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.port = this.#listener.addr.port;
    void this.#accept();
  }

  /** Puts a message into a mailbox, in the place of what is there. @param message With CRLF. */
  put(user: string, message: Uint8Array): void {
    this.#mail.set(user, { message, validity: ++this.#puts });
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
    await text("* OK [CAPABILITY IMAP4rev1 LITERAL+] self-test");
    let user = "";
    let rest = "";
    const decoder = new TextDecoder();
    for await (const chunk of conn.readable) {
      rest += decoder.decode(chunk, { stream: true });
      for (let end = rest.indexOf("\r\n"); end !== -1; end = rest.indexOf("\r\n")) {
        const line = rest.slice(0, end);
        rest = rest.slice(end + 2);
        const [, tag = "*", name = "", more = ""] = /^(\S+) ((?:UID )?\S+) ?(.*)$/.exec(line) ?? [];
        const mailbox = this.#mail.get(user);
        switch (name.toUpperCase()) {
          case "CAPABILITY":
            await text("* CAPABILITY IMAP4rev1 LITERAL+");
            break;
          case "LOGIN":
            user = more.split(" ")[0]!.replace(/^"|"$/g, "");
            break;
          case "SELECT":
            await text(`* ${mailbox ? 1 : 0} EXISTS`);
            await text(`* OK [UIDVALIDITY ${mailbox?.validity ?? 0}] self-test`);
            break;
          case "UID FETCH":
            if (mailbox && more.includes("BODY")) {
              await text(`* 1 FETCH (UID 1 BODY[] {${mailbox.message.length}}`);
              await say(mailbox.message);
              await text(")");
            } else if (mailbox) { // what is asked of a changed one
              await text(`* 1 FETCH (UID 1 FLAGS () RFC822.SIZE ${mailbox.message.length})`);
            }
            break;
          case "LOGOUT":
            await text("* BYE");
            await text(`${tag} OK`);
            return;
        }
        await text(`${tag} OK done`);
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
