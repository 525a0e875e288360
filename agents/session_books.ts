/** What the sessions of one agent have in common, whatever they speak: who runs, what is held for whom, what was refused. */
import type { Outcome, Phase } from "../policy/types.ts";
import type { AgentPorts } from "./ports.ts";
import { type FactsSource, refusedRecord } from "./way.ts";

/** One session, as far as its agent knows it. */
export interface Runner {
  /** Runs to the session's end. Rejects only for faults of our own. */
  run(): Promise<void>;
  /** Ends a session that waits for its peer; others end when their message is done. */
  shutDown(): void;
}

/** The sessions of one agent. */
export class SessionBook {
  readonly #running = new Map<Runner, Promise<void>>();
  #total = 0;

  /** Sessions since the agent began. */
  get total(): number {
    return this.#total;
  }

  /** Runs one session and knows of it while it runs. */
  async run(runner: Runner): Promise<void> {
    this.#total++;
    const run = runner.run();
    this.#running.set(runner, run);
    try {
      await run;
    } finally {
      this.#running.delete(runner);
    }
  }

  /** Asks every session to end, and waits until all have. */
  async drain(): Promise<void> {
    for (const runner of this.#running.keys()) runner.shutDown();
    await Promise.all(this.#running.values());
  }
}

/** Octets that the node has granted to one session. */
export class Reservation {
  readonly #ports: AgentPorts;
  #octets = 0;

  constructor(ports: AgentPorts) {
    this.#ports = ports;
  }

  /** Octets granted now. */
  get octets(): number {
    return this.#octets;
  }

  /**
   * Asks for what is missing to so many.
   *
   * @param step Least that is asked for at once, so that a message that grows does not ask for every piece.
   * @returns false when the node is full; what was granted before stays.
   */
  async grow(octets: number, step = 0): Promise<boolean> {
    const missing = octets - this.#octets;
    if (missing <= 0) return true;
    const more = Math.max(missing, step);
    if (!await this.#ports.reserve(more)) return false;
    this.#octets += more;
    return true;
  }

  /** Gives back everything. */
  release(): void {
    if (this.#octets > 0) this.#ports.release(this.#octets);
    this.#octets = 0;
  }
}

/**
 * Records a client, sender or recipient that was refused before any message was read.
 *
 * @param phase When it was; where it is not given, the facts tell.
 */
export function recordRefusal(
  ports: AgentPorts,
  source: FactsSource,
  queueId: string,
  recipients: readonly string[],
  reply: string,
  outcome: Outcome,
  phase?: Phase,
): void {
  const { sender } = source.envelope;
  const envelope = { ...source.envelope, sender: sender ?? "", recipients };
  const action = outcome.action === "defer" ? "defer" : "reject";
  const seen = sender === undefined ? "connect" : recipients.length === 0 ? "sender" : "recipient";
  const { by } = outcome;
  ports.record(refusedRecord({ ...source, envelope, queueId }, reply, action, by, phase ?? seen));
}
