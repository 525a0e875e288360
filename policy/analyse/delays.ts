/** Rules that wait for a later phase because of an earlier rule. */
import { attributeRow, phaseNumber } from "../attributes.ts";
import { ACTION_SLOT } from "../slots.ts";
import type { Solver } from "../solve/solver.ts";
import { type DecisionTree, literalAtom } from "../tree.ts";
import { type Phase, PHASES } from "../types.ts";
import { slotsOf } from "./reach.ts";

/** One rule that another delays. */
export interface Delay {
  readonly rule: number;
  /** When all that it asks is known. */
  readonly phase: Phase;
  /** The first rule before it that may still match then and gives an action, too. */
  readonly waitsFor: number;
  /** When it is known whether that one matches. */
  readonly until: Phase;
}

/** Most earlier rules that are tried for one. */
const MAX_TRIED = 50;

/** For each rule with an action: the first earlier one that may keep it from being final at its own phase. */
export function findDelays(tree: DecisionTree, solver: Solver): Delay[] {
  const phases = tree.rules.conditions.map((condition) => lastPhase(tree, condition));
  const later: number[] = [];
  return tree.rules.conditions.flatMap((condition, rule): Delay[] => {
    if (!slotsOf(tree, rule).includes(ACTION_SLOT)) return [];
    const phase = phases[rule]!;
    const before = later.filter((other) => phases[other]! > phase).slice(0, MAX_TRIED);
    if (phase > 0) later.push(rule);
    const waitsFor = before.find((other) =>
      solver.solve([
        { tree, ref: condition, holds: true },
        { tree, ref: tree.rules.conditions[other]!, holds: true },
      ]).kind !== "impossible"
    );
    if (waitsFor === undefined) return [];
    return [{ rule, phase: PHASES[phase]!, waitsFor, until: PHASES[phases[waitsFor]!]! }];
  });
}

function lastPhase(tree: DecisionTree, ref: number): number {
  if (ref < 0) {
    const atom = tree.atoms[literalAtom(ref)]!;
    const attribute = tree.attributes[typeof atom === "number" ? atom : atom.attribute]!;
    return phaseNumber(attributeRow(attribute).row.phase);
  }
  return Math.max(0, ...tree.nodes[ref]!.slice(1).map((child) => lastPhase(tree, child)));
}
