/** Decides a recorded message under a policy, as far as what the log keeps allows. */
import type { MessageRecord } from "../../../agents/ports.ts";
import { SPF_RESULTS } from "../../../policy/authentication_results.ts";
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
    const decided = this.#decide(record);
    return record.known?.strictest ? shared(decided) : decided;
  }

  #decide(record: MessageRecord): readonly Replayed[] {
    const recipients = recordRecipients(record);
    if (!isReplayable(record)) {
      return recipients.map(() => unknown("their entries were written without the facts"));
    }
    if (record.known.phase !== "verdict") {
      return recipients.map((recipient) => this.#early(record, recipient));
    }
    const early = recipients.map((recipient) => earlyFacts(record, recipient, this.tree));
    const before = early.map((facts) => this.#before("recipient", facts));
    const unscanned = () =>
      early.map((facts) => this.#late(record, facts, (attribute) => LOOKUPS.test(attribute)));
    if (before.every(({ outcome, sure }) => sure && outcome.final)) return unscanned();
    const decided = this.#scanned(record, early, before.map(({ outcome }) => outcome));
    if (before.some(({ outcome, sure }) => sure && !outcome.final)) return decided;
    // Whether there would be a scan at all hangs on what the log does not keep.
    const without = unscanned();
    return decided.map((each, i) => agreeing(each, without[i]!));
  }

  /** Decides by what the scan found. */
  #scanned(
    record: ReplayableRecord,
    early: readonly Facts[],
    before: readonly Outcome[],
  ): readonly Replayed[] {
    const open = before.map((outcome) => ({ ...outcome, final: false }));
    const limit = scanSettings(open, this.tree, "mail")?.limits.messageOctets ?? 0;
    if (record.size > limit) {
      return early.map((facts) =>
        this.#late(record, { ...facts, ...TOO_LARGE }, (attribute) => LOOKUPS.test(attribute))
      );
    }
    if (record.notScanned.includes("size") && record.known.scan?.parts === false) {
      return early.map(() => unknown("they were too large to be scanned then"));
    }
    const scan = scanFacts(record);
    return early.map((facts) => this.#late(record, { ...facts, ...scan }, lacking(record)));
  }

  #early(record: ReplayableRecord, recipient: string | undefined): Replayed {
    const facts = earlyFacts(record, recipient, this.tree);
    const { outcome, sure } = this.#before(record.known.phase, facts);
    if (!sure) return unknown(ASK_SPF);
    const refused = outcome.action === "reject" || outcome.action === "defer";
    return { kind: "decided", outcome, open: !(outcome.final && refused) };
  }

  #late(record: ReplayableRecord, facts: Facts, lacks: Lacks): Replayed {
    const tree = this.#certain(facts, lacks);
    if (typeof tree === "string") return unknown(tree);
    let outcome = decide(tree, "verdict", facts);
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
      outcome = decide(tree, "verdict", after);
    }
    const passed = outcome.by === "default";
    const untested = facts.spamScore === undefined && facts.status !== "notScanned";
    if (passed && antispam.action === "scan" && untested) {
      return unknown("they were not tested for spam then");
    }
    return { kind: "decided", outcome, open: false };
  }

  /**
   * What is decided before the scan, and whether that is so whatever the one lookup gave that is known by then. Each result is
   * tried: two extremes do not do here, where a rule that waits for the scan hides those behind it.
   */
  #before(phase: Phase, facts: Facts): { outcome: Outcome; sure: boolean } {
    const outcome = decide(this.tree, phase, facts);
    if (phase === "connect" || !this.tree.attributes.includes("spf")) {
      return { outcome, sure: true };
    }
    const said = telling(outcome);
    const sure = SPF_RESULTS.every((spf) =>
      telling(decide(this.tree, phase, { ...facts, spf })) === said
    );
    return { outcome, sure };
  }

  /** What the mail is to be decided by; why not, where the outcome may hang on something that the log does not keep. */
  #certain(facts: Facts, lacks: Lacks): DecisionTree | string {
    const asked = this.tree.attributes.filter(lacks);
    if (asked.length === 0) return this.tree;
    const key = asked.join("\n");
    let relaxed = this.#relaxed.get(key);
    if (relaxed === undefined && !this.#relaxed.has(key)) {
      if (this.#relaxed.size >= MAX_RELAXED) this.#relaxed.clear();
      this.#relaxed.set(key, relaxed = relaxedPolicies(this.#document, lacks));
    }
    if (relaxed === undefined) return this.tree;
    const [first, ...others] = [relaxed.base, relaxed.most, ...relaxed.trees].map((tree) =>
      telling(decide(tree, "verdict", facts))
    );
    const same = others.every((other) => other === first);
    return same ? relaxed.base : `rules ask ${[...new Set(asked.map(attributeWord))].join(", ")}`;
  }
}

const ASK_SPF = "rules ask spf";
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

/** What holds in both cases. */
function agreeing(one: Replayed, other: Replayed): Replayed {
  if (one.kind === "unknown") return one;
  if (other.kind === "unknown") return other;
  const same = telling(one.outcome) === telling(other.outcome);
  return same ? one : unknown(ASK_SPF);
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
