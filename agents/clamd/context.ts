import type { ClamdAgentConfig } from "../../policy/advice_config.ts";
import type { Direction } from "../../policy/types.ts";
import { parseSize, parseTime } from "../../policy/units.ts";
import type { AdviceContext } from "../advice_agent.ts";

/** What startClamdAgent is given: the checked configuration and what the daemon adds to it. */
export type ClamdAgentStart = ClamdAgentConfig & { readonly shareAddress?: boolean };

/** The configuration in numbers; exchanged whole by a reload, and a session keeps what it began with. */
export interface ClamdSettings {
  readonly listener: string;
  readonly direction?: Direction;
  /** Whether clients connect to a socket in the file system. */
  readonly unix: boolean;
  readonly directories: readonly string[];
  readonly notScanned: ClamdAgentConfig["notScanned"];
  readonly operations: ClamdAgentConfig["operations"];
  readonly namePrefix: string;
  readonly suspiciousPrefix: string;
  readonly sessions: number;
  readonly sessionsPerClient: number;
  /** Octets. */
  readonly streamSize: number;
  readonly parallel: number;
  readonly files: number;
  readonly depth: number;
  /** Milliseconds. */
  readonly commandMs: number;
  readonly dataMs: number;
}

/** What all sessions share. */
export type ClamdContext = AdviceContext<ClamdSettings>;

/** Takes the numbers out of the configuration, which has been checked. */
export function clamdSettings(config: ClamdAgentStart): ClamdSettings {
  const { limits } = config;
  return {
    listener: config.name,
    ...(config.direction === undefined ? {} : { direction: config.direction }),
    unix: config.listen.startsWith("unix:"),
    directories: config.directories,
    notScanned: config.notScanned,
    operations: config.operations,
    namePrefix: config.namePrefix,
    suspiciousPrefix: config.suspiciousPrefix,
    sessions: limits.sessions,
    sessionsPerClient: limits.sessions, // the clients are programs of the house, and few
    streamSize: parseSize(limits.streamSize) ?? 100 * 2 ** 20,
    parallel: limits.parallel,
    files: limits.files,
    depth: limits.depth,
    commandMs: parseTime(limits.commandTime) ?? 30_000,
    dataMs: parseTime(limits.dataTime) ?? 120_000,
  };
}
