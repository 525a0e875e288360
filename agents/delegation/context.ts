import type { DelegationAgentConfig } from "../../policy/advice_config.ts";
import type { Direction } from "../../policy/types.ts";
import { parseTime } from "../../policy/units.ts";
import type { AdviceContext } from "../advice_agent.ts";

/** What startDelegationAgent is given: the checked configuration and what the daemon adds to it. */
export type DelegationAgentStart = DelegationAgentConfig & { readonly shareAddress?: boolean };

/** The configuration in numbers; exchanged whole by a reload, and a session keeps what it began with. */
export interface DelegationSettings {
  readonly listener: string;
  readonly direction?: Direction;
  readonly sessions: number;
  readonly sessionsPerClient: number;
  /** Milliseconds. */
  readonly idleMs: number;
}

/** What all sessions share. */
export type DelegationContext = AdviceContext<DelegationSettings>;

/** Takes the numbers out of the configuration, which has been checked. */
export function delegationSettings(config: DelegationAgentStart): DelegationSettings {
  const { limits } = config;
  return {
    listener: config.name,
    ...(config.direction === undefined ? {} : { direction: config.direction }),
    sessions: limits.sessions,
    sessionsPerClient: limits.sessions, // the clients are processes of one mail server
    idleMs: parseTime(limits.commandTime) ?? 600_000,
  };
}
