/** Hands one message to a mail server, as the plainest client would: RFC 5321, no extensions. */

/** Replies longer than this end the session: lines are at most 512 octets (section 4.5.3.1.5), with many lines allowed. */
const MAX_REPLY_OCTETS = 64 * 1024;

/** One reply: code and its text, lines joined by a space. */
export interface Reply {
  readonly code: number;
  readonly text: string;
}

/** Where and what. */
export interface Submission {
  readonly hostname: string;
  readonly port: number;
  /** Name for EHLO. */
  readonly helo: string;
  readonly sender: string;
  readonly recipients: readonly string[];
  /** CRLF line ends. */
  readonly message: Uint8Array;
  /** Longest wait for each reply, ms. */
  readonly timeoutMs: number;
}

/** What a line of a session is shown as it happens: `>` sent, `<` received. */
export type Watch = (direction: ">" | "<", line: string) => void;

class Session {
  readonly #conn: Deno.TcpConn;
  readonly #watch: Watch;
  readonly #timeoutMs: number;
  readonly #decoder = new TextDecoder();
  #rest = "";

  constructor(conn: Deno.TcpConn, timeoutMs: number, watch: Watch) {
    this.#conn = conn;
    this.#timeoutMs = timeoutMs;
    this.#watch = watch;
  }

  async write(octets: Uint8Array): Promise<void> {
    for (let at = 0; at < octets.length;) at += await this.#conn.write(octets.subarray(at));
  }

  async command(line: string): Promise<Reply> {
    this.#watch(">", line);
    await this.write(new TextEncoder().encode(line + "\r\n"));
    return await this.reply();
  }

  /** Section 4.2.1: lines `250-text`, the last `250 text`. */
  async reply(): Promise<Reply> {
    // The only way to end a read is to close the connection.
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.#conn.close();
    }, this.#timeoutMs);
    try {
      const texts: string[] = [];
      for (;;) {
        const line = await this.#line();
        this.#watch("<", line);
        const match = /^(\d{3})([ -]?)(.*)$/s.exec(line);
        if (match === null) throw new Error(`The server answered what is no reply: ${line}`);
        texts.push(match[3] ?? "");
        if (match[2] !== "-") return { code: Number(match[1]), text: texts.join(" ") };
      }
    } catch (error) {
      if (late) throw new Error(`No reply within ${this.#timeoutMs / 1000} s`, { cause: error });
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  async #line(): Promise<string> {
    const buffer = new Uint8Array(4096);
    for (;;) {
      const end = this.#rest.indexOf("\r\n");
      if (end >= 0) {
        const line = this.#rest.slice(0, end);
        this.#rest = this.#rest.slice(end + 2);
        return line;
      }
      const read = await this.#conn.read(buffer);
      if (read === null) throw new Error("The server closed the connection");
      this.#rest += this.#decoder.decode(buffer.subarray(0, read), { stream: true });
      if (this.#rest.length > MAX_REPLY_OCTETS) throw new Error("The server's reply has no end");
    }
  }
}

/** Doubles the dot that begins a line and ends the message: section 4.5.2. */
export function stuffed(message: Uint8Array): Uint8Array {
  const out: number[] = [];
  let lineStart = true;
  for (const octet of message) {
    if (lineStart && octet === 0x2e) out.push(0x2e);
    out.push(octet);
    lineStart = octet === 0x0a;
  }
  if (!lineStart) out.push(0x0d, 0x0a);
  out.push(0x2e, 0x0d, 0x0a);
  return Uint8Array.from(out);
}

/**
 * Hands the message over.
 *
 * @returns The reply that decided: that to the end of DATA, or an earlier one that was not positive.
 * @throws {Error} where there is no connection or no reply.
 */
export async function submit(submission: Submission, watch: Watch = () => {}): Promise<Reply> {
  const { hostname, port, timeoutMs } = submission;
  const conn = await Deno.connect({ hostname, port, signal: AbortSignal.timeout(timeoutMs) });
  const session = new Session(conn, timeoutMs, watch);
  try {
    const steps: (() => Promise<Reply>)[] = [
      () => session.reply(),
      () => session.command(`EHLO ${submission.helo}`),
      () => session.command(`MAIL FROM:<${submission.sender}>`),
      ...submission.recipients.map((each) => () => session.command(`RCPT TO:<${each}>`)),
      () => session.command("DATA"),
    ];
    for (const step of steps) {
      const reply = await step();
      if (reply.code >= 400) {
        await session.command("QUIT").catch(() => {});
        return reply;
      }
    }
    await session.write(stuffed(submission.message));
    watch(">", `(message of ${submission.message.length} octets)`);
    const reply = await session.reply();
    await session.command("QUIT").catch(() => {});
    return reply;
  } finally {
    try {
      conn.close();
    } catch {
      // Closed by the time limit.
    }
  }
}
