/** Everything that the daemon works from, read and checked in one go: nothing of it is in force before all of it checks. */
import type { Config } from "../policy/config.ts";
import { parseSize, parseTime } from "../policy/units.ts";
import { type AgentSettings, agentSettings } from "./agent_settings.ts";
import { readConfig, type ReadPolicy, readPolicy } from "./documents.ts";
import { readSignatureSet, type SignatureSet } from "./signatures.ts";

/** Both documents, and what follows from them. */
export interface Reading {
  readonly config: Config;
  readonly policy: ReadPolicy;
  readonly agents: readonly AgentSettings[];
  /** Absent where the directory has none. */
  readonly signatures?: SignatureSet;
}

/**
 * Reads both documents and the files they name.
 *
 * @param configPath The configuration document.
 * @param known The configuration, where it was read a moment ago.
 * @param handed Texts of files that only root could read, by path.
 * @throws {PosternError} `document/…`
 */
export async function readAll(
  configPath: string,
  known?: Config,
  handed?: Readonly<Record<string, string>>,
): Promise<Reading> {
  const config = known ?? await readConfig(configPath);
  const [policy, agents, signatures] = await Promise.all([
    readPolicy(config.policy, timeOf(config.documentTime), config.policyKey),
    agentSettings(config, handed),
    readSignatureSet(config.signatures),
  ]);
  return { config, policy, agents, ...(signatures ? { signatures } : {}) };
}

/** Octets of a size that the schema has checked. */
export function sizeOf(text: string): number {
  return parseSize(text) ?? 0;
}

/** Milliseconds of a time that the schema has checked. */
export function timeOf(text: string): number {
  return parseTime(text) ?? 0;
}
