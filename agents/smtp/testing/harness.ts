import { smtpAgentSchema } from "../../../policy/config.ts";
import type { RunningAgent } from "../../ports.ts";
import { parseListen } from "../../listener.ts";
import { startSmtpAgent } from "../agent.ts";
import { FakePorts } from "./fake_ports.ts";
import { ScriptedHop } from "./scripted_hop.ts";

/** What a test may say of the agent's start. */
export interface HarnessOptions {
  readonly policy?: unknown;
  /** Fields of the agent's configuration, laid over listen and nextHop. */
  readonly config?: Record<string, unknown>;
  readonly hop?: ConstructorParameters<typeof ScriptedHop>[0];
  readonly tlsPem?: { certificate: string; key: string };
  readonly nextHopCaPem?: string;
}

/** An agent over loopback between a test's client and a scripted next hop. */
export class Harness implements AsyncDisposable {
  readonly ports: FakePorts;
  readonly hop: ScriptedHop;
  agent!: RunningAgent;
  readonly #clients: Client[] = [];

  private constructor(options: HarnessOptions) {
    this.ports = new FakePorts(options.policy ?? {});
    this.hop = new ScriptedHop(options.hop);
  }

  static async start(options: HarnessOptions = {}): Promise<Harness> {
    const harness = new Harness(options);
    const protocol = options.hop?.lmtp ? "lmtp" : "smtp";
    const config = smtpAgentSchema.parse({
      agent: "smtp",
      listen: "127.0.0.1:0",
      nextHop: `${protocol}://127.0.0.1:${harness.hop.port}`,
      ...options.config,
    });
    harness.agent = await startSmtpAgent({
      ...config,
      hostname: "gate.example",
      ...(options.tlsPem ? { tlsPem: options.tlsPem } : {}),
      ...(options.nextHopCaPem ? { nextHopCaPem: options.nextHopCaPem } : {}),
    }, harness.ports);
    return harness;
  }

  /** A client that has read the banner. */
  async connect(): Promise<Client> {
    const client = new Client(await Deno.connect(parseListen(this.agent.addresses[0]!)));
    this.#clients.push(client);
    client.banner = await client.reply();
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) client.close();
    this.agent.close();
    await this.agent.drain();
    await this.hop[Symbol.asyncDispose]();
  }
}

/** A client of the agent. */
export class Client {
  banner = "";
  conn: Deno.Conn;
  #buffered = "";

  constructor(conn: Deno.Conn) {
    this.conn = conn;
  }

  async write(text: string): Promise<void> {
    const octets = Uint8Array.from(text, (c) => c.charCodeAt(0)); // text is Latin-1
    for (let at = 0; at < octets.length;) at += await this.conn.write(octets.subarray(at));
  }

  /** The next reply, lines joined by LF; `""` when the connection is closed. */
  async reply(): Promise<string> {
    const lines: string[] = [];
    while (true) {
      const end = this.#buffered.indexOf("\r\n");
      if (end === -1) {
        if (!await this.#fill()) return lines.join("\n");
        continue;
      }
      const line = this.#buffered.slice(0, end);
      this.#buffered = this.#buffered.slice(end + 2);
      lines.push(line);
      if (!/^\d{3}-/.test(line)) return lines.join("\n");
    }
  }

  async #fill(): Promise<boolean> {
    const chunk = new Uint8Array(65536);
    const count = await this.conn.read(chunk).catch(() => null);
    if (count === null) return false;
    this.#buffered += new TextDecoder("latin1").decode(chunk.subarray(0, count));
    return true;
  }

  /** Sends a line and reads its reply. */
  async say(line: string): Promise<string> {
    await this.write(line + "\r\n");
    return await this.reply();
  }

  /** A whole transaction; the replies to MAIL, each RCPT, DATA and the data (for LMTP, one a recipient). */
  async send(
    sender: string,
    recipients: readonly string[],
    data: string,
    finals = 1,
  ): Promise<string[]> {
    const replies = [await this.say(`MAIL FROM:<${sender}>`)];
    for (const recipient of recipients) replies.push(await this.say(`RCPT TO:<${recipient}>`));
    const go = await this.say("DATA");
    replies.push(go);
    if (!go.startsWith("354")) return replies;
    await this.write(data + ".\r\n");
    for (let i = 0; i < finals; i++) replies.push(await this.reply());
    return replies;
  }

  close(): void {
    try {
      this.conn.close();
    } catch {
      // closed already
    }
  }
}
