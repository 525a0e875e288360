import { ListeningAgent } from "../listening_agent.ts";
import { MailboxGate } from "../mailbox/gate.ts";
import { redirectedContext } from "../mailbox/redirected.ts";
import { ServerBook } from "../mailbox/servers.ts";
import type { AgentPorts, RunningAgent } from "../ports.ts";
import type { ConnStream } from "../stream.ts";
import { renewIdentity, serverIdentity } from "../tls.ts";
import { type ImapAgentStart, type ImapContext, imapSettings } from "./context.ts";
import { ImapRunner } from "./session_runner.ts";
import { VerdictCache } from "./verdict_cache.ts";

/** Told to one session too many. */
const TOO_MANY = "* BYE [UNAVAILABLE] Too many sessions, try again later\r\n";
/** Told to whom no firewall has redirected. */
const NOT_REDIRECTED = "* BYE Only for redirected connections\r\n";
/** What a reload may change without a new worker: what neither sockets nor permissions depend on. */
const CHANGEABLE = [
  "domain",
  "direction",
  "appendDirection",
  "overview",
  "deferred",
  "hostname",
  "requireTls",
  "nextHop",
  "limits",
  "tls", // another certificate; see renewIdentity
  "tlsPem",
];

/**
 * Starts the IMAP agent: stands between mail programs and their mailbox servers, and shows what was scanned.
 *
 * @param config The checked configuration, the node's name where it has none, and the PEM texts of the files it names.
 * @throws {PosternError} `wire/closed` when the address cannot be listened on, `smtp/tls` when the certificate cannot be used.
 */
export function startImapAgent(config: ImapAgentStart, ports: AgentPorts): Promise<RunningAgent> {
  return Promise.resolve().then(() => new ImapAgent(config, ports)); // whatever fails, fails as a rejection
}

/** What the sessions of an agent share. */
function contextOf(config: ImapAgentStart, ports: AgentPorts): ImapContext {
  const settings = imapSettings(config);
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
    cache: new VerdictCache(ports, settings.cache, settings.cacheMs),
    settings,
    sessions: 0,
    counts: { messages: 0, changed: 0, deferred: 0, refused: 0 },
    draining: false,
  };
}

class ImapAgent extends ListeningAgent<ImapAgentStart, ImapContext> {
  constructor(config: ImapAgentStart, ports: AgentPorts) {
    super(config, contextOf(config, ports), CHANGEABLE);
  }

  /** Where TLS comes first nothing can be said in clear. */
  protected get refusal(): string {
    return this.context.implicitTls ? "" : TOO_MANY;
  }

  protected async session(stream: ConnStream): Promise<ImapRunner | undefined> {
    const { transparent } = this.config;
    const context = transparent
      ? await redirectedContext(this.context, stream, transparent, "imap", NOT_REDIRECTED)
      : this.context;
    return context && new ImapRunner(context, stream);
  }

  protected adopt(next: ImapAgentStart): boolean {
    if (!renewIdentity(this.context, this.config.tlsPem, next.tlsPem)) return false;
    const { cache } = this.context;
    this.context.settings = imapSettings(next);
    cache.maxOctets = this.context.settings.cache;
    cache.keepMs = this.context.settings.cacheMs;
    return true;
  }

  override status(): Readonly<Record<string, number>> {
    const { counts, cache } = this.context;
    return {
      ...super.status(),
      messages: counts.messages,
      messagesChanged: counts.changed,
      messagesDeferred: counts.deferred,
      uploadsRefused: counts.refused,
      messagesKnown: cache.size,
      cachedOctets: cache.octets,
    };
  }
}
