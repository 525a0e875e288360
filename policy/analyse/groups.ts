/** Groups whose settings no recipient gets. */
import type { PolicyFinding } from "../analyse.ts";
import { recipientGroup } from "../decide.ts";
import type { Policy } from "../schema.ts";
import type { Goal, Solver } from "../solve/solver.ts";
import { type DecisionTree, literal } from "../tree.ts";

/** Most other groups that together may take all members of one. */
const MAX_OTHERS = 24;

/** Finds groups that say something, have neither members that stay theirs nor groups below them. */
export function analyseGroups(policy: Policy, tree: DecisionTree, solver: Solver): PolicyFinding[] {
  return tree.groups.flatMap(({ name, settings, members }, group): PolicyFinding[] => {
    const below = tree.groups.some(({ parent }) => parent === group);
    const asked = JSON.stringify(policy.rules).includes(`{"group":${JSON.stringify(name)}}`);
    if (below || settings.length === 0 || members < 0 && asked) return [];
    const others = members < 0 ? [] : takenBy(tree, solver, group);
    if (!others) return [];
    const finding = (why: string): PolicyFinding => ({
      kind: "unreachable-group",
      path: `groups.${name}`,
      message: `no recipient gets the settings of group ${name}: ${why}`,
      rules: [],
    });
    if (members < 0) return [finding("it has no recipients, and no group is below it")];
    if (others.length === 0) return [finding("its recipients match no address")];
    const names = others.map((other) => tree.groups[other]!.name).join(", ");
    return [finding(`each of its recipients belongs to ${names} first`)];
  });
}

/** Groups to which all members of a group belong instead; `undefined` where some member stays, or it cannot be told. */
function takenBy(tree: DecisionTree, solver: Solver, group: number): number[] | undefined {
  const goals: Goal[] = [{ tree, ref: literal(tree.groups[group]!.members, false), holds: true }];
  const others: number[] = [];
  while (others.length < MAX_OTHERS) {
    const solution = solver.solve(goals);
    if (solution.kind === "impossible") return others;
    if (solution.kind === "unknown") return undefined;
    const found = recipientGroup(tree, solution.facts);
    if (found === group || found < 0 || others.includes(found)) return undefined;
    // Members of both that name the address as exactly may be of either: only the whole other group is taken away if it wins
    // for every address that both hold, which holds where its recipients are the same or more exact.
    if (!winsAlways(tree, solver, found, group)) return undefined;
    others.push(found);
    goals.push({ tree, ref: literal(tree.groups[found]!.members, false), holds: false });
  }
  return undefined;
}

/** Whether every address that both groups hold belongs to the first: shown for equal sets and for exact addresses only. */
function winsAlways(tree: DecisionTree, _solver: Solver, first: number, second: number): boolean {
  const a = tree.groups[first]!.members;
  const b = tree.groups[second]!.members;
  return a === b && first < second;
}
