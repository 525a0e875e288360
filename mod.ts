/**
 * Postern as a library: scan octets for what should not be in mail.
 *
 * @module
 */

export { scan } from "./engine/scan.ts";
export { builtinModules, type ModuleInfo, type Modules } from "./engine/detect/modules.ts";
export {
  type Ambiguity,
  CLEAN_MODES,
  type CleanMode,
  type Finding,
  type HeaderValue,
  type MessageLayout,
  NOT_SCANNED_REASONS,
  type NotScannedReason,
  type OctetRange,
  type PartReport,
  SCAN_STATUSES,
  type ScanLimits,
  type ScanSettings,
  type ScanStatus,
  type SpamSymptom,
  type Verdict,
} from "./engine/types.ts";
