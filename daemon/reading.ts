/** Everything that the daemon works from, read and checked in one go: nothing of it is in force before all of it checks. */
import type { Config } from "../policy/config.ts";
import { parseSize, parseTime } from "../policy/units.ts";
import { type AgentSettings, agentSettings } from "./agent_settings.ts";
import { readConfig, type ReadPolicy, readPolicy } from "./documents.ts";
import { readSecrets, type Secrets } from "./secrets.ts";
import { readSignatureSet, type SignatureSet } from "./signatures.ts";

/** Both documents, and what follows from them. */
export interface Reading {
  readonly config: Config;
  readonly policy: ReadPolicy;
  readonly agents: readonly AgentSettings[];
  readonly secrets: Secrets;
  /** Absent where the directory has none. */
  readonly signatures?: SignatureSet;
}

/** What a reading begins with. */
export interface ReadingOptions {
  /** The configuration, where it was read a moment ago. */
  readonly known?: Config;
  /** Texts of files that only root could read, by path. */
  readonly handed?: Readonly<Record<string, string>>;
  /** Filled with the paths that the policy is made of, also where it does not check. */
  readonly files?: Set<string>;
}

/**
 * Reads both documents and the files they name.
 *
 * @param configPath The configuration document.
 * @throws {PosternError} `document/…`
 */
export async function readAll(configPath: string, options: ReadingOptions = {}): Promise<Reading> {
  const config = options.known ?? await readConfig(configPath);
  const [policy, agents, signatures, secrets] = await Promise.all([
    readPolicy(config.policy, timeOf(config.documentTime), config.policyKey, options.files),
    agentSettings(config, options.handed),
    readSignatureSet(config.signatures),
    readSecrets(config, options.handed),
  ]);
  return { config, policy, agents, secrets, ...(signatures ? { signatures } : {}) };
}

/** Octets of a size that the schema has checked. */
export function sizeOf(text: string): number {
  return parseSize(text) ?? 0;
}

/** Milliseconds of a time that the schema has checked. */
export function timeOf(text: string): number {
  return parseTime(text) ?? 0;
}
