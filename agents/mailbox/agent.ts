/** What the agents in front of mailbox servers do alike: who is told what, and what a reload changes. */
import { ListeningAgent } from "../listening_agent.ts";
import type { Runner } from "../session_books.ts";
import type { ConnStream } from "../stream.ts";
import { renewIdentity } from "../tls.ts";
import type { MailboxAgentStart, MailboxContext } from "./context.ts";
import { redirectedContext } from "./redirected.ts";

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

/** What makes one kind of agent. */
export interface MailboxAgentKind {
  readonly protocol: "pop3" | "imap";
  /** Line told to one session too many. */
  readonly tooMany: string;
  /** Line told to whom no firewall has redirected. */
  readonly notRedirected: string;
  /** What a reload may change besides. */
  readonly changeable: readonly string[];
}

/** One agent. */
export abstract class MailboxAgent<
  Config extends MailboxAgentStart,
  Context extends MailboxContext,
> extends ListeningAgent<Config, Context> {
  readonly #kind: MailboxAgentKind;

  constructor(kind: MailboxAgentKind, config: Config, context: Context) {
    super(config, context, [...CHANGEABLE, ...kind.changeable]);
    this.#kind = kind;
  }

  /** The session of a client that may have one. */
  protected abstract runner(context: Context, stream: ConnStream): Runner;

  /** Puts other numbers into the context. */
  protected abstract renew(next: Config): void;

  /** Where TLS comes first nothing can be said in clear. */
  protected get refusal(): string {
    return this.context.implicitTls ? "" : this.#kind.tooMany;
  }

  protected async session(stream: ConnStream): Promise<Runner | undefined> {
    const { transparent } = this.config;
    const { protocol, notRedirected } = this.#kind;
    const context = transparent
      ? await redirectedContext(this.context, stream, transparent, protocol, notRedirected)
      : this.context;
    return context && this.runner(context, stream);
  }

  protected adopt(next: Config): boolean {
    if (!renewIdentity(this.context, this.config.tlsPem, next.tlsPem)) return false;
    this.renew(next);
    return true;
  }
}
