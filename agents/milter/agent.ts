import { differsOnlyIn } from "../reconfigure.ts";
import { Listener } from "../listener.ts";
import type { AgentPorts, RunningAgent } from "../ports.ts";
import { SessionBook } from "../session_books.ts";
import { describe } from "../describe.ts";
import { makeRoom } from "../unix_listener.ts";
import { type MilterAgentStart, type MilterContext, milterSettings } from "./context.ts";
import { REFUSAL_LOG_MS } from "./limits.ts";
import { MilterRunner } from "./session_runner.ts";

/** What a reload may change without a new worker: what neither sockets nor permissions depend on. */
const CHANGEABLE: ReadonlySet<string> = new Set([
  "direction",
  "nextHop",
  "limits",
  "shareAddress", // how it began
]);

/**
 * Starts the milter agent: listens for mail servers that ask what to do with mail, scans, decides, tells them what to change.
 *
 * @param config The checked configuration.
 * @throws {PosternError} `wire/closed` when the address cannot be listened on.
 */
export async function startMilterAgent(
  config: MilterAgentStart,
  ports: AgentPorts,
): Promise<RunningAgent> {
  await makeRoom(config.listen);
  return new MilterAgent(config, ports);
}

class MilterAgent implements RunningAgent {
  #config: MilterAgentStart;
  readonly #context: MilterContext;
  readonly #listener: Listener;
  readonly #sessions = new SessionBook();
  #refused = 0;
  #refusalLogged = -Infinity;

  constructor(config: MilterAgentStart, ports: AgentPorts) {
    this.#config = config;
    this.#context = { ports, settings: milterSettings(config), messages: 0, draining: false };
    this.#listener = new Listener({
      listen: config.listen,
      socketMode: Number.parseInt(config.socketMode, 8),
      shareAddress: config.shareAddress ?? false,
      limits: this.#context.settings,
      serve: (stream) => this.#sessions.run(new MilterRunner(this.#context, stream)),
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
    const next = config as MilterAgentStart; // from the daemon, which has checked it
    if (!differsOnlyIn(CHANGEABLE, this.#config, next)) return false;
    this.#config = next;
    this.#context.settings = milterSettings(next);
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

  /** One too many is closed without a word (there is none before the negotiation): the MTA then does what it is set to do. */
  #refuse(): void {
    this.#refused++;
    const now = performance.now();
    if (now - this.#refusalLogged < REFUSAL_LOG_MS) return;
    this.#refusalLogged = now;
    const { ports, settings } = this.#context;
    ports.log("warning", "Too many sessions of mail servers", {
      listener: settings.listener,
      refused: this.#refused,
    });
  }
}
