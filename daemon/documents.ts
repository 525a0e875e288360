/** The two documents: evaluated, checked, and made into what the daemon works with. */
import { dirname, resolve } from "node:path";
import { checkConfig } from "../policy/check_config.ts";
import { compilePolicy } from "../policy/compile.ts";
import type { Config } from "../policy/config.ts";
import type { DecisionTree } from "../policy/tree.ts";
import { evaluateDocument } from "./documents/evaluate.ts";
import { readPolicyBundle, refusePlain } from "./documents/policy_bundle.ts";
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
  /** Where it came as a bundle: keys whose signature holds. */
  readonly signedBy?: readonly string[];
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
 * Reads the policy: a document, or a bundle of a compiled one (`.json`).
 *
 * @param timeMs How long a document may take to evaluate, ms.
 * @param policyKey `ed25519:BASE64`: take only a bundle that this key signed.
 * @param files Filled with the paths that it is made of, also where it fails.
 * @throws {PosternError} `document/…`, with file and place; `policy/…` for a bundle that is not what it should be.
 */
export async function readPolicy(
  path: string,
  timeMs: number,
  policyKey?: string,
  files = new Set<string>(),
): Promise<ReadPolicy> {
  const file = resolve(path);
  files.add(file);
  if (file.endsWith(".json")) {
    const bundled = await readPolicyBundle(file, policyKey);
    return { ...bundled, path: file, hash: bundled.tree.hash };
  }
  if (policyKey !== undefined) throw refusePlain(file, policyKey);
  const [document, revision] = await Promise.all([
    evaluateDocument(file, timeMs, files),
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
    signatures: path(config.signatures),
    archives: {
      ...config.archives,
      ...(config.archives.passwordFile === undefined
        ? {}
        : { passwordFile: path(config.archives.passwordFile) }),
    },
    ...(config.arc ? { arc: { ...config.arc, keyFile: path(config.arc.keyFile) } } : {}),
    agents: config.agents.map((agent) =>
      agent.agent !== "smtp"
        ? ({
          ...agent,
          ...("nextHop" in agent && agent.nextHop !== undefined
            ? { nextHop: nextHop(agent.nextHop) }
            : {}),
          ...("tls" in agent && agent.tls && agent.tls !== "self-made"
            ? { tls: { certificate: path(agent.tls.certificate), key: path(agent.tls.key) } }
            : {}),
          ...("serverCa" in agent && agent.serverCa !== undefined
            ? { serverCa: path(agent.serverCa) }
            : {}),
        })
        : ({
          ...agent,
          nextHop: nextHop(agent.nextHop),
          ...(agent.tls && agent.tls !== "self-made"
            ? { tls: { certificate: path(agent.tls.certificate), key: path(agent.tls.key) } }
            : {}),
          ...(agent.nextHopCa === undefined ? {} : { nextHopCa: path(agent.nextHopCa) }),
        })
    ),
    log: { ...config.log, to: config.log.to.map((to) => prefixed(to, "file:")) },
    quarantine: {
      ...config.quarantine,
      ...(config.quarantine.release === undefined
        ? {}
        : { release: nextHop(config.quarantine.release) }),
    },
  };
}
