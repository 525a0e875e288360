import { startAdviceAgent } from "../advice_agent.ts";
import type { AgentPorts, RunningAgent } from "../ports.ts";
import { type ClamdAgentStart, clamdSettings } from "./context.ts";
import { ClamdRunner } from "./session_runner.ts";

/**
 * Starts the clamd agent: listens for programs that have a virus scanner asked by clamd's protocol, and answers as the policy has
 * it.
 *
 * @param config The checked configuration.
 * @throws {PosternError} `wire/closed` when the address cannot be listened on.
 */
export function startClamdAgent(config: ClamdAgentStart, ports: AgentPorts): Promise<RunningAgent> {
  return startAdviceAgent(
    {
      settings: clamdSettings,
      changeable: ["direction", "notScanned", "namePrefix", "suspiciousPrefix", "limits"],
      runner: (context, stream) => new ClamdRunner(context, stream),
    },
    config,
    ports,
  );
}
