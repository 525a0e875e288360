import { describe } from "../describe.ts";
import { Listener } from "../listener.ts";
import { MailboxGate } from "../mailbox/gate.ts";
import { MessageCache } from "../mailbox/message_cache.ts";
import { redirectedContext } from "../mailbox/redirected.ts";
import { ServerBook } from "../mailbox/servers.ts";
import type { AgentPorts, RunningAgent } from "../ports.ts";
import { differsOnlyIn } from "../reconfigure.ts";
import { SessionBook } from "../session_books.ts";
import type { ConnStream } from "../stream.ts";
import { renewIdentity, serverIdentity } from "../tls.ts";
import { octetsOf } from "./command.ts";
import { type Pop3AgentStart, type Pop3Context, pop3Settings } from "./context.ts";
import { REFUSAL_MS } from "./limits.ts";
import { Pop3Runner } from "./session_runner.ts";

/** Told to whom no firewall has redirected. */
const NOT_REDIRECTED = "-ERR [SYS/PERM] Only for redirected connections\r\n";
/** What a reload may change without a new worker: what neither sockets nor permissions depend on. */
const CHANGEABLE: ReadonlySet<string> = new Set([
  "domain",
  "direction",
  "hostname",
  "requireTls",
  "nextHop",
  "limits",
  "shareAddress", // how it began
  "tls", // another certificate; see renewIdentity
  "tlsPem",
]);

/**
 * Starts the POP3 agent: stands between mail programs and their mailbox servers, and hands out what was scanned.
 *
 * @param config The checked configuration, the node's name where it has none, and the PEM texts of the files it names.
 * @throws {PosternError} `wire/closed` when the address cannot be listened on, `smtp/tls` when the certificate cannot be used.
 */
export function startPop3Agent(config: Pop3AgentStart, ports: AgentPorts): Promise<RunningAgent> {
  return Promise.resolve().then(() => new Pop3Agent(config, ports)); // whatever fails, fails as a rejection
}

class Pop3Agent implements RunningAgent {
  #config: Pop3AgentStart;
  readonly #context: Pop3Context;
  readonly #listener: Listener;
  readonly #sessions = new SessionBook();
  #refused = 0;

  constructor(config: Pop3AgentStart, ports: AgentPorts) {
    this.#config = config;
    const settings = pop3Settings(config);
    this.#context = {
      ports,
      servers: new ServerBook(config.server, config.servers),
      serverTls: {
        tls: config.serverTls,
        ...(config.serverCaPem === undefined ? {} : { caPem: config.serverCaPem }),
      },
      named: config.servers.length > 0,
      ...(config.tlsPem ? { identity: serverIdentity(config.tlsPem) } : {}),
      implicitTls: config.implicitTls,
      gate: new MailboxGate(ports),
      cache: new MessageCache(ports, settings.cache),
      settings,
      sessions: 0,
      messages: 0,
      draining: false,
    };
    this.#listener = new Listener({
      listen: config.listen,
      shareAddress: config.shareAddress ?? false,
      proxies: config.proxies,
      limits: settings,
      serve: (stream) => this.#serve(stream),
      refuse: async (stream) => {
        this.#refused++;
        if (this.#context.implicitTls) return; // nothing can be said in clear
        stream.deadline(REFUSAL_MS);
        await stream.write(octetsOf("-ERR [SYS/TEMP] Too many sessions, try again later\r\n"));
      },
      failed: (error) =>
        ports.log("warning", "Cannot accept a session", { error: describe(error) }),
    });
  }

  async #serve(stream: ConnStream): Promise<void> {
    const { transparent } = this.#config;
    const context = transparent
      ? await redirectedContext(this.#context, stream, transparent, "pop3", NOT_REDIRECTED)
      : this.#context;
    if (context) await this.#sessions.run(new Pop3Runner(context, stream));
  }

  get addresses(): readonly string[] {
    return [this.#listener.address];
  }

  status(): Readonly<Record<string, number>> {
    return {
      sessions: this.#listener.count,
      sessionsTotal: this.#sessions.total,
      sessionsRefused: this.#refused,
      messages: this.#context.messages,
      cachedOctets: this.#context.cache.octets,
    };
  }

  reconfigure(config: unknown): boolean {
    const next = config as Pop3AgentStart; // from the daemon, which has checked it
    if (!differsOnlyIn(CHANGEABLE, this.#config, next)) return false;
    if (!renewIdentity(this.#context, this.#config.tlsPem, next.tlsPem)) return false;
    this.#config = next;
    this.#context.settings = pop3Settings(next);
    this.#context.cache.maxOctets = this.#context.settings.cache;
    this.#listener.limits = this.#context.settings;
    return true;
  }

  stopListening(): void {
    this.#listener.stop();
  }

  async drain(): Promise<void> {
    this.#context.draining = true;
    this.#listener.stop();
    await this.#sessions.drain();
  }

  close(): void {
    this.#context.draining = true;
    this.#listener.stop();
    this.#listener.closeAll();
  }
}
