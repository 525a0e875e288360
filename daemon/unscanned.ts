/** Verdicts on what no scanner read, and the hash that both need. */
import { createHash } from "node:crypto";
import type { NotScannedReason, Verdict } from "../engine/types.ts";

/** SHA-256 of octets, lower-case hex. */
export function sha256(octets: Uint8Array): string {
  return createHash("sha256").update(octets).digest("hex");
}

/**
 * The verdict on an object that could not be scanned. It is never clean, and says nothing of what is inside.
 *
 * @param queueMs How long it had waited for a scanner, ms.
 */
export function unscanned(
  octets: Uint8Array,
  reason: NotScannedReason,
  queueMs: number,
  totalMs: number,
): Verdict {
  const hash = sha256(octets);
  return {
    status: "notScanned",
    findings: [],
    notScanned: [reason],
    parts: [{
      path: "",
      kind: "root",
      type: "unknown",
      names: [],
      size: octets.length,
      sha256: hash,
      depth: 0,
      notScanned: reason,
    }],
    ambiguities: [],
    headers: [],
    sha256: hash,
    size: octets.length,
    costs: { queue: queueMs, total: totalMs },
  };
}
