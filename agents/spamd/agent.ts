import { startAdviceAgent } from "../advice_agent.ts";
import { scoreSettings } from "../advice_settings.ts";
import type { AgentPorts, RunningAgent } from "../ports.ts";
import type { SpamdAgentStart } from "./context.ts";
import { SpamdRunner } from "./session_runner.ts";

/**
 * Starts the spamd agent: listens for programs that ask SpamAssassin's daemon, and answers as the policy has it.
 *
 * @param config The checked configuration.
 * @throws {PosternError} `wire/closed` when the address cannot be listened on.
 */
export function startSpamdAgent(config: SpamdAgentStart, ports: AgentPorts): Promise<RunningAgent> {
  return startAdviceAgent(
    {
      settings: scoreSettings,
      changeable: ["direction", "points", "limits"],
      runner: (context, stream) => new SpamdRunner(context, stream),
    },
    config,
    ports,
  );
}
