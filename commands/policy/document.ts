/** Which policy document a command is about: the one named, else the one in force by the node's configuration. */
import { existsSync } from "node:fs";
import { message } from "@optique/core/message";
import { optional } from "@optique/core/modifiers";
import { option } from "@optique/core/primitives";
import { string } from "@optique/core/valueparser";
import { readConfig, type ReadPolicy, readPolicy } from "../../daemon/documents.ts";
import { parseTime } from "../../policy/units.ts";
import { findConfig, needConfig } from "../find_config.ts";
import { findRevision, readRevision } from "./revision.ts";

/** How long a document may take to evaluate where no configuration says so, ms: the configuration's own default. */
export const DOCUMENT_TIME_MS = 10_000;

/** `--policy FILE`, for commands whose argument is something else. */
export const policyOption = () =>
  optional(option("-p", "--policy", string({ metavar: "FILE" }), {
    description:
      message`Policy document, bundle, or git revision (HEAD~1, main:policy.ts); without it that of the configuration`,
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

/** A policy that was read. */
export interface PolicyInHand extends ReadPolicy {
  /** The configuration that was read for it. */
  readonly config?: string;
}

/**
 * Finds and reads the policy.
 *
 * @param named A document, a bundle, or what git has: `HEAD~1`, `main:mail/policy.ts`.
 * @param document The document that a revision alone means; default: that of the configuration, else `./policy.ts`.
 */
export async function policyOf(
  named: string | undefined,
  config: string | undefined,
  document?: string,
): Promise<PolicyInHand> {
  if (named !== undefined && !existsSync(named)) {
    const meant = document ?? (named.includes(":") ? "policy.ts" : await ownDocument(config));
    const place = await findRevision(named, meant);
    if (place !== undefined) return await readRevision(place, DOCUMENT_TIME_MS);
  }
  const { path, timeMs, policyKey, config: asked } = await policyPlace(named, config);
  const policy = await readPolicy(path, timeMs, policyKey);
  return asked === undefined ? policy : { ...policy, config: asked };
}

/** The document here: that of the configuration, where there is one. */
async function ownDocument(config: string | undefined): Promise<string> {
  if (existsSync("policy.ts") && config === undefined) return "policy.ts";
  const path = findConfig(config);
  return path === undefined ? "policy.ts" : (await readConfig(path)).policy;
}
