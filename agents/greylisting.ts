/** A first try that has to come again: asked of the daemon at RCPT, and said in the gate's own words. */
import { type GreylistTerms, greylistTerms } from "../policy/greylisting.ts";
import type { Facts, Outcome } from "../policy/types.ts";
import { describe } from "./describe.ts";
import type { AgentPorts } from "./ports.ts";
import { recordRefusal } from "./session_books.ts";
import type { FactsSource } from "./way.ts";

/** `Outcome.by` of a recipient who is to be tried again. */
export const BY_GREYLIST = "greylist";

/** How long the daemon may take, ms: mail servers wait for minutes, but nobody has to wait for a store that is out of order. */
const ANSWER_MS = 5000;
/** How often the log is told that it does not answer, ms. */
const TOLD_EVERY_MS = 60_000;

const told = new WeakMap<AgentPorts, number>();

/** A recipient who passes all else. */
export interface GreylistQuestion {
  readonly ports: AgentPorts;
  readonly source: FactsSource;
  readonly queueId: string;
  /** Of the recipient, and what the policy says of it at this phase. */
  readonly facts: Facts;
  readonly outcome: Outcome;
  /** What stands before the text; default `451 4.7.1`. */
  readonly code?: string;
  readonly answerMs?: number;
}

/**
 * Whether a recipient is to be tried again later. A refusal is recorded.
 *
 * @returns `undefined` at once where the policy greylists nothing of the mail; else the reply, or `undefined` where it goes on.
 * Never rejects: a greylist that is out of order lets mail in.
 */
export function greylisted(question: GreylistQuestion): Promise<string | undefined> | undefined {
  const terms = greylistTerms(question.outcome, question.facts);
  return terms && ask(question, terms);
}

async function ask(question: GreylistQuestion, terms: GreylistTerms): Promise<string | undefined> {
  const { ports, source, queueId, facts, outcome, code = "451 4.7.1" } = question;
  const { client, sender, recipient = "" } = facts;
  if (!client || !sender || !ports.greylist) return undefined;
  const { delay, window, keep, proven } = terms;
  let waitMs: number;
  try {
    const request = { client, sender, recipient, terms: { delay, window, keep, proven } };
    waitMs = await within(ports.greylist(request), question.answerMs ?? ANSWER_MS);
  } catch (error) {
    tell(ports, source, error);
    return undefined;
  }
  if (waitMs <= 0) return undefined;
  const reply = `${code} Greylisted, try again in ${Math.ceil(waitMs / 1000)} seconds`;
  const refused = { ...outcome, action: "defer", by: BY_GREYLIST } as const;
  recordRefusal(ports, source, queueId, [recipient], reply, refused);
  return reply;
}

async function within<T>(answer: Promise<T>, ms: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`No answer within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Once a minute: each mail would say it again. */
function tell(ports: AgentPorts, { listener }: FactsSource, error: unknown): void {
  const now = performance.now();
  if (now < (told.get(ports) ?? -Infinity) + TOLD_EVERY_MS) return;
  told.set(ports, now);
  ports.log("error", "The greylist does not answer; mail is let in without it", {
    listener,
    error: describe(error),
  });
}
