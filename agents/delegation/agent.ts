import { startAdviceAgent } from "../advice_agent.ts";
import type { AgentPorts, RunningAgent } from "../ports.ts";
import { type DelegationAgentStart, delegationSettings } from "./context.ts";
import { DelegationRunner } from "./session_runner.ts";

/**
 * Starts the delegation agent: Postfix asks it (`check_policy_service`) what the policy says of clients, senders and recipients.
 *
 * @param config The checked configuration.
 * @throws {PosternError} `wire/closed` when the address cannot be listened on.
 */
export function startDelegationAgent(
  config: DelegationAgentStart,
  ports: AgentPorts,
): Promise<RunningAgent> {
  return startAdviceAgent(
    {
      settings: delegationSettings,
      changeable: ["direction", "limits"],
      runner: (context, stream) => new DelegationRunner(context, stream),
    },
    config,
    ports,
  );
}
