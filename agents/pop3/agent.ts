import { MailboxAgent, type MailboxAgentKind } from "../mailbox/agent.ts";
import { mailboxContext } from "../mailbox/context.ts";
import { MessageCache } from "../mailbox/message_cache.ts";
import type { AgentPorts, RunningAgent } from "../ports.ts";
import type { ConnStream } from "../stream.ts";
import { type Pop3AgentStart, type Pop3Context, pop3Settings } from "./context.ts";
import { Pop3Runner } from "./session_runner.ts";

const KIND: MailboxAgentKind = {
  protocol: "pop3",
  tooMany: "-ERR [SYS/TEMP] Too many sessions, try again later\r\n",
  notRedirected: "-ERR [SYS/PERM] Only for redirected connections\r\n",
  changeable: [],
};

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
    ...mailboxContext(config, ports, settings),
    cache: new MessageCache(ports, settings.cache),
    messages: 0,
  };
}

class Pop3Agent extends MailboxAgent<Pop3AgentStart, Pop3Context> {
  constructor(config: Pop3AgentStart, ports: AgentPorts) {
    super(KIND, config, contextOf(config, ports));
  }

  protected runner(context: Pop3Context, stream: ConnStream): Pop3Runner {
    return new Pop3Runner(context, stream);
  }

  protected renew(next: Pop3AgentStart): void {
    this.context.settings = pop3Settings(next);
    this.context.cache.maxOctets = this.context.settings.cache;
  }

  override status(): Readonly<Record<string, number>> {
    const { messages, cache } = this.context;
    return { ...super.status(), messages, cachedOctets: cache.octets };
  }
}
