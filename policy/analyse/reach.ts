/** Rules and settings that no mail reaches. */
import type { PolicyFinding } from "../analyse.ts";
import { winningRules } from "../decide.ts";
import type { Policy } from "../schema.ts";
import { ACTION_SLOT, SLOTS } from "../slots.ts";
import type { Goal, Solver } from "../solve/solver.ts";
import { type DecisionTree, TRUE_NODE } from "../tree.ts";
import type { Action } from "../types.ts";

/** Most earlier rules that together may cover one. */
const MAX_COVER = 24;

/** What one slot of one rule comes to. */
type Reach = "reached" | "open" | readonly number[];

/** Slots that a rule's effect sets, by number. */
export function slotsOf(tree: DecisionTree, rule: number): number[] {
  const effect = tree.effects[tree.rules.effects[rule]!]!;
  return [
    ...(effect.action === undefined ? [] : [ACTION_SLOT]),
    ...effect.settings.map(([slot]) => slot),
  ];
}

/** Finds rules that never match, that earlier ones shadow, and single settings that are never given. */
export function analyseReach(policy: Policy, tree: DecisionTree, solver: Solver): PolicyFinding[] {
  const findings: PolicyFinding[] = [];
  tree.rules.conditions.forEach((condition, rule) => {
    const alone = solver.solve([{ tree, ref: condition, holds: true }]);
    if (alone.kind === "impossible") {
      findings.push({
        kind: "never-matches",
        path: `rules[${rule}].when`,
        message: `${title(policy, rule)} never matches: no mail can meet all that it asks`,
        rules: [],
      });
      return;
    }
    if (alone.kind === "unknown") return;
    const winners = winningRules(tree, alone.facts);
    const slots = slotsOf(tree, rule);
    const missed = slots.filter((slot) => winners[slot] !== rule);
    if (missed.length === 0) return;
    const reaches = missed.map((slot) => reach(tree, solver, rule, slot));
    const covered = missed.flatMap((slot, i) => {
      const cover = reaches[i]!;
      return typeof cover === "string" ? [] : [{ slot, cover }];
    });
    if (covered.length === 0) return;
    if (covered.length === slots.length) findings.push(shadowed(policy, tree, rule, covered));
    else {
      for (const { slot, cover } of covered) {
        findings.push({
          kind: "unreachable-setting",
          path: `rules[${rule}].then.${SLOTS[slot]!.name}`,
          message: `no mail gets ${SLOTS[slot]!.name} from ${title(policy, rule)}: ${
            byRules(policy, cover)
          } gives it first`,
          rules: cover,
        });
      }
    }
  });
  findings.push(...unreachableSettings(policy, tree));
  return findings;
}

/** Whether a rule ever gives a slot; else the earlier rules that always do before it. */
function reach(tree: DecisionTree, solver: Solver, rule: number, slot: number): Reach {
  const goals: Goal[] = [{ tree, ref: tree.rules.conditions[rule]!, holds: true }];
  const cover: number[] = [];
  while (cover.length <= MAX_COVER) {
    const solution = solver.solve(goals);
    if (solution.kind === "impossible") return cover;
    if (solution.kind === "unknown") return "open";
    const winner = winningRules(tree, solution.facts)[slot]!;
    if (winner === rule) return "reached";
    if (winner < 0 || winner > rule || cover.includes(winner)) return "open";
    cover.push(winner);
    goals.push({ tree, ref: tree.rules.conditions[winner]!, holds: false });
  }
  return "open";
}

const REFUSALS: readonly (Action | undefined)[] = ["reject", "defer", "discard", "quarantine"];

function shadowed(
  policy: Policy,
  tree: DecisionTree,
  rule: number,
  covered: readonly { readonly slot: number; readonly cover: readonly number[] }[],
): PolicyFinding {
  const cover = [...new Set(covered.flatMap((one) => one.cover))].sort((a, b) => a - b);
  const action = (other: number) => tree.effects[tree.rules.effects[other]!]!.action;
  const gate = covered.find(({ slot }) => slot === ACTION_SLOT);
  if (
    action(rule) === "accept" && gate &&
    gate.cover.every((other) => REFUSALS.includes(action(other)))
  ) {
    return {
      kind: "late-accept",
      path: `rules[${rule}]`,
      message: `${title(policy, rule)} accepts what ${
        byRules(policy, gate.cover)
      } has refused before: put it in front`,
      rules: gate.cover,
    };
  }
  return {
    kind: "shadowed",
    path: `rules[${rule}]`,
    message: `${title(policy, rule)} has no effect: ${
      byRules(policy, cover)
    } gives all that it would to every mail it matches`,
    rules: cover,
  };
}

/** Settings of the document that a rule for every mail gives anyway. */
function unreachableSettings(policy: Policy, tree: DecisionTree): PolicyFinding[] {
  const always = new Map<number, number>();
  tree.rules.conditions.forEach((condition, rule) => {
    if (condition !== TRUE_NODE) return;
    for (const slot of slotsOf(tree, rule)) if (!always.has(slot)) always.set(slot, rule);
  });
  const unreachable = (settings: DecisionTree["ownSettings"], path: string) =>
    settings.flatMap(([slot]): PolicyFinding[] => {
      const rule = always.get(slot);
      if (rule === undefined) return [];
      return [{
        kind: "unreachable-setting",
        path: `${path}.${SLOTS[slot]!.name}`,
        message: `no mail gets ${SLOTS[slot]!.name} from here: ${
          byRules(policy, [rule])
        } gives it to every mail`,
        rules: [rule],
      }];
    });
  return [
    ...unreachable(tree.ownSettings, "settings"),
    ...tree.groups.flatMap(({ name, settings }) =>
      unreachable(settings, `groups.${name}.settings`)
    ),
  ];
}

/** `rule 3, "no programs"`. */
export function title(policy: Policy, rule: number): string {
  const name = policy.rules[rule]?.name;
  return `rule ${rule + 1}${name === undefined ? "" : `, ${JSON.stringify(name)},`}`;
}

function byRules(policy: Policy, rules: readonly number[]): string {
  const titles = rules.map((rule) => title(policy, rule));
  return titles.length < 2
    ? titles.join("")
    : `${titles.slice(0, -1).join(" or ")} or ${titles.at(-1)}`;
}
