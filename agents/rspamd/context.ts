import type { RspamdAgentConfig } from "../../policy/advice_config.ts";
import type { Direction } from "../../policy/types.ts";
import { parseSize, parseTime } from "../../policy/units.ts";
import type { AdviceContext } from "../advice_agent.ts";
import type { ScorePoints } from "../score.ts";

/** What startRspamdAgent is given: the checked configuration and what the daemon adds to it. */
export type RspamdAgentStart = RspamdAgentConfig & { readonly shareAddress?: boolean };

/** The configuration in numbers; exchanged whole by a reload, and a session keeps what it began with. */
export interface RspamdSettings {
  readonly listener: string;
  readonly direction?: Direction;
  readonly points: ScorePoints;
  /** What the field Password must say; absent where none is asked for. */
  readonly password?: string;
  /** Where a release from quarantine goes; `""` where nothing is said. */
  readonly nextHop: string;
  readonly sessions: number;
  readonly sessionsPerClient: number;
  /** Octets. */
  readonly messageSize: number;
  readonly recipients: number;
  /** Milliseconds. */
  readonly commandMs: number;
  readonly dataMs: number;
}

/** What all sessions share. */
export type RspamdContext = AdviceContext<RspamdSettings>;

/** Takes the numbers out of the configuration, which has been checked. */
export function rspamdSettings(config: RspamdAgentStart): RspamdSettings {
  const { limits } = config;
  return {
    listener: config.name,
    ...(config.direction === undefined ? {} : { direction: config.direction }),
    points: config.points,
    ...(config.password === undefined ? {} : { password: config.password }),
    nextHop: config.nextHop ?? "",
    sessions: limits.sessions,
    sessionsPerClient: limits.sessions, // the clients are mail servers, and few
    messageSize: parseSize(limits.messageSize) ?? 50 * 2 ** 20,
    recipients: limits.recipients,
    commandMs: parseTime(limits.commandTime) ?? 30_000,
    dataMs: parseTime(limits.dataTime) ?? 120_000,
  };
}
