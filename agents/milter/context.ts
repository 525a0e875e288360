import type { MilterAgentConfig } from "../../policy/config.ts";
import type { Direction } from "../../policy/types.ts";
import { parseSize, parseTime } from "../../policy/units.ts";
import type { AgentPorts } from "../ports.ts";
import { PROGRESS_MS } from "./limits.ts";

/** What startMilterAgent is given: the checked configuration and what the daemon adds to it. */
export type MilterAgentStart = MilterAgentConfig & {
  /** Another worker has the address, and will leave it. */
  readonly shareAddress?: boolean;
  /** How often a waiting MTA hears that work goes on, ms; default PROGRESS_MS. */
  readonly progressMs?: number;
};

/** The configuration in numbers; exchanged whole by a reload, and a session keeps what it began with. */
export interface MilterSettings {
  readonly listener: string;
  readonly direction?: Direction;
  /** Where a release from quarantine goes; `""` where nothing is said. */
  readonly nextHop: string;
  readonly sessions: number;
  readonly sessionsPerClient: number;
  /** Octets. */
  readonly messageSize: number;
  readonly recipients: number;
  /** How long an MTA may be silent between commands, ms. */
  readonly commandMs: number;
  /** How long a message may take from its first field to its end, ms. */
  readonly dataMs: number;
  /** How often a waiting MTA hears that work goes on, ms. */
  readonly progressMs: number;
}

/** What all sessions of one agent share. */
export interface MilterContext {
  readonly ports: AgentPorts;
  settings: MilterSettings;
  messages: number;
  draining: boolean;
}

/** Takes the numbers out of the configuration, which has been checked. */
export function milterSettings(config: MilterAgentStart): MilterSettings {
  const { limits } = config;
  return {
    listener: config.name,
    ...(config.direction === undefined ? {} : { direction: config.direction }),
    nextHop: config.nextHop ?? "",
    sessions: limits.sessions,
    sessionsPerClient: limits.sessions, // the clients are mail servers, and few
    messageSize: parseSize(limits.messageSize) ?? 50 * 2 ** 20,
    recipients: limits.recipients,
    commandMs: parseTime(limits.commandTime) ?? 7_200_000,
    dataMs: parseTime(limits.dataTime) ?? 600_000,
    progressMs: config.progressMs ?? PROGRESS_MS,
  };
}
