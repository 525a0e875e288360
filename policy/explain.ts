import { phaseNumber } from "./attributes.ts";
import { decide, recipientGroup } from "./decide.ts";
import { type Truth, TruthReader } from "./decide/truth.ts";
import { type GreylistTerms, greylistTerms } from "./greylisting.ts";
import { changeWords, type NearestChange, nearestChanges } from "./nearest_change.ts";
import { ACTION_SLOT, slotOf, SLOTS, type SlotValue } from "./slots.ts";
import type { DecisionTree } from "./tree.ts";
import type { Facts, Outcome, Phase } from "./types.ts";
import { askedOf, conditionWords, literalWords, timeWords, valueWords } from "./words.ts";

/** What gave a setting its value. */
export type Source =
  | { readonly kind: "rule"; readonly rule: number; readonly name: string }
  | { readonly kind: "group"; readonly name: string }
  | { readonly kind: "settings" }
  | { readonly kind: "default" };

/** One question of a rule, and its answer. */
export interface ExplainedQuestion {
  /** `the sender is in list blocked`. */
  readonly question: string;
  readonly answer: Truth;
}

/** A rule that had a part in the decision. */
export interface ExplainedRule {
  /** Place in the document, from 0. */
  readonly rule: number;
  readonly name: string;
  /** `true`: it matched; `open`: a later phase may make it match; else it did not match. */
  readonly answer: Truth;
  readonly condition: string;
  readonly questions: readonly ExplainedQuestion[];
  /** Settings that it gave (for one that did not match: would have given), by name. */
  readonly settings: readonly string[];
}

/** Why a decision is as it is. */
export interface Explanation {
  readonly phase: Phase;
  readonly outcome: Outcome;
  /** The recipient's group and those above it. */
  readonly groups: readonly string[];
  /** Every setting with a value, and its source. */
  readonly settings: readonly {
    readonly name: string;
    readonly value: string;
    readonly from: Source;
  }[];
  /** There where a first try has to come again at RCPT, unless its client is known. */
  readonly greylist?: GreylistTerms;
  /** Rules that matched or may still match, in order. */
  readonly rules: readonly ExplainedRule[];
  /** What would have to differ for another action, nearest first. */
  readonly nearest: readonly NearestChange[];
}

/**
 * Decides as decide() does and says why: for each setting what gave it, and each rule that matched or may still match with every
 * question it asks. Looks at every rule: slow on purpose.
 *
 * @throws {PosternError} `"policy/version"` when the tree was made by another version of Postern.
 */
export function explainDecision(tree: DecisionTree, phase: Phase, facts: Facts): Explanation {
  const outcome = decide(tree, phase, facts);
  const reader = new TruthReader(tree);
  reader.begin(phaseNumber(phase), facts);
  const group = phaseNumber(phase) >= phaseNumber("recipient") ? recipientGroup(tree, facts) : -1;
  const sources = new Map<number, Source>();
  const rules: ExplainedRule[] = [];
  tree.rules.conditions.forEach((condition, rule) => {
    const answer = reader.condition(condition);
    if (answer !== "true" && answer !== "open") return;
    const effect = tree.effects[tree.rules.effects[rule]!]!;
    const slots = [
      ...(effect.action === undefined ? [] : [ACTION_SLOT]),
      ...effect.settings.map(([slot]) => slot),
    ];
    const gives = slots.filter((slot) => !sources.has(slot));
    const name = tree.rules.names[rule]!;
    if (answer === "true") {
      for (const slot of gives) sources.set(slot, { kind: "rule", rule, name });
    }
    rules.push({
      rule,
      name,
      answer,
      condition: conditionWords(tree, condition),
      questions: questions(tree, reader, condition),
      settings: gives.map((slot) => SLOTS[slot]!.name),
    });
  });
  const groups: string[] = [];
  for (let up = group; up >= 0; up = tree.groups[up]!.parent) {
    const { name, settings } = tree.groups[up]!;
    groups.push(name);
    for (const [slot] of settings) {
      if (!sources.has(slot)) sources.set(slot, { kind: "group", name });
    }
  }
  for (const [slot] of tree.ownSettings) {
    if (!sources.has(slot)) sources.set(slot, { kind: "settings" });
  }
  const settings = SLOTS.flatMap(({ name }, slot) => {
    const value: SlotValue | undefined = slot === ACTION_SLOT
      ? outcome.action
      : slotOf(outcome.settings, slot);
    if (value === undefined) return [];
    return [{
      name,
      value: valueWords(slot, value),
      from: sources.get(slot) ?? { kind: "default" as const },
    }];
  });
  const terms = phaseNumber(phase) < phaseNumber("recipient")
    ? undefined
    : greylistTerms(decide(tree, "recipient", facts), facts);
  return {
    phase,
    outcome,
    groups,
    settings,
    ...(terms === undefined ? {} : { greylist: terms }),
    rules,
    nearest: nearestChanges(tree, phase, facts),
  };
}

/** Every question that a condition asks, in order, each once. */
function questions(tree: DecisionTree, reader: TruthReader, ref: number): ExplainedQuestion[] {
  const found = new Map<number, ExplainedQuestion>();
  const visit = (one: number) => {
    if (one >= 0) askedOf(tree, one).forEach(visit);
    else found.set(one, { question: literalWords(tree, one), answer: reader.literal(one) });
  };
  visit(ref);
  return [...found.values()];
}

/** An explanation as text, a paragraph a rule. */
export function explanationText(explanation: Explanation): string {
  const { outcome, phase, groups, rules, settings, nearest } = explanation;
  const lines = [
    `At ${phase}: ${outcome.final ? outcome.action : "nothing final yet"}, by ${outcome.by}` +
    (outcome.reply === undefined ? "." : `: ${outcome.reply}`),
  ];
  if (groups.length > 0) lines.push(`The recipient is of group ${groups.join(", above it ")}.`);
  if (explanation.greylist !== undefined) {
    const { delay, window } = explanation.greylist;
    lines.push(
      `At recipient, where the client is not known: greylisted, to come again after ${
        timeWords(delay)
      } and within ${timeWords(window)}.`,
    );
  }
  for (const rule of rules) {
    lines.push(
      "",
      `Rule ${rule.rule + 1}, ${JSON.stringify(rule.name)}, ${
        rule.answer === "true" ? "matches" : "may still match"
      }: ${rule.condition}.`,
      ...rule.questions.map(({ question, answer }) => `  ${answer.padEnd(7)} ${question}`),
      rule.settings.length > 0
        ? `  ${rule.answer === "true" ? "It gives" : "It would give"} ${rule.settings.join(", ")}.`
        : "  Earlier rules gave all that it would.",
    );
  }
  lines.push("", "Settings:");
  for (const { name, value, from } of settings) {
    lines.push(`  ${name}: ${value} (${sourceWords(from)})`);
  }
  if (nearest.length > 0) {
    lines.push(
      "",
      "Otherwise:",
      ...nearest.map((change) => `  ${changeWords(change)}`),
    );
  }
  return lines.join("\n") + "\n";
}

/** `rule "blocked senders"`, `group students`, ... */
export function sourceWords(source: Source): string {
  switch (source.kind) {
    case "rule":
      return `rule ${source.rule + 1}, ${JSON.stringify(source.name)}`;
    case "group":
      return `group ${source.name}`;
    case "settings":
      return "the document's settings";
    case "default":
      return "built-in default";
  }
}
