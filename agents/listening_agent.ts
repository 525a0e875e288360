/** What every agent that listens does alike: its listener, its sessions, counts, reload, the end. What a session is, each says. */
import { describe } from "./describe.ts";
import { Listener, type SessionLimits } from "./listener.ts";
import type { PassedSocket } from "./passed_listener.ts";
import type { AgentPorts, RunningAgent } from "./ports.ts";
import { differsOnlyIn } from "./reconfigure.ts";
import { type Runner, SessionBook } from "./session_books.ts";
import type { ConnStream } from "./stream.ts";

/** Longest time between two log lines about sessions that are one too many, ms. */
const REFUSAL_LOG_MS = 10_000;
/** How long a client that is refused may take to read why, ms. */
const REFUSAL_MS = 5000;

/** What every such agent's configuration has. */
export interface ListeningStart {
  readonly name: string;
  readonly listen: string;
  /** Octal; where it may be a socket in the file system. */
  readonly socketMode?: string | undefined;
  readonly proxies?: readonly string[] | undefined;
  /** Another worker has the address, and will leave it. */
  readonly shareAddress?: boolean;
  /** The socket that `listen` names, where that was passed to the daemon. */
  readonly passed?: PassedSocket;
}

/** What its sessions share, as far as it is asked here. */
export interface ListeningContext {
  readonly ports: AgentPorts;
  /** Exchanged whole by a reload; a session keeps what it began with. */
  settings: SessionLimits;
  draining: boolean;
}

/** One agent. */
export abstract class ListeningAgent<
  Config extends ListeningStart,
  Context extends ListeningContext,
> implements RunningAgent {
  protected config: Config;
  protected readonly context: Context;
  readonly #changeable: ReadonlySet<string>;
  readonly #listener: Listener;
  readonly #sessions = new SessionBook();
  #refused = 0;
  #refusalLogged = -Infinity;

  /**
   * Begins to listen.
   *
   * @param changeable Names of what a reload may change without a new worker: what neither sockets nor permissions depend on.
   * @throws {PosternError} `wire/closed` when the address cannot be listened on.
   */
  constructor(config: Config, context: Context, changeable: readonly string[]) {
    this.config = config;
    this.context = context;
    this.#changeable = new Set([...changeable, "shareAddress", "passed"]); // how it began
    this.#listener = new Listener({
      listen: config.listen,
      passed: config.passed,
      ...(config.socketMode === undefined
        ? {}
        : { socketMode: Number.parseInt(config.socketMode, 8) }),
      shareAddress: config.shareAddress ?? false,
      proxies: config.proxies,
      limits: context.settings,
      serve: async (stream) => {
        const runner = await this.session(stream);
        if (runner) await this.#sessions.run(runner);
      },
      refuse: (stream) => this.#refuse(stream),
      failed: (error) =>
        context.ports.log("warning", "Cannot accept a session", { error: describe(error) }),
    });
  }

  /** The session of a connection; `undefined` where it was refused, and was told so. */
  protected abstract session(
    stream: ConnStream,
  ): Runner | undefined | Promise<Runner | undefined>;

  /** What a client hears for whom there is no room; `""` where nothing can be said. */
  protected abstract readonly refusal: string;

  /**
   * Puts other settings into the context.
   *
   * @returns false where a new worker is needed for them, and nothing was changed.
   */
  protected abstract adopt(next: Config): boolean;

  get addresses(): readonly string[] {
    return [this.#listener.address];
  }

  status(): Readonly<Record<string, number>> {
    return {
      sessions: this.#listener.count,
      sessionsTotal: this.#sessions.total,
      sessionsRefused: this.#refused,
    };
  }

  reconfigure(config: unknown): boolean {
    const next = config as Config; // from the daemon, which has checked it
    if (!differsOnlyIn(this.#changeable, this.config, next) || !this.adopt(next)) return false;
    this.config = next;
    this.#listener.limits = this.context.settings;
    return true;
  }

  stopListening(): void {
    this.#listener.stop();
  }

  async drain(): Promise<void> {
    this.context.draining = true;
    this.#listener.stop();
    await this.#sessions.drain();
  }

  close(): void {
    this.context.draining = true;
    this.#listener.stop();
    this.#listener.closeAll();
  }

  /** Tells a client why it is refused; its connection is closed behind that. */
  protected async tell(stream: ConnStream, text: string): Promise<void> {
    if (text === "") return;
    stream.deadline(REFUSAL_MS);
    await stream.write(new TextEncoder().encode(text));
  }

  async #refuse(stream: ConnStream): Promise<void> {
    this.#refused++;
    const now = performance.now();
    if (now - this.#refusalLogged >= REFUSAL_LOG_MS) {
      this.#refusalLogged = now;
      this.context.ports.log("warning", "Too many sessions", {
        listener: this.config.name,
        refused: this.#refused,
      });
    }
    await this.tell(stream, this.refusal);
  }
}
