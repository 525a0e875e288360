/** The two documents: evaluated, checked, and made into what the daemon works with. */
import { dirname, resolve } from "node:path";
import { checkConfig } from "../policy/check_config.ts";
import { compilePolicy } from "../policy/compile.ts";
import type { Config } from "../policy/config.ts";
import type { DecisionTree } from "../policy/tree.ts";
import { evaluateDocument } from "./documents/evaluate.ts";
import { gitRevision } from "./documents/revision.ts";

/** How long the configuration may take to evaluate, ms: what it says of this itself can only be known afterwards. */
const CONFIG_TIME_MS = 10_000;

/** A policy that checks. */
export interface ReadPolicy {
  readonly tree: DecisionTree;
  /** Absolute. */
  readonly path: string;
  /** SHA-256 of the canonical document, lower-case hex. */
  readonly hash: string;
  /** Commit that the document is of, with `-dirty` where it was changed since; absent outside of git. */
  readonly revision?: string;
  /** The document's value. */
  readonly document: unknown;
}

/**
 * Reads `postern.config.ts`. Its relative paths come back absolute, seen from the document's directory.
 *
 * @throws {PosternError} `document/…`, with file and place.
 */
export async function readConfig(path: string, timeMs = CONFIG_TIME_MS): Promise<Config> {
  const file = resolve(path);
  const value = await evaluateDocument(file, timeMs);
  return resolvePaths(checkConfig(value, file), dirname(file));
}

/**
 * Reads the policy document.
 *
 * @param timeMs How long it may take to evaluate, ms.
 * @throws {PosternError} `document/…`, with file and place.
 */
export async function readPolicy(path: string, timeMs: number): Promise<ReadPolicy> {
  const file = resolve(path);
  const [document, revision] = await Promise.all([
    evaluateDocument(file, timeMs),
    gitRevision(file),
  ]);
  const tree = compilePolicy(document, { file });
  return {
    tree,
    path: file,
    hash: tree.hash,
    ...(revision === undefined ? {} : { revision }),
    document,
  };
}

/** Every path of the configuration, absolute. */
export function resolvePaths(config: Config, directory: string): Config {
  const path = (text: string) => resolve(directory, text);
  const prefixed = (text: string, prefix: string) =>
    text.startsWith(prefix) ? prefix + path(text.slice(prefix.length)) : text;
  const nextHop = (text: string) => prefixed(text, "maildir:");
  return {
    ...config,
    state: path(config.state),
    policy: path(config.policy),
    agents: config.agents.map((agent) => ({
      ...agent,
      nextHop: nextHop(agent.nextHop),
      ...(agent.tls
        ? { tls: { certificate: path(agent.tls.certificate), key: path(agent.tls.key) } }
        : {}),
      ...(agent.nextHopCa === undefined ? {} : { nextHopCa: path(agent.nextHopCa) }),
    })),
    log: { ...config.log, to: config.log.to.map((to) => prefixed(to, "file:")) },
    quarantine: {
      ...config.quarantine,
      ...(config.quarantine.release === undefined
        ? {}
        : { release: nextHop(config.quarantine.release) }),
    },
  };
}
