import type { EngineReport, PartReport, Verdict } from "../engine/types.ts";
import type { AttachmentFact, Facts } from "./types.ts";

/**
 * What a verdict says, as facts. What the scan could not find out is left out, so that rules which ask it are unknown: a message
 * whose scanner died has a status, and no findings or parts.
 */
export function verdictFacts(verdict: Verdict): Partial<Facts> {
  const read = verdict.parts.length > 0;
  return {
    size: verdict.size,
    status: verdict.status,
    notScanned: verdict.notScanned,
    enginesFailed: enginesFailed(verdict.engines),
    ...(read || verdict.findings.length > 0
      ? { findings: verdict.findings.map((finding) => finding.name) }
      : {}),
    ...(read ? { attachments: verdict.parts.filter(isAttachment).map(attachmentFact) } : {}),
    ...(verdict.layout === undefined ? {} : {
      headers: verdict.headers,
      subject: verdict.subject ?? null,
      ambiguities: verdict.ambiguities.map((ambiguity) => ambiguity.name),
    }),
    ...(verdict.signaturesAge === undefined ? {} : { signaturesAge: verdict.signaturesAge }),
    ...(verdict.spam === undefined ? {} : {
      spamScore: verdict.spam.score,
      spamSymptoms: verdict.spam.symptoms.map((symptom) => symptom.name),
    }),
  };
}

/** Names of the external engines that gave no verdict; `[]` also where none was asked. */
export function enginesFailed(
  engines: readonly Pick<EngineReport, "name" | "status">[] = [],
): readonly string[] {
  return engines.filter(({ status }) => status === "notScanned").map(({ name }) => name);
}

/** Every part but the message itself: also entries of archives and second readings, where things hide. */
function isAttachment(part: PartReport): boolean {
  return part.kind !== "root";
}

function attachmentFact(part: PartReport): AttachmentFact {
  return {
    names: part.names,
    type: part.type,
    encrypted: part.encrypted ?? false,
    macro: part.macro ?? false,
  };
}
