import { verdictFacts } from "../policy/verdict_facts.ts";
import type { Phase, ReportStatus } from "../policy/types.ts";
import type { MessageRecord } from "./ports.ts";
import { distinctAttachments, recordedFacts, refusedFacts } from "./record_facts.ts";
import type { Way, WayRequest } from "./way_types.ts";

/** What became of one group of recipients at the gate. */
export interface GroupEnd {
  readonly reply?: string;
  readonly nextHop?: string;
}

/** Statuses, the one that matters most for the log first. */
const TELLING: readonly ReportStatus[] = [
  "infected",
  "deleted",
  "cleaned",
  "suspicious",
  "spam",
  "notScanned",
  "clean",
];

/**
 * Makes the record of a message that was read whole.
 *
 * @param ends One a group of `way.groups`, in their order.
 * @param times ms by step, added to those of the way.
 */
export function messageRecord(
  request: WayRequest,
  way: Way,
  ends: readonly GroupEnd[],
  times: Readonly<Record<string, number>> = {},
): MessageRecord {
  const { verdict } = way;
  const facts = verdict ? verdictFacts(verdict) : undefined;
  const statuses = way.groups.map((group) => group.outcome.status);
  const status = TELLING.find((each) => statuses.includes(each)) ?? verdict?.status ?? "notScanned";
  const costs: Record<string, number> = { ...way.times, ...times };
  for (const [step, ms] of Object.entries(costs)) costs[step] = Math.round(ms * 100) / 100;
  return {
    queueId: request.queueId,
    agent: request.agent,
    listener: request.listener,
    time: Date.now(),
    envelope: request.envelope,
    direction: way.direction,
    size: request.message.length,
    ...(verdict?.messageId === undefined ? {} : { messageId: verdict.messageId }),
    ...(verdict?.subject === undefined ? {} : { subject: verdict.subject }),
    status,
    findings: verdict?.findings.map(({ name, part, engine }) => ({ name, part, engine })) ?? [],
    notScanned: verdict?.notScanned ?? [],
    ...(verdict?.engines ? { engines: verdict.engines } : {}),
    ambiguities: [...new Set(verdict?.ambiguities.map((each) => each.name))],
    ...(verdict?.spam ? { spamScore: verdict.spam.score } : {}),
    outcomes: way.groups.map((group, i) => ({
      recipients: group.recipients,
      action: group.outcome.action,
      by: group.outcome.by,
      ...(group.quarantineId === undefined ? {} : { quarantineId: group.quarantineId }),
      ...ends[i],
    })),
    known: recordedFacts(request, way, facts),
    attachments: distinctAttachments(facts).kept,
    times: costs,
  };
}

/**
 * Makes the record of a recipient, sender or client that was refused before any message was read.
 *
 * @param phase When it was refused.
 */
export function refusedRecord(
  request: Omit<WayRequest, "message" | "tree" | "splitting" | "nextHop">,
  reply: string,
  action: "reject" | "defer",
  by: string,
  phase: Phase,
): MessageRecord {
  return {
    queueId: request.queueId,
    agent: request.agent,
    listener: request.listener,
    time: Date.now(),
    envelope: request.envelope,
    ...(request.direction ? { direction: request.direction } : {}),
    size: 0,
    status: "refused",
    findings: [],
    notScanned: [],
    ambiguities: [],
    outcomes: [{ recipients: request.envelope.recipients, action, by, reply }],
    known: refusedFacts(request, phase),
    attachments: [],
    times: {},
  };
}
