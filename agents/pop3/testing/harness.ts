import { pop3AgentSchema } from "../../../policy/mailbox_config.ts";
import type { RunningAgent } from "../../ports.ts";
import { parseListen } from "../../listener.ts";
import { FakePorts } from "../../smtp/testing/fake_ports.ts";
import { startPop3Agent } from "../agent.ts";
import { FakePop3Server, type FakeServerOptions } from "./fake_server.ts";

/** What a test may say of the agent's start. */
export interface Pop3HarnessOptions {
  readonly policy?: unknown;
  /** Fields of the agent's configuration, laid over listen and server. */
  readonly config?: Record<string, unknown>;
  readonly server?: FakeServerOptions;
  readonly tlsPem?: { certificate: string; key: string };
  readonly serverCaPem?: string;
}

/** An agent over loopback between a test's client and a POP3 server of the test's. */
export class Pop3Harness implements AsyncDisposable {
  readonly ports: FakePorts;
  readonly server: FakePop3Server;
  agent!: RunningAgent;
  /** The configuration as started. */
  config!: Parameters<typeof startPop3Agent>[0];
  readonly #clients: Pop3Client[] = [];

  private constructor(options: Pop3HarnessOptions) {
    this.ports = new FakePorts(options.policy ?? {});
    this.server = new FakePop3Server(options.server);
  }

  static async start(options: Pop3HarnessOptions = {}): Promise<Pop3Harness> {
    const harness = new Pop3Harness(options);
    const scheme = options.server?.implicitTls ? "pop3s" : "pop3";
    const tls = options.tlsPem ? { tls: { certificate: "-", key: "-" } } : {};
    harness.config = {
      ...pop3AgentSchema.parse({
        agent: "pop3",
        listen: "127.0.0.1:0",
        server: `${scheme}://127.0.0.1:${harness.server.port}`,
        ...tls,
        ...options.config,
      }),
      hostname: "gate.example",
      ...(options.tlsPem ? { tlsPem: options.tlsPem } : {}),
      ...(options.serverCaPem ? { serverCaPem: options.serverCaPem } : {}),
    };
    harness.agent = await startPop3Agent(harness.config, harness.ports);
    return harness;
  }

  get address(): { hostname: string; port: number } {
    return parseListen(this.agent.addresses[0]!);
  }

  /** A client that has read the greeting. */
  async connect(): Promise<Pop3Client> {
    const client = new Pop3Client(await Deno.connect(this.address));
    this.#clients.push(client);
    client.greeting = await client.line();
    return client;
  }

  /** A client that has logged in as `bob`. */
  async login(): Promise<Pop3Client> {
    const client = await this.connect();
    await client.ask("USER bob");
    await client.ask("PASS secret");
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) client.close();
    this.agent.close();
    await this.agent.drain();
    await this.server[Symbol.asyncDispose]();
  }
}

/** A client of the agent; octets as characters. */
export class Pop3Client {
  greeting = "";
  conn: Deno.Conn;
  #text = "";

  constructor(conn: Deno.Conn) {
    this.conn = conn;
  }

  async write(text: string): Promise<void> {
    const octets = Uint8Array.from(text, (c) => c.charCodeAt(0));
    for (let at = 0; at < octets.length;) at += await this.conn.write(octets.subarray(at));
  }

  /** The next line without CRLF; `""` when the connection is closed. */
  async line(): Promise<string> {
    return await this.#next() ?? "";
  }

  async #next(): Promise<string | undefined> {
    while (true) {
      const end = this.#text.indexOf("\r\n");
      if (end !== -1) {
        const line = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 2);
        return line;
      }
      const buffer = new Uint8Array(65_536);
      const count = await this.conn.read(buffer).catch(() => null);
      if (count === null) return undefined;
      this.#text += String.fromCharCode(...buffer.subarray(0, count));
    }
  }

  /** Sends a command and reads the status line. */
  async ask(command: string): Promise<string> {
    await this.write(`${command}\r\n`);
    return await this.line();
  }

  /** Lines of a multi-line answer, dots before dots taken off. */
  async rest(): Promise<string[]> {
    const lines: string[] = [];
    for (let line = await this.#next(); line !== "."; line = await this.#next()) {
      if (line === undefined) throw new Error("The agent closed the connection within an answer");
      lines.push(line.startsWith(".") ? line.slice(1) : line);
    }
    return lines;
  }

  /** A multi-line answer: the status line, and the lines with CRLF as one text where it is +OK. */
  async fetch(command: string): Promise<{ status: string; text: string }> {
    const status = await this.ask(command);
    if (!status.startsWith("+OK")) return { status, text: "" };
    return { status, text: (await this.rest()).map((line) => `${line}\r\n`).join("") };
  }

  /** Whether nothing comes any more and the connection is closed. */
  async closed(): Promise<boolean> {
    return await this.#next() === undefined && this.#text === "";
  }

  close(): void {
    try {
      this.conn.close();
    } catch {
      // closed
    }
  }
}
