/** Puts the verdict of the scan and what the external engines said together. */
import {
  type EngineReport,
  type Finding,
  SCAN_STATUSES,
  type ScanStatus,
  type Verdict,
} from "../../engine/types.ts";

/** What one engine came to: the report, and its findings, which hold for the whole object. */
export interface EngineResult {
  readonly report: EngineReport;
  readonly findings: readonly Finding[];
}

/**
 * One verdict. Findings join; the status is the worst of the scan's and of the findings'. An engine that gave no verdict is in
 * `engines`, and changes nothing else: neither is a message clean because of it, nor not scanned.
 */
export function joinVerdict(verdict: Verdict, results: readonly EngineResult[]): Verdict {
  const findings = results.flatMap((result) => result.findings);
  const costs = { ...verdict.costs };
  for (const { report } of results) costs[`engine.${report.name}`] = report.ms;
  const status = findings.reduce<ScanStatus>(
    (worst, { severity }) => worse(worst, severity),
    verdict.status,
  );
  return {
    ...verdict,
    status,
    findings: [...verdict.findings, ...findings],
    engines: results.map(({ report }) => report),
    costs,
  };
}

function worse(one: ScanStatus, other: ScanStatus): ScanStatus {
  return SCAN_STATUSES.indexOf(other) < SCAN_STATUSES.indexOf(one) ? other : one;
}
