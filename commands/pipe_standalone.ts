/** `postern pipe --standalone`: the way of one message without a daemon, in this process and one scanner's. */
import type { AgentPorts } from "../agents/ports.ts";
import { type ProcessAnswer, processMessage, type ProcessRequest } from "../agents/pipe/process.ts";
import { readPolicy } from "../daemon/documents.ts";
import { ScannerPool } from "../daemon/pool.ts";
import { PosternError } from "../errors.ts";
import { complain, visible } from "./output.ts";

/** How long the policy may take to evaluate, ms: the configuration's own default. */
const DOCUMENT_TIME_MS = 10_000;

/**
 * Takes one message through scan and policy.
 *
 * @param policyPath The policy document.
 * @throws {PosternError} `document/…` where it does not check.
 */
export async function processStandalone(
  policyPath: string,
  request: ProcessRequest,
  message: Uint8Array,
): Promise<{ answer: ProcessAnswer; message?: Uint8Array }> {
  const [{ tree }, pool] = await Promise.all([
    readPolicy(policyPath, DOCUMENT_TIME_MS),
    ScannerPool.start({ processes: 1, spare: false }),
  ]);
  const ports: AgentPorts = {
    policy: () => tree,
    scan: (octets, settings, signal) => pool.scan(octets, settings, signal),
    rewrite: (octets, rewriting, signal) => pool.rewrite(octets, rewriting, signal),
    // There is no store: what has to be kept is deferred, and never dropped.
    quarantine: () =>
      Promise.reject(new PosternError("store/not-found", "Without a daemon nothing can be kept")),
    deliverMaildir: () =>
      Promise.reject(new PosternError("store/not-found", "Without a daemon nothing is delivered")),
    reserve: () => Promise.resolve(true),
    release: () => {},
    record: () => {},
    log: (level, text) => {
      if (level === "error" || level === "warning") complain(visible(`postern: ${text}`));
    },
  };
  try {
    return await processMessage(ports, request, message);
  } finally {
    await pool.close();
  }
}
