/** Says whether what came out of an agent is what its log says was decided, and whether the scan saw what was sent. */
import type { MessageRecord } from "../../agents/ports.ts";
import { type SampleName, SAMPLES } from "./samples.ts";
import type { Reply } from "./submit.ts";

/** All that is known of one test message after it was sent. */
export interface Observation {
  readonly sample: SampleName;
  readonly reply: Reply;
  /** The daemon's record of it; absent when it has none. */
  readonly record: MessageRecord | undefined;
  /** The message as delivered; `undefined` when nothing was, `null` where that cannot be seen. */
  readonly delivered: string | undefined | null;
  /** The gate is to a mailbox: whether the body came as it was; false where none came. Absent at other gates. */
  readonly unchanged?: boolean;
  /** The gate gives advice: what its clients do with it cannot be seen. */
  readonly advice?: boolean;
  /** Whether quarantine has it. */
  readonly kept: boolean;
}

/** What the table shows. */
export interface Judgement {
  /** `delivered`, `refused`, `deferred`, `quarantined`, `dropped`; from a mailbox also `notice`. */
  readonly cameOut: string;
  /** What is wrong; `undefined` when all is well. */
  readonly wrong?: string;
  /** Worth knowing, and not wrong. */
  readonly note?: string;
}

/** Ways in which the scan may say the same: cleaning and deleting come after finding. */
const SAME = {
  clean: ["clean"],
  infected: ["infected", "cleaned", "deleted"],
  spam: ["spam"],
  notScanned: ["notScanned"],
} as const;

function cameOut({ reply, delivered, kept, unchanged, record }: Observation): string {
  if (reply.code >= 500) return "refused";
  if (reply.code >= 400) return "deferred";
  const action = record?.outcomes[0]?.action ?? "";
  if (unchanged === false && NOTICED.has(action)) return "notice";
  if (typeof delivered === "string") return "delivered";
  if (kept) return "quarantined";
  return delivered === null ? "taken" : "dropped";
}

/** Actions in whose place a mailbox's owner gets a notice: nobody can be refused any more. */
const NOTICED: ReadonlySet<string> = new Set(["reject", "quarantine"]);

/** What each action looks like to who asks for a message in a mailbox. */
const MAILBOX_LOOKS: Readonly<Record<string, readonly string[]>> = {
  accept: ["delivered"],
  redirect: ["delivered"],
  reject: ["notice"],
  defer: ["deferred"],
  quarantine: ["notice"],
  discard: ["refused"],
};

/** What each action looks like from outside. */
const LOOKS: Readonly<Record<string, readonly string[]>> = {
  accept: ["delivered", "taken"],
  redirect: ["delivered", "taken"],
  reject: ["refused"],
  defer: ["deferred"],
  quarantine: ["quarantined"],
  discard: ["dropped", "taken"],
};

/** What each action looks like to who asks for advice: refused is whatever is not to be delivered. */
const ADVICE_LOOKS: Readonly<Record<string, readonly string[]>> = {
  accept: ["taken", "quarantined"],
  redirect: ["taken", "deferred"],
  reject: ["refused"],
  defer: ["deferred"],
  quarantine: ["refused"],
  discard: ["refused"],
};

/** Whether two base64 lines or the plain text of the test file are in what was delivered. */
function holds(delivered: string, needles: readonly string[]): boolean {
  return needles.some((needle) => delivered.includes(needle));
}

/**
 * Judges one observation.
 *
 * @param harmful Texts that stand in the message when its infected part was left in it.
 */
export function judge(observation: Observation, harmful: readonly string[]): Judgement {
  const out = cameOut(observation);
  const { record, sample, delivered } = observation;
  if (record === undefined) return { cameOut: out, wrong: "the daemon has no record of it" };
  const wanted: readonly string[] = SAME[SAMPLES[sample].status];
  const action = record.outcomes[0]?.action ?? "accept";
  if (record.status === "refused") {
    return { cameOut: out, note: "refused by the policy before its content was sent" };
  }
  const { advice = false, unchanged } = observation;
  const looks = advice ? ADVICE_LOOKS : unchanged === undefined ? LOOKS : MAILBOX_LOOKS;
  // What the policy accepts is told all the same: that it is spam, that it was not scanned.
  const told = advice && action === "accept" && record.status !== "clean";
  if (!told && !(looks[action] ?? []).includes(out)) {
    return { cameOut: out, wrong: `the policy said ${action}` };
  }
  if (sample === "gtube" && record.spamScore === undefined) {
    return { cameOut: out, note: "no spam checks here" };
  }
  if (!wanted.includes(record.status)) {
    return { cameOut: out, wrong: `the scan said ${record.status}` };
  }
  if (typeof delivered === "string" && wanted.includes("infected")) {
    if (!holds(delivered, harmful)) return { cameOut: out === "notice" ? out : "cleaned" };
    if (record.status !== "infected" || NOTICED.has(action)) {
      return { cameOut: out, wrong: "what was found is still in it" };
    }
    return { cameOut: out, note: "the policy lets infected mail pass" };
  }
  return { cameOut: out };
}
