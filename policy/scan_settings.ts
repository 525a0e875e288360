import type { ScanSettings } from "../engine/types.ts";
import type { DecisionTree } from "./tree.ts";
import type { Outcome } from "./types.ts";

/**
 * How one message is scanned for all of its recipients, from their outcomes before the scan. Whoever wants it scanned gets it
 * scanned; of limits the widest holds, so that no recipient's mail is scanned less than it should be.
 *
 * @returns `undefined` when nobody's outcome hangs on a scan: each is final already.
 */
export function scanSettings(
  outcomes: readonly Outcome[],
  tree: DecisionTree,
  mode: ScanSettings["mode"],
): ScanSettings | undefined {
  const open = outcomes.filter((outcome) => !outcome.final);
  if (open.length === 0) return undefined;
  const widest = (limit: keyof Outcome["settings"]["limits"]) =>
    Math.max(...open.map(({ settings }) => settings.limits[limit]));
  return {
    mode,
    antivirus: open.some(({ settings }) => settings.antivirus.action === "scan"),
    antispam: open.some(({ settings }) => settings.antispam.action === "scan"),
    limits: {
      messageOctets: widest("messageSize"),
      depth: widest("archiveLevels"),
      files: widest("archiveFiles"),
      octets: widest("archiveSize"),
      ratio: widest("archiveRatio"),
      timeMs: widest("scanTime"),
    },
    headers: tree.headers,
  };
}
