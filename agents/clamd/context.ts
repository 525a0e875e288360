import type { ClamdAgentConfig } from "../../policy/advice_config.ts";
import { parseSize } from "../../policy/units.ts";
import type { AdviceContext } from "../advice_agent.ts";
import {
  type AdviceSettings,
  adviceSettings,
  type AdviceStart,
  type ObjectTimes,
  objectTimes,
} from "../advice_settings.ts";

/** What startClamdAgent is given. */
export type ClamdAgentStart = AdviceStart<ClamdAgentConfig>;

/** The configuration in numbers. */
export interface ClamdSettings extends AdviceSettings, ObjectTimes {
  /** Whether clients connect to a socket in the file system. */
  readonly unix: boolean;
  readonly directories: readonly string[];
  readonly notScanned: ClamdAgentConfig["notScanned"];
  readonly operations: ClamdAgentConfig["operations"];
  readonly namePrefix: string;
  readonly suspiciousPrefix: string;
  /** Octets. */
  readonly streamSize: number;
  readonly parallel: number;
  readonly files: number;
  readonly depth: number;
}

/** What all sessions share. */
export type ClamdContext = AdviceContext<ClamdSettings>;

/** Takes the numbers out of the configuration, which has been checked. */
export function clamdSettings(config: ClamdAgentStart): ClamdSettings {
  const { limits } = config;
  return {
    ...adviceSettings(config),
    ...objectTimes(limits),
    unix: config.listen.startsWith("unix:"),
    directories: config.directories,
    notScanned: config.notScanned,
    operations: config.operations,
    namePrefix: config.namePrefix,
    suspiciousPrefix: config.suspiciousPrefix,
    streamSize: parseSize(limits.streamSize) ?? 100 * 2 ** 20,
    parallel: limits.parallel,
    files: limits.files,
    depth: limits.depth,
  };
}
