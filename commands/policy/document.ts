/** Which policy document a command is about: the one named, else the one in force by the node's configuration. */
import { message } from "@optique/core/message";
import { optional } from "@optique/core/modifiers";
import { option } from "@optique/core/primitives";
import { string } from "@optique/core/valueparser";
import { readConfig, type ReadPolicy, readPolicy } from "../../daemon/documents.ts";
import { parseTime } from "../../policy/units.ts";
import { needConfig } from "../find_config.ts";

/** How long a document may take to evaluate where no configuration says so, ms: the configuration's own default. */
export const DOCUMENT_TIME_MS = 10_000;

/** `--policy FILE`, for commands whose argument is something else. */
export const policyOption = () =>
  optional(option("-p", "--policy", string({ metavar: "FILE" }), {
    description: message`Policy document or bundle; without it that of the configuration`,
  }));

/** Where the policy is and how long it may take. */
export interface PolicyPlace {
  readonly path: string;
  readonly timeMs: number;
  /** The configuration that was asked. */
  readonly config?: string;
  /** Where it is the node's own policy: the key that must have signed it. */
  readonly policyKey?: string;
}

/**
 * Finds the policy.
 *
 * @throws {PosternError} `document/…` when neither is named and there is no configuration.
 */
export async function policyPlace(
  named: string | undefined,
  config: string | undefined,
): Promise<PolicyPlace> {
  if (named !== undefined && config === undefined) return { path: named, timeMs: DOCUMENT_TIME_MS };
  const path = needConfig(config);
  const node = await readConfig(path);
  return {
    path: named ?? node.policy,
    timeMs: parseTime(node.documentTime) ?? DOCUMENT_TIME_MS,
    config: path,
    ...(named === undefined && node.policyKey !== undefined ? { policyKey: node.policyKey } : {}),
  };
}

/** Finds and reads the policy. */
export async function policyOf(
  named: string | undefined,
  config: string | undefined,
): Promise<ReadPolicy> {
  const { path, timeMs, policyKey } = await policyPlace(named, config);
  return await readPolicy(path, timeMs, policyKey);
}
