import { MailboxAgent, type MailboxAgentKind } from "../mailbox/agent.ts";
import { mailboxContext } from "../mailbox/context.ts";
import type { AgentPorts, RunningAgent } from "../ports.ts";
import type { ConnStream } from "../stream.ts";
import { type ImapAgentStart, type ImapContext, imapSettings } from "./context.ts";
import { ImapRunner } from "./session_runner.ts";
import { VerdictCache } from "./verdict_cache.ts";

const KIND: MailboxAgentKind = {
  protocol: "imap",
  tooMany: "* BYE [UNAVAILABLE] Too many sessions, try again later\r\n",
  notRedirected: "* BYE Only for redirected connections\r\n",
  changeable: ["appendDirection", "overview", "deferred"],
};

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
    ...mailboxContext(config, ports, settings),
    cache: new VerdictCache(ports, settings.cache, settings.cacheMs),
    counts: { messages: 0, changed: 0, deferred: 0, refused: 0 },
  };
}

class ImapAgent extends MailboxAgent<ImapAgentStart, ImapContext> {
  constructor(config: ImapAgentStart, ports: AgentPorts) {
    super(KIND, config, contextOf(config, ports));
  }

  protected runner(context: ImapContext, stream: ConnStream): ImapRunner {
    return new ImapRunner(context, stream);
  }

  protected renew(next: ImapAgentStart): void {
    const { cache } = this.context;
    this.context.settings = imapSettings(next);
    cache.maxOctets = this.context.settings.cache;
    cache.keepMs = this.context.settings.cacheMs;
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
