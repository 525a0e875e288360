/** What is known when, and of which kind it is. */
import { AGENT_NAMES, DIRECTIONS, type Facts, type Phase, PHASES } from "./types.ts";
import { SCAN_STATUSES } from "../engine/types.ts";
import { DKIM_RESULTS, DMARC_RESULTS, SPF_RESULTS } from "./authentication_results.ts";

/** How an attribute is asked. */
export type AttributeKind = "enum" | "text" | "address" | "network" | "number" | "attachment";

/** A row of {@link ATTRIBUTES}. */
export interface AttributeRow {
  readonly phase: Phase;
  readonly kind: AttributeKind;
  /** Values of an enumeration. */
  readonly values?: readonly string[];
}

/**
 * Every attribute of the tree and the phase from which on it is known. Before it, a condition on the attribute may still turn
 * out either way, whatever an agent already guesses; from it on, a fact that is not there stays unknown. Attributes with a
 * parameter have it behind a colon: `header:x-mailer`, `time:Europe/Bratislava`.
 */
export const ATTRIBUTES = {
  agent: { phase: "connect", kind: "enum", values: AGENT_NAMES },
  listener: { phase: "connect", kind: "text" },
  client: { phase: "connect", kind: "network" },
  clientName: { phase: "connect", kind: "text" },
  time: { phase: "connect", kind: "number" },
  helo: { phase: "sender", kind: "text" },
  tls: { phase: "sender", kind: "enum", values: ["false", "true"] },
  user: { phase: "sender", kind: "text" },
  sender: { phase: "sender", kind: "address" },
  spf: { phase: "sender", kind: "enum", values: SPF_RESULTS },
  recipient: { phase: "recipient", kind: "address" },
  direction: { phase: "recipient", kind: "enum", values: DIRECTIONS },
  header: { phase: "header", kind: "text" },
  subject: { phase: "header", kind: "text" },
  size: { phase: "content", kind: "number" },
  attachment: { phase: "content", kind: "attachment" },
  attachmentName: { phase: "content", kind: "text" },
  attachmentType: { phase: "content", kind: "text" },
  attachmentExtension: { phase: "content", kind: "text" },
  ambiguous: { phase: "content", kind: "text" },
  dkim: { phase: "content", kind: "enum", values: DKIM_RESULTS },
  dmarc: { phase: "content", kind: "enum", values: DMARC_RESULTS },
  language: { phase: "content", kind: "text" },
  status: { phase: "verdict", kind: "enum", values: SCAN_STATUSES },
  finding: { phase: "verdict", kind: "text" },
  notScanned: { phase: "verdict", kind: "text" },
  engineFailed: { phase: "verdict", kind: "text" },
  spamScore: { phase: "verdict", kind: "number" },
  spamSymptom: { phase: "verdict", kind: "text" },
  signaturesAge: { phase: "verdict", kind: "number" },
} as const satisfies Record<string, AttributeRow>;

/** Name of a row of {@link ATTRIBUTES}. */
export type AttributeName = keyof typeof ATTRIBUTES;

/** Number of a phase: 0 for connect to 5 for verdict. */
export function phaseNumber(phase: Phase): number {
  return PHASES.indexOf(phase);
}

/** The row of an attribute, and what stands behind its colon. */
export function attributeRow(
  attribute: string,
): { name: AttributeName; parameter: string; row: AttributeRow } {
  const colon = attribute.indexOf(":");
  const name = (colon < 0 ? attribute : attribute.slice(0, colon)) as AttributeName;
  return { name, parameter: colon < 0 ? "" : attribute.slice(colon + 1), row: ATTRIBUTES[name] };
}

/** A file name's ending behind its last dot, as systems that drop trailing dots and blanks see it; `""`: none. */
export function extensionOf(name: string): string {
  const trimmed = trimName(name);
  const dot = trimmed.lastIndexOf(".");
  return dot < 0 ? "" : trimmed.slice(dot + 1);
}

/** A file name without the blanks and dots at its end, which Windows drops. */
export function trimName(name: string): string {
  let end = name.length;
  while (end > 0 && (name[end - 1] === "." || name[end - 1] === " ")) end--;
  return name.slice(0, end);
}

/**
 * Texts of a text attribute in the facts.
 *
 * @returns `undefined`: not known; `[]`: known that there is none.
 */
export function textsOf(
  facts: Facts,
  name: AttributeName,
  parameter: string,
): readonly string[] | undefined {
  switch (name) {
    case "listener":
      return [facts.listener];
    case "clientName":
    case "helo":
    case "user":
    case "subject":
    case "language": {
      const value = facts[name];
      return value === undefined ? undefined : value === null ? [] : [value];
    }
    case "header":
      return facts.headers?.filter((field) => field.name.toLowerCase() === parameter).map((field) =>
        field.value
      );
    case "ambiguous":
      return facts.ambiguities;
    case "finding":
      return facts.findings;
    case "notScanned":
      return facts.notScanned;
    case "engineFailed":
      return facts.enginesFailed;
    case "spamSymptom":
      return facts.spamSymptoms;
    case "attachmentName":
      return facts.attachments?.flatMap((part) =>
        part.names.flatMap((one) => [one, trimName(one)])
      );
    case "attachmentType":
      return facts.attachments?.map((part) => part.type);
    case "attachmentExtension":
      return facts.attachments?.flatMap((part) => part.names.map(extensionOf));
    default:
      return undefined;
  }
}
