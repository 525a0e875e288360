/**
 * What the agents have in common that other programs ask for advice (clamd, spamd, rspamd): a listener with its limits, sessions,
 * counts, reload. A session is what each of them runs over a stream.
 */
import { describe } from "./describe.ts";
import { Listener, type SessionLimits } from "./listener.ts";
import type { AgentPorts, RunningAgent } from "./ports.ts";
import { differsOnlyIn } from "./reconfigure.ts";
import { type Runner, SessionBook } from "./session_books.ts";
import type { ConnStream } from "./stream.ts";
import { makeRoom } from "./unix_listener.ts";

/** Longest time between two log lines about sessions that are one too many, ms. */
const REFUSAL_LOG_MS = 10_000;

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
  implements RunningAgent {
  readonly #kind: AdviceAgentKind<Config, Settings>;
  readonly #changeable: ReadonlySet<string>;
  readonly #context: AdviceContext<Settings>;
  readonly #listener: Listener;
  readonly #sessions = new SessionBook();
  #config: Config;
  #refused = 0;
  #refusalLogged = -Infinity;

  constructor(kind: AdviceAgentKind<Config, Settings>, config: Config, ports: AgentPorts) {
    this.#kind = kind;
    this.#changeable = new Set([...kind.changeable, "shareAddress"]); // how it began
    this.#config = config;
    const settings = kind.settings(config);
    this.#context = { ports, settings, messages: 0, active: 0, draining: false };
    this.#listener = new Listener({
      listen: config.listen,
      socketMode: Number.parseInt(config.socketMode, 8),
      shareAddress: config.shareAddress ?? false,
      limits: settings,
      serve: (stream) => this.#sessions.run(kind.runner(this.#context, stream)),
      refuse: () => Promise.resolve(this.#refuse()),
      failed: (error) =>
        ports.log("warning", "Cannot accept a session", { error: describe(error) }),
    });
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
    };
  }

  reconfigure(config: unknown): boolean {
    const next = config as Config; // from the daemon, which has checked it
    if (!differsOnlyIn(this.#changeable, this.#config, next)) return false;
    this.#config = next;
    this.#context.settings = this.#kind.settings(next);
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

  /** One too many is closed without a word: none of these protocols has one for it that clients would understand. */
  #refuse(): void {
    this.#refused++;
    const now = performance.now();
    if (now - this.#refusalLogged < REFUSAL_LOG_MS) return;
    this.#refusalLogged = now;
    this.#context.ports.log("warning", "Too many sessions", {
      listener: this.#config.name,
      refused: this.#refused,
    });
  }
}
