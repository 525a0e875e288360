/** What would have to be different in a mail for another outcome. */
import { SCAN_STATUSES } from "../engine/types.ts";
import { phaseNumber } from "./attributes.ts";
import { decide, winningRules } from "./decide.ts";
import { TruthReader } from "./decide/truth.ts";
import { ACTION_SLOT } from "./slots.ts";
import { type Goal, Solver } from "./solve/solver.ts";
import type { DecisionTree } from "./tree.ts";
import type { Facts, Outcome, Phase } from "./types.ts";

/** One fact that differs. */
export interface FactChange {
  readonly fact: keyof Facts;
  readonly from: unknown;
  readonly to: unknown;
}

/** A mail like the one asked about, with another outcome. */
export interface NearestChange {
  readonly changes: readonly FactChange[];
  /** The changed mail was decided: this is what it gets. */
  readonly outcome: Outcome;
}

/** Most rules that are tried. */
const MAX_TRIED = 40;

/**
 * Looks for the smallest changes of a mail's facts that turn its action, fewest facts first. Each one was decided.
 *
 * @param most How many different actions are told at most, the nearest mail for each.
 */
export function nearestChanges(
  tree: DecisionTree,
  phase: Phase,
  facts: Facts,
  most = 3,
): readonly NearestChange[] {
  const { action } = decide(tree, phase, facts);
  const found = new Map<string, NearestChange>();
  for (const tried of candidates(tree, phase, facts)) {
    const outcome = decide(tree, phase, tried);
    if (outcome.action === action) continue;
    const changes = changesOf(facts, tried);
    const known = found.get(outcome.action);
    if (!known || changes.length < known.changes.length) {
      found.set(outcome.action, { changes, outcome });
    }
  }
  return [...found.values()].sort((a, b) => a.changes.length - b.changes.length).slice(0, most);
}

function* candidates(tree: DecisionTree, phase: Phase, facts: Facts): Generator<Facts> {
  const number = phaseNumber(phase);
  const solver = new Solver(facts, number);
  const solve = function* (goals: readonly Goal[]): Generator<Facts> {
    const solution = solver.solve(goals);
    if (solution.kind === "mail") yield solution.facts;
  };
  const decider = winningRules(tree, facts)[ACTION_SLOT]!;
  // Another scan, where no rule stands in the way.
  if (phase === "verdict") {
    for (const status of SCAN_STATUSES) if (status !== facts.status) yield { ...facts, status };
    const { threshold } = decide(tree, phase, facts).settings.antispam;
    yield {
      ...facts,
      spamScore: facts.spamScore !== undefined && facts.spamScore >= threshold
        ? threshold - 1
        : threshold,
    };
  }
  // The rule that decided, without effect; then also those that would decide in its place, one after the other.
  const goals: Goal[] = [];
  let last = facts;
  for (
    let rule = decider;
    rule >= 0 && goals.length < 5;
    rule = winningRules(tree, last)[ACTION_SLOT]!
  ) {
    goals.push({ tree, ref: tree.rules.conditions[rule]!, holds: false });
    const solution = solver.solve(goals);
    if (solution.kind !== "mail") break;
    last = solution.facts;
    yield last;
  }
  // Rules in front of it that lack least.
  const reader = new TruthReader(tree);
  reader.begin(number, facts);
  const lacks = tree.rules.conditions.flatMap((condition, rule) => {
    const given = tree.effects[tree.rules.effects[rule]!]!.action !== undefined;
    if (!given || (decider >= 0 && rule >= decider)) return [];
    const missing = lacking(tree, reader, condition);
    return missing > 0 && missing < 10 ? [{ condition, missing }] : [];
  }).sort((a, b) => a.missing - b.missing).slice(0, MAX_TRIED);
  for (const { condition } of lacks) yield* solve([{ tree, ref: condition, holds: true }]);
}

/** How many literals have to turn for a formula to be true. */
function lacking(tree: DecisionTree, reader: TruthReader, ref: number): number {
  if (ref < 0) return reader.literal(ref) === "true" ? 0 : 1;
  const [op, ...children] = tree.nodes[ref]!;
  const each = children.map((child) => lacking(tree, reader, child));
  return op === 0 ? each.reduce((sum, one) => sum + one, 0) : Math.min(Infinity, ...each);
}

function changesOf(before: Facts, after: Facts): FactChange[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]) as Set<keyof Facts>;
  return [...names].filter((fact) => JSON.stringify(before[fact]) !== JSON.stringify(after[fact]))
    .map((fact) => ({ fact, from: before[fact], to: after[fact] }));
}

/** `with sender bob@a.example instead of eve@b.example: accept, by rule:friends`. */
export function changeWords({ changes, outcome }: NearestChange): string {
  const told = changes.map(({ fact, from, to }) =>
    `${fact} ${factWords(to)} instead of ${factWords(from)}`
  );
  return `with ${told.join(" and ")}: ${outcome.action}, by ${outcome.by}`;
}

function factWords(value: unknown): string {
  if (value === undefined) return "unknown";
  if (value === null) return "none";
  if (value === "") return "<>";
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > 100 ? `${text.slice(0, 97)}...` : text;
}
