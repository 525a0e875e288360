import { ListeningAgent } from "../listening_agent.ts";
import { MailboxGate } from "../mailbox/gate.ts";
import { MessageCache } from "../mailbox/message_cache.ts";
import { redirectedContext } from "../mailbox/redirected.ts";
import { ServerBook } from "../mailbox/servers.ts";
import type { AgentPorts, RunningAgent } from "../ports.ts";
import type { ConnStream } from "../stream.ts";
import { renewIdentity, serverIdentity } from "../tls.ts";
import { type Pop3AgentStart, type Pop3Context, pop3Settings } from "./context.ts";
import { Pop3Runner } from "./session_runner.ts";

/** Told to one session too many. */
const TOO_MANY = "-ERR [SYS/TEMP] Too many sessions, try again later\r\n";
/** Told to whom no firewall has redirected. */
const NOT_REDIRECTED = "-ERR [SYS/PERM] Only for redirected connections\r\n";
/** What a reload may change without a new worker: what neither sockets nor permissions depend on. */
const CHANGEABLE = [
  "domain",
  "direction",
  "hostname",
  "requireTls",
  "nextHop",
  "limits",
  "tls", // another certificate; see renewIdentity
  "tlsPem",
];

/**
 * Starts the POP3 agent: stands between mail programs and their mailbox servers, and hands out what was scanned.
 *
 * @param config The checked configuration, the node's name where it has none, and the PEM texts of the files it names.
 * @throws {PosternError} `wire/closed` when the address cannot be listened on, `smtp/tls` when the certificate cannot be used.
 */
export function startPop3Agent(config: Pop3AgentStart, ports: AgentPorts): Promise<RunningAgent> {
  return Promise.resolve().then(() => new Pop3Agent(config, ports)); // whatever fails, fails as a rejection
}

/** What the sessions of an agent share. */
function contextOf(config: Pop3AgentStart, ports: AgentPorts): Pop3Context {
  const settings = pop3Settings(config);
  return {
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
}

class Pop3Agent extends ListeningAgent<Pop3AgentStart, Pop3Context> {
  constructor(config: Pop3AgentStart, ports: AgentPorts) {
    super(config, contextOf(config, ports), CHANGEABLE);
  }

  /** Where TLS comes first nothing can be said in clear. */
  protected get refusal(): string {
    return this.context.implicitTls ? "" : TOO_MANY;
  }

  protected async session(stream: ConnStream): Promise<Pop3Runner | undefined> {
    const { transparent } = this.config;
    const context = transparent
      ? await redirectedContext(this.context, stream, transparent, "pop3", NOT_REDIRECTED)
      : this.context;
    return context && new Pop3Runner(context, stream);
  }

  protected adopt(next: Pop3AgentStart): boolean {
    if (!renewIdentity(this.context, this.config.tlsPem, next.tlsPem)) return false;
    this.context.settings = pop3Settings(next);
    this.context.cache.maxOctets = this.context.settings.cache;
    return true;
  }

  override status(): Readonly<Record<string, number>> {
    const { messages, cache } = this.context;
    return { ...super.status(), messages, cachedOctets: cache.octets };
  }
}
