import { describe } from "../describe.ts";
import { Listener } from "../listener.ts";
import { MailboxGate } from "../mailbox/gate.ts";
import { redirectedContext } from "../mailbox/redirected.ts";
import { ServerBook } from "../mailbox/servers.ts";
import type { AgentPorts, RunningAgent } from "../ports.ts";
import { differsOnlyIn } from "../reconfigure.ts";
import { SessionBook } from "../session_books.ts";
import type { ConnStream } from "../stream.ts";
import { renewIdentity, serverIdentity } from "../tls.ts";
import { type ImapAgentStart, type ImapContext, imapSettings } from "./context.ts";
import { GOODBYE_MS } from "./limits.ts";
import { octetsOf } from "./pieces.ts";
import { ImapRunner } from "./session_runner.ts";
import { VerdictCache } from "./verdict_cache.ts";

/** Told to whom no firewall has redirected. */
const NOT_REDIRECTED = "* BYE Only for redirected connections\r\n";
/** What a reload may change without a new worker: what neither sockets nor permissions depend on. */
const CHANGEABLE: ReadonlySet<string> = new Set([
  "domain",
  "direction",
  "appendDirection",
  "overview",
  "deferred",
  "hostname",
  "requireTls",
  "nextHop",
  "limits",
  "shareAddress", // how it began
  "tls", // another certificate; see renewIdentity
  "tlsPem",
]);

/**
 * Starts the IMAP agent: stands between mail programs and their mailbox servers, and shows what was scanned.
 *
 * @param config The checked configuration, the node's name where it has none, and the PEM texts of the files it names.
 * @throws {PosternError} `wire/closed` when the address cannot be listened on, `smtp/tls` when the certificate cannot be used.
 */
export function startImapAgent(config: ImapAgentStart, ports: AgentPorts): Promise<RunningAgent> {
  return Promise.resolve().then(() => new ImapAgent(config, ports)); // whatever fails, fails as a rejection
}

class ImapAgent implements RunningAgent {
  #config: ImapAgentStart;
  readonly #context: ImapContext;
  readonly #listener: Listener;
  readonly #sessions = new SessionBook();
  #refused = 0;

  constructor(config: ImapAgentStart, ports: AgentPorts) {
    this.#config = config;
    const settings = imapSettings(config);
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
      cache: new VerdictCache(ports, settings.cache, settings.cacheMs),
      settings,
      sessions: 0,
      counts: { messages: 0, changed: 0, deferred: 0, refused: 0 },
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
        stream.deadline(GOODBYE_MS);
        await stream.write(octetsOf("* BYE [UNAVAILABLE] Too many sessions, try again later\r\n"));
      },
      failed: (error) =>
        ports.log("warning", "Cannot accept a session", { error: describe(error) }),
    });
  }

  async #serve(stream: ConnStream): Promise<void> {
    const { transparent } = this.#config;
    const context = transparent
      ? await redirectedContext(this.#context, stream, transparent, "imap", NOT_REDIRECTED)
      : this.#context;
    if (context) await this.#sessions.run(new ImapRunner(context, stream));
  }

  get addresses(): readonly string[] {
    return [this.#listener.address];
  }

  status(): Readonly<Record<string, number>> {
    const { counts, cache } = this.#context;
    return {
      sessions: this.#listener.count,
      sessionsTotal: this.#sessions.total,
      sessionsRefused: this.#refused,
      messages: counts.messages,
      messagesChanged: counts.changed,
      messagesDeferred: counts.deferred,
      uploadsRefused: counts.refused,
      messagesKnown: cache.size,
      cachedOctets: cache.octets,
    };
  }

  reconfigure(config: unknown): boolean {
    const next = config as ImapAgentStart; // from the daemon, which has checked it
    if (!differsOnlyIn(CHANGEABLE, this.#config, next)) return false;
    if (!renewIdentity(this.#context, this.#config.tlsPem, next.tlsPem)) return false;
    this.#config = next;
    const { cache } = this.#context;
    this.#context.settings = imapSettings(next);
    cache.maxOctets = this.#context.settings.cache;
    cache.keepMs = this.#context.settings.cacheMs;
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
