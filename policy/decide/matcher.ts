import { ACTION_SLOT, GATE_SLOTS, slotMask, SLOTS } from "../slots.ts";
import { BLOCKER_ENTRY, type DecisionTree, ENTRY_BITS, literal, PURE_ENTRY } from "../tree.ts";
import type { Facts, Outcome } from "../types.ts";
import { PHASES, REPORT_STATUSES } from "../types.ts";
import { Formulas } from "./formulas.ts";
import { type Decided, handle, handleEarly, outcomeOf, reportStatus } from "./handle.ts";
import { KnownFacts } from "./known_facts.ts";
import {
  LIST_BEGIN,
  LIST_BLOCKS,
  LIST_END,
  LIST_HIGH,
  LIST_LOW,
  LIST_PHASES,
  LIST_WORDS,
  Postings,
} from "./postings.ts";
import { type State, States } from "./state.ts";

const VERDICT = PHASES.length - 1;
const RECIPIENT = PHASES.indexOf("recipient");
const NO_RULE = 0x7fffffff;
const PENDING: Decided = { action: "accept", by: "pending", cause: undefined };

/**
 * A tree made ready to decide: flat arrays and scratch space, made once. A decision without refusal allocates nothing once its
 * outcome was given before.
 *
 * The way of a decision: the tables tell the atoms that hold for the mail's values; their postings are lists of rules in order.
 * The lists are merged, the first rule first; a rule that asks more is evaluated; a matching rule settles its slots, and lists
 * that could only set settled slots drop out.
 */
export class Matcher {
  readonly #tree: DecisionTree;
  readonly #facts: KnownFacts;
  readonly #postings: Postings;
  readonly #states: States;
  readonly #formulas: Formulas;
  readonly #supersets: readonly (readonly number[] | undefined)[];
  readonly #effects: Int32Array;
  readonly #effectLow: Int32Array;
  readonly #effectHigh: Int32Array;
  readonly #conditions: Int32Array;
  readonly #recipient: number;
  /** Gate slots that some group sets. */
  readonly #groupGates: number;
  // Lists that are being merged.
  #rules = new Int32Array(64);
  #places = new Int32Array(64);
  #lists = new Int32Array(64);
  #count = 0;
  #phase = 0;
  #group = -1;
  #collecting = false;
  readonly #firstGate = new Int32Array(3);

