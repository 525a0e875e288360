/** A next hop for tests: speaks SMTP or LMTP by a script and keeps all that it was sent. */

/** One transaction as the hop saw it. */
export interface HopTransaction {
  readonly commands: string[];
  /** Content as it came on the wire, with stuffed dots, without the end of data. */
  data: string;
}

/** How the hop behaves. */
export interface HopScript {
  /** EHLO keywords. */
  readonly features?: readonly string[];
  readonly lmtp?: boolean;
  /**
   * A reply instead of the usual one; `close` closes the connection, also in the middle of data when asked for `DATA-END`.
   * `connection` counts from 1.
   */
  readonly answer?: (line: string, connection: number) => string | "close" | undefined;
  /** Replies at the end of data: one for SMTP, one a recipient for LMTP. */
  readonly end?: (transaction: HopTransaction) => readonly string[];
  /** Takes STARTTLS: runs the handshake and gives the connection that follows. */
  readonly startTls?: (conn: Deno.Conn) => Promise<void>;
}

const latin1 = new TextDecoder("latin1");

/** Listens on a free port of the loopback. */
export class ScriptedHop implements AsyncDisposable {
  script: HopScript;
  readonly transactions: HopTransaction[] = [];
  /** Every command line of every connection. */
  readonly lines: string[] = [];
  connections = 0;
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #open = new Set<Deno.Conn>();
  readonly #done: Promise<void>;

  constructor(script: HopScript = {}) {
    this.script = script;
    this.#done = this.#accept();
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  /** Messages that were answered 2xx, decoded. */
  get delivered(): string[] {
    return this.transactions.filter((each) => each.data !== "").map((each) =>
      each.data.replace(/^\./, "").replaceAll("\r\n.", "\r\n")
    );
  }

  /** Closes the connections, as a server that is stopped does. */
  closeConnections(): void {
    for (const conn of [...this.#open]) this.#close(conn);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    this.closeConnections();
    await this.#done;
  }

  async #accept(): Promise<void> {
    const sessions: Promise<void>[] = [];
    try {
      while (true) {
        const conn = await this.#listener.accept();
        conn.setNoDelay(true);
        this.#open.add(conn);
        sessions.push(
          this.#serve(conn, ++this.connections).catch(() => {}).finally(() => this.#close(conn)),
        );
      }
    } catch {
      await Promise.all(sessions);
    }
  }

  #close(conn: Deno.Conn): void {
    if (!this.#open.delete(conn)) return;
    try {
      conn.close();
    } catch {
      // a script that took TLS on it has closed it
    }
  }

  async #serve(conn: Deno.Conn, number: number): Promise<void> {
    const say = (text: string) => conn.write(new TextEncoder().encode(text + "\r\n"));
    let buffered = "";
    const fill = async () => {
      const chunk = new Uint8Array(65536);
      const count = await conn.read(chunk);
      if (count === null) throw new Error("closed");
      buffered += latin1.decode(chunk.subarray(0, count));
    };
    const until = async (mark: string) => {
      while (!buffered.includes(mark)) await fill();
      const at = buffered.indexOf(mark);
      const text = buffered.slice(0, at);
      buffered = buffered.slice(at + mark.length);
      return text;
    };
    let transaction: HopTransaction = { commands: [], data: "" };
    let recipients = 0;
    await say("220 hop.example ESMTP");
    while (true) {
      const line = await until("\r\n");
      this.lines.push(line);
      const scripted = this.script.answer?.(line, number);
      if (scripted === "close") return;
      const verb = line.split(" ")[0]!.toUpperCase();
      if (verb === "MAIL") {
        transaction = { commands: [], data: "" };
        recipients = 0;
      }
      transaction.commands.push(line);
      if (scripted !== undefined) {
        await say(scripted);
        if (verb === "BDAT") {
          await this.#count(line, fill, () => buffered, (rest) => buffered = rest);
        }
        continue;
      }
      switch (verb) {
        case "EHLO":
        case "LHLO": {
          const words = [
            "hop.example",
            ...this.script.features ?? ["PIPELINING", "8BITMIME", "SMTPUTF8", "DSN"],
          ];
          await say(
            words.map((word, i) => `250${i < words.length - 1 ? "-" : " "}${word}`).join("\r\n"),
          );
          break;
        }
        case "RCPT":
          recipients++;
          await say("250 2.1.5 Ok");
          break;
        case "DATA": {
          await say("354 Go");
          buffered = "\r\n" + buffered;
          const data = await until("\r\n.\r\n");
          if (this.script.answer?.("DATA-END", number) === "close") return;
          transaction.data = data.slice(2) + "\r\n";
          await this.#end(transaction, recipients, say);
          break;
        }
        case "BDAT":
          transaction.data = await this.#count(
            line,
            fill,
            () => buffered,
            (rest) => buffered = rest,
          );
          if (this.script.answer?.("DATA-END", number) === "close") return;
          await this.#end(transaction, recipients, say);
          break;
        case "STARTTLS":
          await this.script.startTls?.(conn);
          return;
        case "QUIT":
          await say("221 2.0.0 Bye");
          return;
        default:
          await say("250 2.0.0 Ok");
      }
    }
  }

  async #end(
    transaction: HopTransaction,
    recipients: number,
    say: (text: string) => Promise<number>,
  ) {
    const count = this.script.lmtp ? recipients : 1;
    const replies = this.script.end?.(transaction) ??
      Array<string>(count).fill("250 2.0.0 Ok: queued as ABC");
    if (replies.some((reply) => reply.startsWith("2"))) this.transactions.push(transaction);
    await say(replies.join("\r\n"));
  }

  async #count(
    line: string,
    fill: () => Promise<void>,
    have: () => string,
    keep: (rest: string) => void,
  ): Promise<string> {
    const octets = Number(line.split(" ")[1]);
    while (have().length < octets) await fill();
    const data = have().slice(0, octets);
    keep(have().slice(octets));
    return data;
  }
}
