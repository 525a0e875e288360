/** The numbers that the configurations of agents have in common that other programs ask for advice. */
import type { RspamdAgentConfig, SpamdAgentConfig } from "../policy/advice_config.ts";
import type { Direction } from "../policy/types.ts";
import { parseSize, parseTime } from "../policy/units.ts";
import type { ScorePoints } from "./score.ts";

/** What such an agent is given: the checked configuration and what the daemon adds to it. */
export type AdviceStart<Config> = Config & { readonly shareAddress?: boolean };

/** What each of them has; exchanged whole by a reload, and a session keeps what it began with. */
export interface AdviceSettings {
  readonly listener: string;
  readonly direction?: Direction;
  readonly sessions: number;
  readonly sessionsPerClient: number;
}

/** How long a client may take, ms. */
export interface ObjectTimes {
  readonly commandMs: number;
  readonly dataMs: number;
}

/** What those have that answer with a score. */
export interface ScoreSettings extends AdviceSettings, ObjectTimes {
  readonly points: ScorePoints;
  /** Octets. */
  readonly messageSize: number;
}

/** Takes them out of the configuration, which has been checked. */
export function adviceSettings(config: {
  readonly name: string;
  readonly direction?: Direction | undefined;
  readonly limits: { readonly sessions: number };
}): AdviceSettings {
  const { name, direction, limits } = config;
  return {
    listener: name,
    ...(direction === undefined ? {} : { direction }),
    sessions: limits.sessions,
    sessionsPerClient: limits.sessions, // the clients are programs of the house, and few
  };
}

/** The same of times. */
export function objectTimes(
  limits: { readonly commandTime: string; readonly dataTime: string },
): ObjectTimes {
  return {
    commandMs: parseTime(limits.commandTime) ?? 30_000,
    dataMs: parseTime(limits.dataTime) ?? 120_000,
  };
}

/** The same of agents that answer with a score. */
export function scoreSettings(config: SpamdAgentConfig | RspamdAgentConfig): ScoreSettings {
  const { points, limits } = config;
  return {
    ...adviceSettings(config),
    ...objectTimes(limits),
    points,
    messageSize: parseSize(limits.messageSize) ?? 50 * 2 ** 20,
  };
}
