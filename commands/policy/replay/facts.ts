/** What the message log knows of a message, as facts for a policy. */
import type { MessageRecord } from "../../../agents/ports.ts";
import { attributeRow, phaseNumber } from "../../../policy/attributes.ts";
import { directionOf } from "../../../policy/direction.ts";
import type { DecisionTree } from "../../../policy/tree.ts";
import { enginesFailed } from "../../../policy/verdict_facts.ts";
import type { Facts } from "../../../policy/types.ts";
import type { NotScannedReason } from "../../../engine/types.ts";
import type { Lacks } from "./relax.ts";

/** A record that has what a replay needs. */
export type ReplayableRecord = MessageRecord & { readonly known: object };

/** What was known before the scan, for one recipient. */
export function earlyFacts(
  record: ReplayableRecord,
  recipient: string | undefined,
  tree: DecisionTree,
): Facts {
  const { envelope, known } = record;
  const phase = phaseNumber(known.phase);
  const { client = null, clientName = null, helo = null, user = null, sender } = envelope;
  return {
    agent: record.agent,
    listener: record.listener,
    time: known.began,
    client,
    clientName,
    helo,
    tls: known.tls,
    user,
    ...(phase >= phaseNumber("sender") ? { sender } : {}),
    ...(recipient === undefined ? {} : {
      recipient,
      direction: known.direction ?? directionOf(tree, { client, user, sender, recipient }),
    }),
    ...(known.phase === "verdict" ? { size: record.size } : {}),
  };
}

/** What the scan knew. */
export function scanFacts(record: ReplayableRecord): Partial<Facts> {
  const { scan } = record.known;
  if (scan === undefined) return {};
  return {
    status: scan.status,
    notScanned: record.notScanned as readonly NotScannedReason[],
    enginesFailed: enginesFailed(record.engines),
    ...(scan.parts || record.findings.length > 0
      ? { findings: record.findings.map(({ name }) => name) }
      : {}),
    ...(scan.parts ? { attachments: record.attachments } : {}),
    ...(scan.header
      ? {
        headers: scan.headers,
        subject: record.subject ?? null,
        ambiguities: record.ambiguities,
      }
      : {}),
    ...(record.spamScore === undefined ? {} : { spamScore: record.spamScore }),
    ...(scan.spamSymptoms === undefined ? {} : { spamSymptoms: scan.spamSymptoms }),
  };
}

/** What the scan says of a message that is too large for it, as the gate has it. */
export const TOO_LARGE: Partial<Facts> = {
  status: "notScanned",
  notScanned: ["size"],
  enginesFailed: [],
  headers: [],
  subject: null,
  ambiguities: [],
};

/** Facts of lookups that no gate hands to the log. */
const NOT_KEPT = new Set(["spf", "dkim", "dmarc", "signaturesAge", "language"]);

/** What the record of a scan lacks. */
export function lacking(record: ReplayableRecord): Lacks {
  const { scan } = record.known;
  return (attribute) => {
    const { name, parameter } = attributeRow(attribute);
    if (NOT_KEPT.has(name)) return true;
    switch (name) {
      case "header":
        return !scan?.header || !scan.headerNames.includes(parameter);
      case "subject":
      case "ambiguous":
        return !scan?.header;
      case "attachment":
      case "attachmentName":
      case "attachmentType":
      case "attachmentExtension":
        return !scan?.parts;
      case "status":
      case "finding":
      case "notScanned":
      case "engineFailed":
        return scan === undefined;
      case "spamScore":
        return record.spamScore === undefined;
      case "spamSymptom":
        return scan?.spamSymptoms === undefined;
      default:
        return false;
    }
  };
}
