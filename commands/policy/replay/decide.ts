/** Decides a recorded message under a policy, as far as what the log keeps allows. */
import type { MessageRecord } from "../../../agents/ports.ts";
import { decide } from "../../../policy/decide.ts";
import { scanSettings } from "../../../policy/scan_settings.ts";
import type { Policy } from "../../../policy/schema.ts";
import { strictest } from "../../../policy/strictest.ts";
import type { DecisionTree } from "../../../policy/tree.ts";
import type { Facts, Outcome, Phase } from "../../../policy/types.ts";
import { earlyFacts, lacking, type ReplayableRecord, scanFacts, TOO_LARGE } from "./facts.ts";
import { checkedDocument, type Lacks, type Relaxed, relaxedPolicies } from "./relax.ts";

/** What a policy makes of a recorded message for a recipient. */
export type Replayed =
  | {
    readonly kind: "decided";
    readonly outcome: Outcome;
    /** It was refused before its content was known, and would not be any more: what then, only its content could tell. */
    readonly open: boolean;
  }
  /** The log does not say enough; why, in a few words. */
  | { readonly kind: "unknown"; readonly why: string };

/** Most sets of lacking attributes for which relaxed policies are kept. */
const MAX_RELAXED = 64;

/** A policy that recorded mail is decided by. */
export class ReplayPolicy {
  readonly tree: DecisionTree;
  readonly #document: Policy;
  readonly #relaxed = new Map<string, Relaxed | undefined>();

  /** @throws {PosternError} `document/invalid` where the document does not check. */
  constructor(tree: DecisionTree, document: unknown) {
    this.tree = tree;
    this.#document = checkedDocument(document);
  }

  /**
   * Decides a message for each of its recipients.
   *
   * @returns One for each of {@link recordRecipients}.
   */
  decide(record: MessageRecord): readonly Replayed[] {
    const recipients = recordRecipients(record);
    if (!isReplayable(record)) {
      return recipients.map(() => unknown("their entries were written without the facts"));
    }
    if (record.known.phase !== "verdict") {
      return recipients.map((recipient) => this.#early(record, recipient));
    }
    const early = recipients.map((recipient) => earlyFacts(record, recipient, this.tree));
    const settings = scanSettings(
      early.map((facts) => decide(this.tree, "recipient", facts)),
      this.tree,
      "mail",
    );
    const tooLarge = settings !== undefined && record.size > settings.limits.messageOctets;
    const wasTooLarge = record.notScanned.includes("size") && record.known.scan?.parts === false;
    const scan = settings === undefined ? {} : tooLarge ? TOO_LARGE : scanFacts(record);
    const lacks: Lacks = tooLarge || settings === undefined
      ? (attribute) => LOOKUPS.test(attribute)
      : lacking(record);
    const decided = early.map((facts): Replayed => {
      if (!tooLarge && settings !== undefined && wasTooLarge) {
        return unknown("they were too large to be scanned then");
      }
      return this.#late(record, { ...facts, ...scan }, lacks);
    });
    return record.known.strictest ? shared(decided) : decided;
  }

  #early(record: ReplayableRecord, recipient: string | undefined): Replayed {
    const facts = earlyFacts(record, recipient, this.tree);
    const { phase } = record.known;
    const why = this.#uncertain(phase, facts, lacking(record));
    if (why !== undefined) return unknown(why);
    const outcome = decide(this.tree, phase, facts);
    const refused = outcome.action === "reject" || outcome.action === "defer";
    return { kind: "decided", outcome, open: !(outcome.final && refused) };
  }

  #late(record: ReplayableRecord, facts: Facts, lacks: Lacks): Replayed {
    const why = this.#uncertain("verdict", facts, lacks);
    if (why !== undefined) return unknown(why);
    let outcome = decide(this.tree, "verdict", facts);
    const { antivirus, antispam } = outcome.settings;
    const byRule = outcome.by.startsWith("rule:");
    if (!byRule && antivirus.action === "scan" && facts.status === undefined) {
      return unknown("they were not scanned then");
    }
    if (record.findings.length > 0 && facts.status !== undefined && cleanable(outcome)) {
      const tried = record.known.cleaned.find(({ mode }) => mode === antivirus.clean);
      if (tried === undefined) return unknown(`cleaning (${antivirus.clean}) was not tried then`);
      const after = tried.status === "deleted"
        ? { ...facts, deleted: true }
        : { ...facts, cleaned: true };
      outcome = decide(this.tree, "verdict", after);
    }
    const passed = outcome.by === "default";
    const untested = facts.spamScore === undefined && facts.status !== "notScanned";
    if (passed && antispam.action === "scan" && untested) {
      return unknown("they were not tested for spam then");
    }
    return { kind: "decided", outcome, open: false };
  }

  /** Why an outcome may hang on something that the log does not keep. */
  #uncertain(phase: Phase, facts: Facts, lacks: Lacks): string | undefined {
    const asked = this.tree.attributes.filter(lacks);
    if (asked.length === 0) return undefined;
    const key = asked.join("\n");
    let relaxed = this.#relaxed.get(key);
    if (relaxed === undefined && !this.#relaxed.has(key)) {
      if (this.#relaxed.size >= MAX_RELAXED) this.#relaxed.clear();
      this.#relaxed.set(key, relaxed = relaxedPolicies(this.#document, lacks));
    }
    if (relaxed === undefined) return undefined;
    const [first, second] = relaxed.trees.map((tree) => decide(tree, phase, facts));
    const same = telling(first!) === telling(second!);
    return same ? undefined : `rules ask ${[...new Set(asked.map(attributeWord))].join(", ")}`;
  }
}

const LOOKUPS = /^(?:spf|dkim|dmarc|signaturesAge|language)$/;

function unknown(why: string): Replayed {
  return { kind: "unknown", why };
}

/** Whether a record has the facts of its decision. */
function isReplayable(record: MessageRecord): record is ReplayableRecord {
  return record.known !== undefined;
}

/** Recipients that a record is about; one `undefined` where it was refused before any was named. */
export function recordRecipients(record: MessageRecord): readonly (string | undefined)[] {
  const { recipients } = record.envelope;
  return recipients.length > 0 ? recipients : [undefined];
}

/** What an outcome does, as text to compare. */
function telling({ final, action, redirect, quarantine, by, settings }: Outcome): string {
  return JSON.stringify([final, action, redirect, quarantine, by, settings.antivirus.clean]);
}

/** Whether the gate would clean: as agents/way.ts has it. */
function cleanable({ action, by, settings }: Outcome): boolean {
  const { antivirus } = settings;
  if (antivirus.clean === "none" || antivirus.action !== "scan") return false;
  return action === "accept" || action === "redirect" || by.startsWith("antivirus.");
}

/** All recipients share the strictest outcome, where each is known. */
function shared(decided: readonly Replayed[]): readonly Replayed[] {
  const outcomes: Outcome[] = [];
  for (const each of decided) {
    if (each.kind === "unknown") return decided.map(() => each);
    outcomes.push(each.outcome);
  }
  const outcome = strictest(outcomes);
  return decided.map(() => ({ kind: "decided", outcome, open: false }));
}

/** An attribute of the tree as people call it. */
function attributeWord(attribute: string): string {
  const colon = attribute.indexOf(":");
  if (attribute.startsWith("attachment")) return "attachment";
  if (colon < 0) return attribute;
  return `${attribute.slice(0, colon)} ${attribute.slice(colon + 1)}`;
}
