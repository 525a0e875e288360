import type { SpamdAgentConfig } from "../../policy/advice_config.ts";
import type { Direction } from "../../policy/types.ts";
import { parseSize, parseTime } from "../../policy/units.ts";
import type { AdviceContext } from "../advice_agent.ts";
import type { ScorePoints } from "../score.ts";

/** What startSpamdAgent is given: the checked configuration and what the daemon adds to it. */
export type SpamdAgentStart = SpamdAgentConfig & { readonly shareAddress?: boolean };

/** The configuration in numbers; exchanged whole by a reload, and a session keeps what it began with. */
export interface SpamdSettings {
  readonly listener: string;
  readonly direction?: Direction;
  readonly points: ScorePoints;
  readonly sessions: number;
  readonly sessionsPerClient: number;
  /** Octets. */
  readonly messageSize: number;
  /** Milliseconds. */
  readonly commandMs: number;
  readonly dataMs: number;
}

/** What all sessions share. */
export type SpamdContext = AdviceContext<SpamdSettings>;

/** Takes the numbers out of the configuration, which has been checked. */
export function spamdSettings(config: SpamdAgentStart): SpamdSettings {
  const { limits } = config;
  return {
    listener: config.name,
    ...(config.direction === undefined ? {} : { direction: config.direction }),
    points: config.points,
    sessions: limits.sessions,
    sessionsPerClient: limits.sessions, // the clients are mail servers, and few
    messageSize: parseSize(limits.messageSize) ?? 50 * 2 ** 20,
    commandMs: parseTime(limits.commandTime) ?? 30_000,
    dataMs: parseTime(limits.dataTime) ?? 120_000,
  };
}
