import type { RspamdAgentConfig } from "../../policy/advice_config.ts";
import type { AdviceContext } from "../advice_agent.ts";
import { type AdviceStart, type ScoreSettings, scoreSettings } from "../advice_settings.ts";

/** What startRspamdAgent is given. */
export type RspamdAgentStart = AdviceStart<RspamdAgentConfig>;

/** The configuration in numbers. */
export interface RspamdSettings extends ScoreSettings {
  /** What the field Password must say; absent where none is asked for. */
  readonly password?: string;
  /** Where a release from quarantine goes; `""` where nothing is said. */
  readonly nextHop: string;
  readonly recipients: number;
}

/** What all sessions share. */
export type RspamdContext = AdviceContext<RspamdSettings>;

/** Takes the numbers out of the configuration, which has been checked. */
export function rspamdSettings(config: RspamdAgentStart): RspamdSettings {
  const { password, nextHop = "", limits } = config;
  return {
    ...scoreSettings(config),
    ...(password === undefined ? {} : { password }),
    nextHop,
    recipients: limits.recipients,
  };
}
