/** Settings as they come about: each effect of a rule leads from one state to the next, and states are kept. */
import { ACTION_SLOT, LOW_BITS, type SlotValue, withSlots } from "../slots.ts";
import type { DecisionTree } from "../tree.ts";
import type { Outcome, ResolvedSettings } from "../types.ts";

/** Settings after some rules, with the outcomes that were made of them. */
export interface State {
  readonly settings: ResolvedSettings;
  /** Slots that rules have set. */
  readonly low: number;
  readonly high: number;
  readonly next: Map<number, State>;
  /** Outcomes by a number of the cause; see handle.ts. */
  readonly outcomes: Map<number, Outcome>;
}

/** Most states and outcomes that are kept; then all are forgotten. */
const MAX_KEPT = 20_000;

/** The states of one tree. */
export class States {
  readonly #tree: DecisionTree;
  /** By group, shifted by one: 0 is no group. */
  readonly #bases: (State | undefined)[] = [];
  #kept = 0;

  constructor(tree: DecisionTree) {
    this.#tree = tree;
  }

  /** Settings of a group, of its parents and of the document. */
  base(group: number): State {
    return this.#bases[group + 1] ??= newState(groupSettings(this.#tree, group), 0, 0);
  }

  /** The state once a rule's effect has set what is not set yet. */
  after(state: State, effect: number): State {
    return state.next.get(effect) ?? this.#step(state, effect);
  }

  /** Counts an outcome that is kept. */
  keep(): void {
    if (++this.#kept > MAX_KEPT) {
      this.#bases.length = 0;
      this.#kept = 0;
    }
  }

  #step(state: State, number: number): State {
    this.keep();
    const effect = this.#tree.effects[number]!;
    const values = new Map<number, SlotValue>();
    for (const [slot, value] of effect.settings) {
      const set = slot < LOW_BITS ? state.low & (1 << slot) : state.high & (1 << (slot - LOW_BITS));
      if (set === 0) values.set(slot, value);
    }
    const next = newState(
      withSlots(state.settings, values),
      state.low | (effect.low & ~(1 << ACTION_SLOT)),
      state.high | effect.high,
    );
    state.next.set(number, next);
    return next;
  }
}

function newState(settings: ResolvedSettings, low: number, high: number): State {
  return { settings, low, high, next: new Map(), outcomes: new Map() };
}

/** The settings of a recipient of a group before any rule; -1: of no group. */
export function groupSettings(tree: DecisionTree, group: number): ResolvedSettings {
  const values = new Map<number, SlotValue>();
  for (let up = group; up >= 0; up = tree.groups[up]!.parent) {
    for (const [slot, value] of tree.groups[up]!.settings) {
      if (!values.has(slot)) values.set(slot, value);
    }
  }
  return withSlots(tree.settings, values);
}
