/** Rules that greylist what never waits. */
import type { PolicyFinding } from "../analyse.ts";
import { phaseNumber } from "../attributes.ts";
import { compilePolicy } from "../compile.ts";
import { canBeTrueBy } from "../early.ts";
import { GREYLISTING_AGENTS } from "../greylisting.ts";
import type { Policy } from "../schema.ts";
import { GREYLIST_SLOTS, SLOTS } from "../slots.ts";
import type { Solver } from "../solve/solver.ts";
import { type DecisionTree, FALSE_NODE } from "../tree.ts";
import { slotsOf, title } from "./reach.ts";

const RECIPIENT = phaseNumber("recipient");

/** The mail that may wait, as greylistTerms() has it. */
const WAITING = {
  agent: [...GREYLISTING_AGENTS],
  client: { present: true },
  user: { present: false },
  direction: "inbound",
  not: { sender: "<>" },
};

/** Made when it is first asked for: most policies do not greylist. */
let waiting: DecisionTree | undefined;

/** Finds rules that say how a first try waits, for mail of which none does. One that lets mail pass does no harm, and is not named. */
export function idleGreylists(policy: Policy, tree: DecisionTree, solver: Solver): PolicyFinding[] {
  return tree.rules.conditions.flatMap((condition, rule): PolicyFinding[] => {
    const slot = slotsOf(tree, rule).find((each) => GREYLIST_SLOTS.has(each));
    if (slot === undefined) return [];
    const finding = (why: string): PolicyFinding[] => [{
      kind: "idle-greylist",
      path: `rules[${rule}].then.${SLOTS[slot]!.name}`,
      message: `${title(policy, rule)} changes nothing about greylisting: ${why}`,
      rules: [],
    }];
    if (condition !== FALSE_NODE && !canBeTrueBy(tree, condition, RECIPIENT)) {
      return finding("that is decided at the recipient, and it asks what is known only later");
    }
    const { settings } = tree.effects[tree.rules.effects[rule]!]!;
    if (settings.some(([each, value]) => GREYLIST_SLOTS.has(each) && value === "pass")) return [];
    waiting ??= compilePolicy({ rules: [{ when: WAITING, then: { action: "accept" } }] });
    const solution = solver.solve([
      { tree, ref: condition, holds: true },
      { tree: waiting, ref: waiting.rules.conditions[0]!, holds: true },
    ]);
    if (solution.kind !== "impossible") return [];
    if (solver.solve([{ tree, ref: condition, holds: true }]).kind === "impossible") return []; // said already
    return finding(
      `none of its mail comes from a client outside, with a sender, to ${
        GREYLISTING_AGENTS.join(", ")
      }`,
    );
  });
}
