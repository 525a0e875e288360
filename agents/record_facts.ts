/** What the message log keeps for a replay: the facts of a decision, bounded. */
import type { CleanMode } from "../engine/types.ts";
import type { AttachmentFact, Facts, Phase } from "../policy/types.ts";
import type { RecordedFacts } from "./ports.ts";
import type { Way, WayRequest } from "./way_types.ts";

/** Most kinds of attachment that one entry keeps; an archive has thousands of entries, and few kinds. */
const MAX_ATTACHMENTS = 500;
/** Longest value of a header field that is kept, characters. */
const MAX_VALUE_CHARACTERS = 1000;
/** Most characters of all values of header fields. */
const MAX_VALUES_CHARACTERS = 20_000;

/** The attachments that rules can tell apart, each once, and whether these are all. */
export function distinctAttachments(
  facts: Partial<Facts> | undefined,
): { readonly kept: readonly AttachmentFact[]; readonly whole: boolean } {
  const distinct = new Map<string, AttachmentFact>();
  for (const attachment of facts?.attachments ?? []) {
    const key = JSON.stringify(attachment);
    if (distinct.has(key)) continue;
    if (distinct.size === MAX_ATTACHMENTS) return { kept: [...distinct.values()], whole: false };
    distinct.set(key, attachment);
  }
  return { kept: [...distinct.values()], whole: facts?.attachments !== undefined };
}

/** Fields that the policy asked, without those whose values are too long to keep. */
function headerFacts(
  names: readonly string[],
  facts: Partial<Facts>,
): { headerNames: readonly string[]; headers: readonly { name: string; value: string }[] } {
  const fields = facts.headers ?? [];
  const kept = { headerNames: [] as string[], headers: [] as { name: string; value: string }[] };
  let room = MAX_VALUES_CHARACTERS;
  for (const name of names) {
    const own = fields.filter((field) => field.name.toLowerCase() === name);
    const characters = own.reduce((sum, { value }) => sum + value.length, 0);
    const long = own.some(({ value }) => value.length > MAX_VALUE_CHARACTERS);
    if (long || characters > room) continue;
    room -= characters;
    kept.headerNames.push(name);
    kept.headers.push(...own.map(({ value }) => ({ name, value })));
  }
  return kept;
}

/**
 * The facts of a message that was read whole.
 *
 * @param facts Of its verdict; `undefined` where there was no scan.
 */
export function recordedFacts(
  request: WayRequest,
  way: Way,
  facts: Partial<Facts> | undefined,
): RecordedFacts {
  const cleaned = new Map<CleanMode, "cleaned" | "deleted">();
  for (const { outcome } of way.groups) {
    const { status } = outcome;
    if (status !== "cleaned" && status !== "deleted") continue;
    cleaned.set(outcome.settings.antivirus.clean, status);
  }
  return {
    ...refusedFacts(request, "verdict"),
    strictest: request.splitting === "strictest",
    ...(facts?.status === undefined ? {} : {
      scan: {
        status: facts.status,
        parts: distinctAttachments(facts).whole,
        header: facts.headers !== undefined,
        ...headerFacts(facts.headers === undefined ? [] : request.tree.headers, facts),
        ...(facts.spamSymptoms === undefined ? {} : { spamSymptoms: facts.spamSymptoms }),
      },
    }),
    cleaned: [...cleaned].map(([mode, status]) => ({ mode, status })),
  };
}

/** The facts of what was refused before any message was read. */
export function refusedFacts(
  request: Pick<WayRequest, "time" | "tls" | "direction">,
  phase: Phase,
): RecordedFacts {
  return {
    began: request.time,
    tls: request.tls ?? false,
    ...(request.direction === undefined ? {} : { direction: request.direction }),
    phase,
    strictest: false,
    cleaned: [],
  };
}
