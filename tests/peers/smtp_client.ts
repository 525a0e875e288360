/** A plain SMTP client for tests: it sends what it is told, right or wrong, and says what came back. */
import { stuffDots, Wire } from "./wire.ts";

/** A reply, all of its lines. */
export interface Reply {
  readonly code: number;
  /** Text of each line, without code and separator. */
  readonly lines: readonly string[];
  /** `550 5.7.1 text`, the lines joined by `\n`. */
  readonly text: string;
}

/** What one message's transaction needs. */
export interface Mail {
  readonly sender: string;
  readonly recipients: readonly string[];
  /** CRLF lines, dots not doubled. */
  readonly message: Uint8Array;
  /** ESMTP parameters of MAIL, such as `BODY=8BITMIME`. */
  readonly parameters?: string;
}

/** One session. */
export class SmtpClient implements Disposable {
  readonly wire: Wire;
  /** Keywords of the last EHLO reply, upper case, with their parameters. */
  extensions: ReadonlyMap<string, string> = new Map();

  private constructor(wire: Wire) {
    this.wire = wire;
  }

  /** Connects and reads the banner. @throws where nothing listens or the banner is not 220. */
  static async connect(port: number): Promise<SmtpClient> {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port });
    connection.setNoDelay(true);
    const client = new SmtpClient(new Wire(connection));
    const banner = await client.reply();
    if (banner.code !== 220) {
      client.wire.close();
      throw new Error(`Banner: ${banner.text}`);
    }
    return client;
  }

  /** Reads one reply: RFC 5321, section 4.2. */
  async reply(): Promise<Reply> {
    const lines: string[] = [];
    while (true) {
      const line = await this.wire.line();
      const match = /^(\d{3})([ -]?)(.*)$/.exec(line);
      if (!match) throw new Error(`Not a reply: ${JSON.stringify(line)}`);
      lines.push(match[3] ?? "");
      if (match[2] !== "-") {
        return { code: Number(match[1]), lines, text: `${match[1]} ${lines.join("\n")}` };
      }
    }
  }

  /** Sends one command line and reads its reply. */
  async command(line: string): Promise<Reply> {
    await this.wire.write(`${line}\r\n`);
    return await this.reply();
  }

  /** EHLO; keeps what was offered. */
  async ehlo(name = "client.test"): Promise<Reply> {
    const reply = await this.command(`EHLO ${name}`);
    this.extensions = new Map(
      reply.lines.slice(1).map((line) => {
        const [keyword = "", ...parameters] = line.split(" ");
        return [keyword.toUpperCase(), parameters.join(" ")];
      }),
    );
    return reply;
  }

  /** STARTTLS with the given authority's certificate, then EHLO. */
  async startTls(authorityPem: string, hostname = "localhost"): Promise<Reply> {
    const reply = await this.command("STARTTLS");
    if (reply.code !== 220) return reply;
    const plain = this.wire.connection as Deno.TcpConn;
    this.wire.replace(await Deno.startTls(plain, { hostname, caCerts: [authorityPem] }));
    return await this.ehlo();
  }

  /**
   * One transaction, a command at a time.
   *
   * @returns the first reply that was not the expected one, or the reply to the message; `refused` has the recipients that
   * were not taken.
   */
  async send(mail: Mail): Promise<Reply & { readonly refused: ReadonlyMap<string, Reply> }> {
    const refused = new Map<string, Reply>();
    const from = await this.command(
      `MAIL FROM:<${mail.sender}>${mail.parameters ? ` ${mail.parameters}` : ""}`,
    );
    if (from.code !== 250) return { ...from, refused };
    for (const recipient of mail.recipients) {
      const reply = await this.command(`RCPT TO:<${recipient}>`);
      if (reply.code !== 250) refused.set(recipient, reply);
    }
    const first = [...refused.values()][0];
    if (first && refused.size === mail.recipients.length) {
      await this.command("RSET");
      return { ...first, refused };
    }
    const data = await this.command("DATA");
    if (data.code !== 354) return { ...data, refused };
    await this.wire.write(stuffDots(mail.message));
    return { ...await this.command("."), refused };
  }

  /** QUIT, without waiting long for a farewell, and close. */
  async quit(): Promise<void> {
    try {
      await this.command("QUIT");
    } finally {
      this.wire.close();
    }
  }

  [Symbol.dispose](): void {
    this.wire.close();
  }
}

/** One message in a session of its own. */
export async function sendMail(port: number, mail: Mail): Promise<Reply> {
  using client = await SmtpClient.connect(port);
  await client.ehlo();
  const reply = await client.send(mail);
  await client.quit().catch(() => {});
  return reply;
}
