/** Compares what became of recorded mail with what another policy would make of it. */
import type { MessageRecord } from "../../../agents/ports.ts";
import type { Outcome } from "../../../policy/types.ts";
import { recordRecipients, type Replayed, type ReplayPolicy } from "./decide.ts";

/** What was, or would be. */
export interface Side {
  readonly action: string;
  /** `rule:NAME`, `antivirus.infected`, ... */
  readonly by: string;
  readonly reply?: string;
  readonly redirect?: readonly string[];
  /** A copy is kept. */
  readonly quarantine: boolean;
  /** Not refused before its content any more; what then, only that could tell. */
  readonly open?: true;
}

/** One outcome that changes. */
export interface Change {
  readonly queueId: string;
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly sender: string;
  /** Absent where it was refused before any was named. */
  readonly recipient?: string;
  readonly client?: string;
  readonly subject?: string;
  readonly was: Side;
  readonly wouldBe: Side;
}

/** What came of one recipient of one record. */
export type Comparison =
  | { readonly kind: "same" }
  | { readonly kind: "changed"; readonly change: Change }
  | { readonly kind: "unknown"; readonly why: string };

/** What can stand in a policy's `by`; an agent's own reasons (a next hop's refusal, a full disk) are others. */
const BY_POLICY =
  /^(?:rule:.*|default|antivirus\.(?:action|infected|suspicious|notScanned|deleted)|antispam\.(?:action|spam))$/s;

/**
 * Compares one record.
 *
 * @param against The policy to compare with; without it, what was recorded.
 */
export function compareRecord(
  record: MessageRecord,
  candidate: ReplayPolicy,
  against: ReplayPolicy | undefined,
): readonly Comparison[] {
  const before = against?.decide(record);
  const after = candidate.decide(record);
  return recordRecipients(record).map((recipient, i): Comparison => {
    const now = after[i]!;
    if (now.kind === "unknown") return now;
    const old = before?.[i];
    if (old?.kind === "unknown") return old;
    const was = old === undefined ? recorded(record, recipient) : sideOf(old);
    if (was === undefined) return unknown("it was not a policy that decided");
    const wouldBe = sideOf(now);
    if (same(was, wouldBe, against !== undefined)) return { kind: "same" };
    const { queueId, time, envelope, subject } = record;
    return {
      kind: "changed",
      change: {
        queueId,
        time,
        sender: envelope.sender,
        ...(recipient === undefined ? {} : { recipient }),
        ...(envelope.client === undefined ? {} : { client: envelope.client }),
        ...(subject === undefined ? {} : { subject }),
        was,
        wouldBe,
      },
    };
  });
}

function unknown(why: string): Comparison {
  return { kind: "unknown", why };
}

/** What was recorded for a recipient; `undefined` where no policy decided it. */
function recorded(record: MessageRecord, recipient: string | undefined): Side | undefined {
  const group = record.outcomes.find(({ recipients }) =>
    recipient === undefined || recipients.includes(recipient)
  );
  if (group === undefined || !BY_POLICY.test(group.by)) return undefined;
  const { action, by, reply, quarantineId } = group;
  return {
    action,
    by,
    ...(reply === undefined ? {} : { reply }),
    quarantine: quarantineId !== undefined,
  };
}

function sideOf({ outcome, open }: Replayed & { kind: "decided" }): Side {
  if (open) {
    const { action, by, final } = outcome;
    // Final and no refusal: a discard, say, which needs no content to be known.
    if (!final) return { action: "accept", by: "default", quarantine: false, open: true };
    return { action, by, quarantine: outcome.quarantine, ...redirectOf(outcome), open: true };
  }
  const { action, by, reply, quarantine } = outcome;
  return {
    action,
    by,
    ...(reply === undefined ? {} : { reply }),
    ...redirectOf(outcome),
    quarantine,
  };
}

function redirectOf({ redirect }: Outcome): { redirect?: readonly string[] } {
  return redirect === undefined ? {} : { redirect };
}

/**
 * Whether two sides do the same to the mail.
 *
 * @param whole The log has neither replies as the policy gave them nor redirections: compared only where both are decided here.
 */
function same(was: Side, wouldBe: Side, whole: boolean): boolean {
  if (was.action !== wouldBe.action || was.open !== wouldBe.open) return false;
  if (was.quarantine !== wouldBe.quarantine) return false;
  if (!whole) return true;
  return was.reply === wouldBe.reply &&
    JSON.stringify(was.redirect) === JSON.stringify(wouldBe.redirect);
}
