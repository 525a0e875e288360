/** What gives a slot its value: a rule, or the recipient's group (or none) with all that stands behind it. */
import { recipientGroup, winningRules } from "../decide.ts";
import { groupSettings } from "../decide/state.ts";
import { ACTION_SLOT, slotOf, type SlotValue } from "../slots.ts";
import type { Goal } from "../solve/solver.ts";
import { type DecisionTree, literal } from "../tree.ts";
import { treeSets } from "../tree_keys.ts";
import type { Facts } from "../types.ts";
import { ConditionIdentity } from "./identity.ts";

/** A rule by its place; or `-2 - group`, where -1 is no group. */
export type SourceId = number;

/** The source that stands for recipients of no group. */
export const NO_GROUP: SourceId = -1;

/** The source of a group's recipients. */
export function groupSource(group: number): SourceId {
  return -2 - group;
}
/** The group of a source that is no rule; -1: none. */
export function sourceGroup(source: SourceId): number {
  return source === NO_GROUP ? -1 : -2 - source;
}

/** Keys of a group that are looked at for a recipient who is its own. */
const MAX_NAMED = 50;

/** The sources of one tree. */
export class Sources {
  readonly tree: DecisionTree;
  readonly #identity: ConditionIdentity;
  readonly #bySlot = new Map<number, readonly SourceId[]>();
  readonly #rules = new Map<number, number[]>();

  constructor(tree: DecisionTree) {
    this.tree = tree;
    this.#identity = new ConditionIdentity(tree);
    tree.rules.effects.forEach((number, rule) => {
      const effect = tree.effects[number]!;
      const slots = effect.settings.map(([slot]) => slot);
      if (effect.action !== undefined) slots.push(ACTION_SLOT);
      for (const slot of slots) {
        const rules = this.#rules.get(slot);
        if (rules) rules.push(rule);
        else this.#rules.set(slot, [rule]);
      }
    });
  }

  /** Rules that set a slot, in order. */
  rules(slot: number): readonly number[] {
    return this.#rules.get(slot) ?? [];
  }

  /** Rules in order, then groups, then no group. */
  all(slot: number): readonly SourceId[] {
    let sources = this.#bySlot.get(slot);
    if (!sources) {
      sources = [
        ...this.rules(slot),
        ...this.tree.groups.map((_, group) => groupSource(group)),
        NO_GROUP,
      ];
      this.#bySlot.set(slot, sources);
    }
    return sources;
  }

  /** The value that a source gives; for the action, with the rule's own reply and addresses. */
  value(slot: number, source: SourceId): SlotValue | undefined {
    if (source < 0) {
      return slot === ACTION_SLOT
        ? undefined
        : slotOf(groupSettings(this.tree, sourceGroup(source)), slot);
    }
    const effect = this.tree.effects[this.tree.rules.effects[source]!]!;
    if (slot !== ACTION_SLOT) return effect.settings.find(([one]) => one === slot)?.[1];
    return [effect.action ?? "", effect.reply ?? "", ...effect.redirect ?? []].join(" ").trim();
  }

  /** What gives a slot to a mail. */
  winner(slot: number, facts: Facts): SourceId {
    const rule = winningRules(this.tree, facts)[slot]!;
    if (rule >= 0) return rule;
    const group = recipientGroup(this.tree, facts);
    return group < 0 ? NO_GROUP : groupSource(group);
  }

  /** What holds where a source wins. */
  goals(source: SourceId): Goal[] {
    const ref = this.#ref(source);
    return ref === undefined ? [] : [{ tree: this.tree, ref, holds: true }];
  }

  /** What holds where it does not match at all; `undefined` for no group, which always does. */
  absence(source: SourceId): Goal | undefined {
    const ref = this.#ref(source);
    return ref === undefined ? undefined : { tree: this.tree, ref, holds: false };
  }

  /** Recipients whom a group names, the most exactly named first; a few, and none for what is no group. */
  named(source: SourceId): readonly string[] {
    const members = source < 0 ? this.tree.groups[sourceGroup(source)]?.members ?? -1 : -1;
    if (members < 0) return [];
    const keys = treeSets(this.tree).all(members).slice(0, MAX_NAMED);
    return keys.map(({ place, key }) =>
      place === "domains" ? `someone@${key}` : place === "suffixes" ? `someone@some${key}` : key
    );
  }

  #ref(source: SourceId): number | undefined {
    if (source >= 0) return this.tree.rules.conditions[source]!;
    const members = this.tree.groups[sourceGroup(source)]?.members ?? -1;
    return members < 0 ? undefined : literal(members, false);
  }

  /** The same text for a rule that asks the same and gives the same. */
  identity(slot: number, rule: number): string {
    return `${this.#identity.of(this.tree.rules.conditions[rule]!)} => ${
      JSON.stringify(this.value(slot, rule))
    }`;
  }

  /** The same text for the same groups in the same order, whatever they give. */
  groupStructure(): string {
    return JSON.stringify(
      this.tree.groups.map(({ members }) => members < 0 ? "" : this.#identity.atom(members)),
    );
  }
}

/** Sources of either tree that the other has not, or has at another place. */
export function changedSources(
  a: Sources,
  b: Sources,
  slot: number,
): { a: Set<SourceId>; b: Set<SourceId> } {
  const changed = { a: new Set<SourceId>(a.rules(slot)), b: new Set<SourceId>(b.rules(slot)) };
  for (const [one, other] of commonRules(a, b, slot)) {
    changed.a.delete(one);
    changed.b.delete(other);
  }
  const sameGroups = a.groupStructure() === b.groupStructure();
  for (const [mine, sources, others] of [[changed.a, a, b], [changed.b, b, a]] as const) {
    for (const source of sources.all(slot)) {
      if (source >= 0) continue;
      const same = sameGroups &&
        JSON.stringify(sources.value(slot, source)) === JSON.stringify(others.value(slot, source));
      if (!same) mine.add(source);
    }
  }
  return changed;
}

/** Pairs of the same rules in the same order: a longest increasing subsequence of their places. */
function commonRules(a: Sources, b: Sources, slot: number): [number, number][] {
  const places = new Map<string, number[]>();
  for (const rule of b.rules(slot)) {
    const identity = b.identity(slot, rule);
    const list = places.get(identity);
    if (list) list.push(rule);
    else places.set(identity, [rule]);
  }
  const pairs: [number, number][] = [];
  for (const rule of a.rules(slot)) {
    const place = places.get(a.identity(slot, rule))?.shift();
    if (place !== undefined) pairs.push([rule, place]);
  }
  const tails: number[] = [];
  const before: number[] = [];
  pairs.forEach(([, place], i) => {
    let low = 0;
    let high = tails.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (pairs[tails[middle]!]![1] < place) low = middle + 1;
      else high = middle;
    }
    before[i] = low > 0 ? tails[low - 1]! : -1;
    tails[low] = i;
  });
  const common: [number, number][] = [];
  for (let i = tails.at(-1) ?? -1; i >= 0; i = before[i]!) common.push(pairs[i]!);
  return common.reverse();
}
