/**
 * What the agents have in common that other programs ask for advice (clamd, spamd, rspamd): a listener with its limits, sessions,
 * counts, reload. A session is what each of them runs over a stream.
 */
import type { SessionLimits } from "./listener.ts";
import { ListeningAgent } from "./listening_agent.ts";
import type { AgentPorts, RunningAgent } from "./ports.ts";
import type { Runner } from "./session_books.ts";
import type { ConnStream } from "./stream.ts";
import { makeRoom } from "./unix_listener.ts";

/** What every such agent's configuration has. */
export interface AdviceAgentStart {
  readonly name: string;
  readonly listen: string;
  /** Octal. */
  readonly socketMode: string;
  /** Another worker has the address, and will leave it. */
  readonly shareAddress?: boolean;
}

/** What all sessions of one agent share. */
export interface AdviceContext<Settings> {
  readonly ports: AgentPorts;
  /** Exchanged whole by a reload; a session keeps what it began with. */
  settings: Settings;
  /** Objects that were asked about. */
  messages: number;
  /** Objects that are being looked at now. */
  active: number;
  draining: boolean;
}

/** What makes one kind of agent. */
export interface AdviceAgentKind<Config extends AdviceAgentStart, Settings extends SessionLimits> {
  /** Takes the numbers out of the configuration. */
  settings(config: Config): Settings;
  /** Names of what a reload may change without a new worker: what neither sockets nor permissions depend on. */
  readonly changeable: readonly string[];
  /** Makes the session of a connection. */
  runner(context: AdviceContext<Settings>, stream: ConnStream): Runner;
}

/**
 * Starts an agent of a kind.
 *
 * @param config The checked configuration.
 * @throws {PosternError} `wire/closed` when the address cannot be listened on.
 */
export async function startAdviceAgent<
  Config extends AdviceAgentStart,
  Settings extends SessionLimits,
>(
  kind: AdviceAgentKind<Config, Settings>,
  config: Config,
  ports: AgentPorts,
): Promise<RunningAgent> {
  await makeRoom(config.listen);
  return new AdviceAgent(kind, config, ports);
}

class AdviceAgent<Config extends AdviceAgentStart, Settings extends SessionLimits>
  extends ListeningAgent<Config, AdviceContext<Settings>> {
  readonly #kind: AdviceAgentKind<Config, Settings>;
  /** One too many is closed without a word: none of these protocols has one for it that clients would understand. */
  protected readonly refusal = "";

  constructor(kind: AdviceAgentKind<Config, Settings>, config: Config, ports: AgentPorts) {
    const settings = kind.settings(config);
    super(config, { ports, settings, messages: 0, active: 0, draining: false }, kind.changeable);
    this.#kind = kind;
  }

  protected session(stream: ConnStream): Runner {
    return this.#kind.runner(this.context, stream);
  }

  protected adopt(next: Config): boolean {
    this.context.settings = this.#kind.settings(next);
    return true;
  }

  override status(): Readonly<Record<string, number>> {
    return { ...super.status(), messages: this.context.messages };
  }
}
