import type { SpamdAgentConfig } from "../../policy/advice_config.ts";
import type { AdviceContext } from "../advice_agent.ts";
import type { AdviceStart, ScoreSettings } from "../advice_settings.ts";

/** What startSpamdAgent is given. */
export type SpamdAgentStart = AdviceStart<SpamdAgentConfig>;

/** The configuration in numbers. */
export type SpamdSettings = ScoreSettings;

/** What all sessions share. */
export type SpamdContext = AdviceContext<SpamdSettings>;
