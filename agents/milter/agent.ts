import { ListeningAgent } from "../listening_agent.ts";
import type { AgentPorts, RunningAgent } from "../ports.ts";
import type { ConnStream } from "../stream.ts";
import { makeRoom } from "../unix_listener.ts";
import { type MilterAgentStart, type MilterContext, milterSettings } from "./context.ts";
import { MilterRunner } from "./session_runner.ts";

/** What a reload may change without a new worker: what neither sockets nor permissions depend on. */
const CHANGEABLE = ["direction", "nextHop", "limits"];

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

class MilterAgent extends ListeningAgent<MilterAgentStart, MilterContext> {
  /** One too many is closed without a word (there is none before the negotiation): the MTA then does what it is set to do. */
  protected readonly refusal = "";

  constructor(config: MilterAgentStart, ports: AgentPorts) {
    const context = { ports, settings: milterSettings(config), messages: 0, draining: false };
    super(config, context, CHANGEABLE);
  }

  protected session(stream: ConnStream): MilterRunner {
    return new MilterRunner(this.context, stream);
  }

  protected adopt(next: MilterAgentStart): boolean {
    this.context.settings = milterSettings(next);
    return true;
  }

  override status(): Readonly<Record<string, number>> {
    return { ...super.status(), messages: this.context.messages };
  }
}
