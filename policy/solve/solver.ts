/** Finds a mail for which some conditions hold and others do not, or shows that there is none. */
import { attributeRow } from "../attributes.ts";
import { TruthReader } from "../decide/truth.ts";
import { type DecisionTree, isNegated, literalAtom } from "../tree.ts";
import { type Facts, PHASES } from "../types.ts";
import { isSubset } from "./cover.ts";
import { FactFinder, type Patch } from "./fact_finder.ts";
import { ORDINARY_MAIL } from "./ordinary_mail.ts";

/** A condition of a tree that has to be true, or has not to be (false or unknown). */
export interface Goal {
  readonly tree: DecisionTree;
  readonly ref: number;
  readonly holds: boolean;
}

/** `impossible`: it is certain that there is no such mail; `unknown`: none was found. */
export type Solution =
  | { readonly kind: "mail"; readonly facts: Facts }
  | { readonly kind: "impossible" }
  | { readonly kind: "unknown" };

const IMPOSSIBLE: Solution = { kind: "impossible" };
const UNKNOWN: Solution = { kind: "unknown" };

/** Most ways through the "or"s that are tried. */
const MAX_WAYS = 200;
const VERDICT = PHASES.length - 1;

/** Solves goals over some trees. */
export class Solver {
  readonly #readers = new Map<DecisionTree, TruthReader>();
  readonly #base: Facts;
  readonly #phase: number;
  #ways = 0;

  /**
   * @param base What the mail is like where no goal asks otherwise.
   * @param phase Number of the phase at which the goals are to be met.
   */
  constructor(base: Facts = ORDINARY_MAIL, phase = VERDICT) {
    this.#base = base;
    this.#phase = phase;
  }

  /** Looks for a mail, all of it known that can be. */
  solve(goals: readonly Goal[]): Solution {
    this.#ways = 0;
    return this.#search([...goals], []);
  }

  /** Whether a condition is true of a mail. */
  holds(tree: DecisionTree, ref: number, facts: Facts): boolean {
    return this.#reader(tree, facts).condition(ref) === "true";
  }

  #reader(tree: DecisionTree, facts: Facts): TruthReader {
    let reader = this.#readers.get(tree);
    if (!reader) this.#readers.set(tree, reader = new TruthReader(tree));
    reader.begin(this.#phase, facts);
    return reader;
  }

  #search(pending: Goal[], literals: readonly Goal[]): Solution {
    const found = [...literals];
    for (let goal = pending.pop(); goal; goal = pending.pop()) {
      const { tree, ref, holds } = goal;
      if (ref < 0) {
        if (found.some((other) => contradicts(other, goal!))) return IMPOSSIBLE;
        if (
          !found.some((other) => other.tree === tree && other.ref === ref && other.holds === holds)
        ) found.push(goal);
        continue;
      }
      const node = tree.nodes[ref]!;
      const children = node.slice(1).map((child): Goal => ({ tree, ref: child, holds }));
      if ((node[0] === 0) === holds) pending.push(...children);
      else return this.#branch(children, pending, found);
    }
    return this.#leaf(found);
  }

  #branch(
    children: readonly Goal[],
    pending: readonly Goal[],
    literals: readonly Goal[],
  ): Solution {
    let certain = true;
    for (const child of children) {
      if (this.#ways >= MAX_WAYS) return UNKNOWN;
      const solution = this.#search([...pending, child], literals);
      if (solution.kind === "mail") return solution;
      if (solution.kind === "unknown") certain = false;
    }
    return certain ? IMPOSSIBLE : UNKNOWN;
  }

  #leaf(literals: readonly Goal[]): Solution {
    this.#ways++;
    const byFact = new Map<string, Goal[]>();
    for (const goal of literals) {
      const fact = factOf(goal);
      const group = byFact.get(fact);
      if (group) group.push(goal);
      else byFact.set(fact, [goal]);
    }
    let facts: Facts = this.#base;
    let certain = true;
    for (const [fact, goals] of byFact) {
      const test = (patch: Patch) => {
        const tried = { ...facts, ...patch };
        return goals.every(({ tree, ref, holds }) =>
          (this.#reader(tree, tried).literal(ref) === "true") === holds
        );
      };
      if (test({})) continue;
      const avoid = goals.filter(({ tree, ref, holds }) =>
        isNegated(ref) === holds &&
        (fact === "attachments" || typeof tree.atoms[literalAtom(ref)] === "number")
      );
      const harms = (patch: Patch) => {
        const tried = { ...facts, ...patch };
        return avoid.some(({ tree, ref, holds }) =>
          (this.#reader(tree, tried).literal(ref) === "true") !== holds
        );
      };
      const finder = new FactFinder(fact, goals, facts);
      const patch = finder.find(test, harms);
      if (patch) facts = { ...facts, ...patch };
      else if (finder.complete || isCovered(goals)) return IMPOSSIBLE;
      else certain = false;
    }
    return certain ? { kind: "mail", facts } : UNKNOWN;
  }
}

/** Some set that the value must be in lies in a set that it must not be in. */
function isCovered(goals: readonly Goal[]): boolean {
  const sets = goals.filter(({ tree, ref }) => typeof tree.atoms[literalAtom(ref)] === "number");
  const wanted = sets.filter(({ ref, holds }) => holds && !isNegated(ref));
  // What is in a wanted set is known, so that a set in which it must not be has to be false.
  const avoided = sets.filter(({ ref, holds }) => holds === isNegated(ref));
  const setOf = ({ tree, ref }: Goal) => ({ tree, atom: literalAtom(ref) });
  const attribute = ({ tree, ref }: Goal) =>
    tree.attributes[tree.atoms[literalAtom(ref)] as number];
  return wanted.some((one) =>
    avoided.some((other) =>
      attribute(one) === attribute(other) && isSubset(setOf(one), setOf(other))
    )
  );
}

/** A literal and its negation cannot both be true. */
function contradicts(a: Goal, b: Goal): boolean {
  if (a.tree !== b.tree || literalAtom(a.ref) !== literalAtom(b.ref)) return false;
  return a.ref === b.ref
    ? a.holds !== b.holds
    : a.holds && b.holds && isNegated(a.ref) !== isNegated(b.ref);
}

/** The fact that a literal reads: what must be chosen together. */
function factOf({ tree, ref }: Goal): string {
  const atom = tree.atoms[literalAtom(ref)]!;
  const attribute = tree.attributes[typeof atom === "number" ? atom : atom.attribute]!;
  const { name } = attributeRow(attribute);
  if (name.startsWith("attachment")) return "attachments";
  return name === "time" ? "time" : attribute;
}