  constructor(tree: DecisionTree) {
    this.#tree = tree;
    const groupOfAtom = new Map<number, number>();
    tree.groups.forEach(({ members }, group) => {
      if (members >= 0 && !groupOfAtom.has(members)) groupOfAtom.set(members, group);
    });
    const supersets: (readonly number[])[] = [];
    for (const [atom, ...wholes] of tree.supersets) supersets[atom] = wholes;
    this.#supersets = supersets;
    // A list may be a member of groups, besides being a set of its own.
    const groupOf = (atom: number): number => {
      let first = groupOfAtom.get(atom) ?? -1;
      for (const whole of supersets[atom] ?? []) {
        const group = groupOfAtom.get(whole) ?? -1;
        if (group >= 0 && (first < 0 || group < first)) first = group;
      }
      return first;
    };
    this.#facts = new KnownFacts(tree, {
      hit: (atom) => this.#hit(atom),
      group: (group) => void (this.#group = group),
    }, groupOf);
    this.#postings = new Postings(tree, (attribute) => this.#facts.phases[attribute]!);
    this.#states = new States(tree);
    this.#formulas = new Formulas(tree, this.#facts);
    this.#effects = Int32Array.from(tree.rules.effects);
    this.#conditions = Int32Array.from(tree.rules.conditions);
    this.#effectLow = Int32Array.from(tree.effects, ({ low }) => low);
    this.#effectHigh = Int32Array.from(tree.effects, ({ high }) => high);
    this.#recipient = tree.groups.length > 0 ? tree.attributes.indexOf("recipient") : -1;
    let gates = 0;
    for (const { settings } of tree.groups) {
      gates |= slotMask(settings.map(([slot]) => slot)).low & GATE_SLOTS;
    }
    this.#groupGates = gates;
  }

  /** @param phase Number of the phase. */
  decide(phase: number, facts: Facts): Outcome {
    this.#begin(phase, facts);
    this.#collect();
    const blockers = this.#tree.index.blockers[phase]!;
    const first = this.#firstGate;
    first.fill(NO_RULE);
    let low = 0;
    let high = 0;
    let blocked = 0;
    let actionRule = -1;
    let state = this.#states.base(this.#group);
    while (this.#count > 0) {
      const at = this.#least();
      const rule = this.#rules[at]!;
      const entry = this.#postings.entries[this.#places[at]!]!;
      const number = this.#effects[rule]!;
      const newLow = this.#effectLow[number]! & ~low;
      const sets = newLow !== 0 || (this.#effectHigh[number]! & ~high) !== 0;
      if (
        sets && (entry & BLOCKER_ENTRY) === 0 &&
        ((entry & PURE_ENTRY) !== 0 || this.#formulas.holds(this.#conditions[rule]!, false))
      ) {
        if ((newLow & 1) !== 0) actionRule = rule;
        for (let slot = 0; slot < 3; slot++) if ((newLow & (1 << slot)) !== 0) first[slot] = rule;
        state = this.#states.after(state, number);
        low |= newLow;
        high |= this.#effectHigh[number]!;
      } else if (phase < VERDICT && (newLow & GATE_SLOTS & ~blocked) !== 0) {
        if (this.#formulas.holds(this.#conditions[rule]!, true)) blocked |= newLow & GATE_SLOTS;
      }
      this.#advance(at, low, high, low | blocked);
    }
    let pending = blocked;
    if (phase < VERDICT) {
      for (let slot = 0; slot < 3; slot++) {
        const bit = 1 << slot;
        const blocker = blockers[slot]!;
        if (blocker >= 0 && blocker < first[slot]!) pending |= bit;
        if (phase < RECIPIENT && first[slot] === NO_RULE) pending |= this.#groupGates & bit;
      }
    }
    return this.#outcome(state, actionRule, pending, facts);
  }

  /** By slot: the rule that gives it at the verdict; -1: none does. */
  winners(facts: Facts): Int32Array {
    const winners = new Int32Array(SLOTS.length).fill(-1);
    this.#begin(VERDICT, facts);
    this.#collect();
    let low = 0;
    let high = 0;
    while (this.#count > 0) {
      const at = this.#least();
      const rule = this.#rules[at]!;
      const effect = this.#tree.effects[this.#effects[rule]!]!;
      const sets = (effect.low & ~low) !== 0 || (effect.high & ~high) !== 0;
      if (sets && this.#formulas.holds(this.#conditions[rule]!, false)) {
        if (effect.action !== undefined && winners[ACTION_SLOT] === -1) winners[ACTION_SLOT] = rule;
        for (const [slot] of effect.settings) if (winners[slot] === -1) winners[slot] = rule;
        low |= effect.low;
        high |= effect.high;
      }
      this.#advance(at, low, high, low);
    }
    return winners;
  }

  /** The recipient's group; -1: none. */
  groupOf(facts: Facts): number {
    this.#begin(VERDICT, facts);
    return this.#group;
  }

  #begin(phase: number, facts: Facts): void {
    this.#phase = phase;
    this.#group = -1;
    this.#count = 0;
    this.#formulas.begin(phase, facts);
    this.#facts.begin(facts);
    this.#collecting = true;
    if (phase >= RECIPIENT && this.#recipient >= 0) this.#facts.read(this.#recipient);
  }

  /** Reads all that leads to rules at this phase and gathers their lists. */
  #collect(): void {
    const phase = this.#phase;
    const postings = this.#postings;
    const facts = this.#facts;
    const sets = postings.setAttributes[phase]!;
    for (let i = 0; i < sets.length; i++) facts.read(sets[i]!);
    this.#collecting = false;
    for (let i = 0; i < postings.enumAttributes.length; i++) {
      const attribute = postings.enumAttributes[i]!;
      if (facts.phases[attribute]! > phase || !facts.read(attribute)) continue;
      this.#addAll(postings.enumBegin, attribute * 32 + facts.values[attribute]!);
    }
    for (let i = 0; i < postings.numbers.length; i++) {
      const number = postings.numbers[i]!;
      if (facts.phases[number.attribute]! > phase || !facts.read(number.attribute)) continue;
      const value = facts.values[number.attribute]!;
      for (let k = 0; k < number.first.length; k++) {
        const { phases, bounds, lists } = number.first[k]!;
        if ((phases & (1 << phase)) === 0) continue;
        const stretch = stretch64(bounds, value);
        if (stretch >= 0 && lists[stretch]! >= 0) this.#add(lists[stretch]!);
      }
      for (let node = number.leaf(value); node > 0; node >>= 1) {
        this.#addAll(number.nodeBegin, node);
      }
    }
    for (let i = 0; i < postings.probes.length; i++) {
      const atom = postings.probes[i]!;
      if (this.#formulas.holds(literal(atom, false), false)) this.#addAll(postings.atomBegin, atom);
    }
    this.#addAll(postings.alwaysBegin, phase);
  }

  #hit(atom: number): void {
    if (!this.#formulas.tell(atom)) return;
    if (this.#collecting) this.#addAll(this.#postings.atomBegin, atom);
    const supersets = this.#supersets[atom];
    if (supersets) { for (let i = 0; i < supersets.length; i++) this.#hit(supersets[i]!); }
  }

  #addAll(begin: Int32Array, key: number): void {
    const end = begin[key + 1]!;
    for (let list = begin[key]!; list < end; list += LIST_WORDS) this.#add(list);
  }

  #add(list: number): void {
    const { lists } = this.#postings;
    if ((lists[list + LIST_PHASES]! & (1 << this.#phase)) === 0) return;
    if (this.#count === this.#rules.length) this.#grow();
    const at = this.#count++;
    this.#lists[at] = list;
    this.#places[at] = lists[list + LIST_BEGIN]! - 1;
    this.#advance(at, 0, 0, 0);
  }

  /** Goes to the list's next entry of this phase; a list that has none, or neither sets nor opens anything new, drops out. */
  #advance(at: number, low: number, high: number, open: number): void {
    const { entries, lists } = this.#postings;
    const list = this.#lists[at]!;
    if (
      (lists[list + LIST_LOW]! & ~low) !== 0 || (lists[list + LIST_HIGH]! & ~high) !== 0 ||
      (lists[list + LIST_BLOCKS]! & ~open) !== 0
    ) {
      const end = lists[list + LIST_END]!;
      const bit = 1 << this.#phase;
      for (let place = this.#places[at]! + 1; place < end; place++) {
        const entry = entries[place]!;
        if ((entry & bit) === 0) continue;
        this.#places[at] = place;
        this.#rules[at] = entry >> ENTRY_BITS;
        return;
      }
    }
    const last = --this.#count;
    this.#lists[at] = this.#lists[last]!;
    this.#places[at] = this.#places[last]!;
    this.#rules[at] = this.#rules[last]!;
  }

  #least(): number {
    const rules = this.#rules;
    let least = 0;
    for (let i = 1; i < this.#count; i++) if (rules[i]! < rules[least]!) least = i;
    return least;
  }

  #grow(): void {
    const wider = (old: Int32Array<ArrayBuffer>) => {
      const made = new Int32Array(old.length * 2);
      made.set(old);
      return made;
    };
    this.#rules = wider(this.#rules);
    this.#places = wider(this.#places);
    this.#lists = wider(this.#lists);
  }

  #outcome(state: State, rule: number, pending: number, facts: Facts): Outcome {
    if (this.#phase === VERDICT) {
      const status = reportStatus(state.settings, facts);
      const decided = rule >= 0 ? undefined : handle(state.settings, facts);
      if (decided && decided.action !== "accept") {
        return outcomeOf(true, decided, state.settings, facts, REPORT_STATUSES[status], undefined);
      }
      // The spam score tells copies apart, besides the status.
      const spam =
        facts.spamScore !== undefined && facts.spamScore >= state.settings.antispam.threshold
          ? 8
          : 0;
      const key = (rule + 1) * 32 + status + spam;
      return state.outcomes.get(key) ??
        this.#keep(state, key, true, decided ?? this.#ruleDecided(rule), status, rule, facts);
    }
    if ((pending & 1) === 0 && rule >= 0) {
      const key = (rule + 1) * 32 + 16;
      return state.outcomes.get(key) ??
        this.#keep(state, key, true, this.#ruleDecided(rule), -1, rule, facts);
    }
    const early = (pending & 1) !== 0
      ? undefined
      : handleEarly(state.settings, (pending & 2) === 0, (pending & 4) === 0);
    const key = early === undefined ? 17 : 18;
    return state.outcomes.get(key) ??
      this.#keep(state, key, early !== undefined, early ?? PENDING, -1, -1, facts);
  }

  #ruleDecided(rule: number): Decided {
    return {
      action: this.#tree.effects[this.#effects[rule]!]!.action ?? "accept",
      by: `rule:${this.#tree.rules.names[rule]!}`,
      cause: "rule",
    };
  }

  #keep(
    state: State,
    key: number,
    final: boolean,
    decided: Decided,
    status: number,
    rule: number,
    facts: Facts,
  ): Outcome {
    const effect = rule < 0 ? undefined : this.#tree.effects[this.#effects[rule]!];
    const outcome = outcomeOf(
      final,
      decided,
      state.settings,
      facts,
      REPORT_STATUSES[status],
      effect,
    );
    state.outcomes.set(key, outcome);
    this.#states.keep();
    return outcome;
  }
}

/** As stretchOf, for typed arrays alone, so that it is compiled for them. */
function stretch64(bounds: Float64Array, value: number): number {
  let low = 0;
  let high = bounds.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (bounds[middle]! <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
