/** How tests scan where it does not matter to them: limits that nothing ordinary comes near, on a slow machine neither. */
import type { ScanLimits, ScanSettings } from "../engine/types.ts";

/** Those of a fresh installation or wider. */
export const WIDE_LIMITS: ScanLimits = {
  messageOctets: 50_000_000,
  depth: 10,
  files: 10_000,
  octets: 300_000_000,
  ratio: 1000,
  timeMs: 60_000,
};

/** Settings for viruses alone. */
export function virusScan(
  mode: ScanSettings["mode"],
  limits: Partial<ScanLimits> = {},
): ScanSettings {
  return { mode, antivirus: true, antispam: false, limits: { ...WIDE_LIMITS, ...limits } };
}
