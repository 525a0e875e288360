import * as slots from "../slots.ts";
import * as trees from "../tree.ts";
import type { DecisionTree } from "../tree.ts";
import type { Facts, Outcome } from "../types.ts";
import { PHASES, REPORT_STATUSES } from "../types.ts";
import { Formulas } from "./formulas.ts";
import { type Decided, handle, handleEarly, outcomeOf, reportStatus } from "./handle.ts";
import { KnownFacts } from "./known_facts.ts";
import * as postings from "./postings.ts";
import { type State, States } from "./state.ts";

// Names of other modules are looked up wherever they are used; constants of this one are part of its code.
const { ACTION_SLOT, GATE_SLOTS, slotMask, SLOTS } = slots;
const { BLOCKER_ENTRY, ENTRY_BITS } = trees;
const {
  ATOM_END,
  ATOM_ENTRY,
  ATOM_LISTS,
  ATOM_WHOLES,
  ATOM_WORDS,
  ENTRY_EFFECT,
  ENTRY_PROGRAM,
  ENTRY_WORDS,
  LIST_BLOCKS,
  LIST_END,
  LIST_HIGH,
  LIST_LOW,
  LIST_PHASES,
  LIST_WORDS,
  NO_LIST,
  ONE_ENTRY,
} = postings;

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
  readonly #postings: postings.Postings;
  readonly #states: States;
  readonly #formulas: Formulas;
  readonly #words: Int32Array;
  readonly #effectLow: Int32Array;
  readonly #effectHigh: Int32Array;
  readonly #recipient: number;
  /** Gate slots that some group sets. */
  readonly #groupGates: number;
  // Lists that are being merged: the next rule of each, the place of its entry, and the list's address (NO_LIST: one entry alone).
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
    const supersets = new Map<number, readonly number[]>();
    for (const [atom, ...wholes] of tree.supersets) supersets.set(atom, wholes);
    // A list may be a member of groups, besides being a set of its own.
    const groupOf = (atom: number): number => {
      let first = groupOfAtom.get(atom) ?? -1;
      for (const whole of supersets.get(atom) ?? []) {
        const group = groupOfAtom.get(whole) ?? -1;
        if (group >= 0 && (first < 0 || group < first)) first = group;
      }
      return first;
    };
    this.#facts = new KnownFacts(tree, {
      hit: (atom) => this.#hit(atom),
      group: (group) => void (this.#group = group),
    }, groupOf);
    this.#postings = new postings.Postings(tree, (attribute) => this.#facts.phases[attribute]!);
    this.#words = this.#postings.words;
    this.#states = new States(tree);
    this.#formulas = new Formulas(this.#postings, this.#facts);
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
    first[0] = NO_RULE;
    first[1] = NO_RULE;
    first[2] = NO_RULE;
    let low = 0;
    let high = 0;
    let blocked = 0;
    let actionRule = -1;
    let state = this.#states.base(this.#group);
    const words = this.#words;
    while (this.#count > 0) {
      const at = this.#least();
      const rule = this.#rules[at]!;
      const place = this.#places[at]!;
      const number = words[place + ENTRY_EFFECT]!;
      const program = words[place + ENTRY_PROGRAM]!;
      const newLow = this.#effectLow[number]! & ~low;
      const sets = newLow !== 0 || (this.#effectHigh[number]! & ~high) !== 0;
      if (
        sets && (words[place]! & BLOCKER_ENTRY) === 0 &&
        this.#formulas.holds(program, false)
      ) {
        if ((newLow & 1) !== 0) actionRule = rule;
        for (let slot = 0; slot < 3; slot++) if ((newLow & (1 << slot)) !== 0) first[slot] = rule;
        state = this.#states.after(state, number);
        low |= newLow;
        high |= this.#effectHigh[number]!;
      } else if (phase < VERDICT && (newLow & GATE_SLOTS & ~blocked) !== 0) {
        if (this.#formulas.holds(program, true)) blocked |= newLow & GATE_SLOTS;
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
      const place = this.#places[at]!;
      const effect = this.#tree.effects[this.#words[place + ENTRY_EFFECT]!]!;
      const sets = (effect.low & ~low) !== 0 || (effect.high & ~high) !== 0;
      if (sets && this.#formulas.holds(this.#words[place + ENTRY_PROGRAM]!, false)) {
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
    const enums = postings.enumAttributes[phase]!;
    for (let i = 0; i < enums.length; i++) {
      const attribute = enums[i]!;
      if (!facts.read(attribute)) continue;
      const key = attribute * 32 + facts.values[attribute]!;
      this.#addLists(postings.enumBegin[key]!, postings.enumBegin[key + 1]!);
    }
    for (let i = 0; i < postings.numbers.length; i++) {
      const { attribute, first, nodeBegin } = postings.numbers[i]!;
      if (facts.phases[attribute]! > phase || !facts.read(attribute)) continue;
      const value = facts.values[attribute]!;
      const stretch = first.stretch(value);
      if (stretch >= 0) {
        const end = first.begin[stretch + 1]!;
        for (let k = first.begin[stretch]!; k < end; k++) this.#addList(first.lists[k]!);
      }
      for (let node = postings.numbers[i]!.leaf(value); node > 0; node >>= 1) {
        this.#addLists(nodeBegin[node]!, nodeBegin[node + 1]!);
      }
    }
    const probes = postings.probes[phase]!;
    for (let i = 0; i < probes.length; i++) {
      const { record, program } = probes[i]!;
      if (this.#formulas.holds(program, false)) this.#addAtom(record);
    }
    this.#addLists(postings.alwaysBegin[phase]!, postings.alwaysBegin[phase + 1]!);
  }

  #hit(atom: number): void {
    const record = atom * ATOM_WORDS;
    if (!this.#formulas.tell(record)) return;
    if (this.#collecting) this.#addAtom(record);
    const words = this.#words;
    const wholes = words[record + ATOM_WHOLES]!;
    if (wholes !== 0) {
      const end = wholes + words[wholes]!;
      for (let i = wholes + 1; i <= end; i++) this.#hit(words[i]!);
    }
  }

  /** Adds all that an atom leads to. */
  #addAtom(record: number): void {
    const words = this.#words;
    const lists = words[record + ATOM_LISTS]!;
    if (lists === NO_LIST) return;
    if (lists !== ONE_ENTRY) this.#addLists(lists, words[record + ATOM_END]!);
    else if ((words[record + ATOM_ENTRY]! & (1 << this.#phase)) !== 0) {
      const at = this.#count;
      if (at === this.#rules.length) this.#grow();
      this.#count = at + 1;
      this.#lists[at] = NO_LIST;
      this.#places[at] = record + ATOM_ENTRY;
      this.#rules[at] = words[record + ATOM_ENTRY]! >> ENTRY_BITS;
    }
  }

  /** Adds the lists from one address to below another. */
  #addLists(begin: number, end: number): void {
    for (let list = begin; list < end; list = this.#words[list + LIST_END]!) this.#addList(list);
  }

  #addList(list: number): void {
    if ((this.#words[list + LIST_PHASES]! & (1 << this.#phase)) === 0) return;
    if (this.#count === this.#rules.length) this.#grow();
    const at = this.#count++;
    this.#lists[at] = list;
    this.#places[at] = list + LIST_WORDS - ENTRY_WORDS;
    this.#advance(at, 0, 0, 0);
  }

  /** Goes to the list's next entry of this phase; a list that has none, or neither sets nor opens anything new, drops out. */
  #advance(at: number, low: number, high: number, open: number): void {
    const words = this.#words;
    const list = this.#lists[at]!;
    if (
      list !== NO_LIST &&
      ((words[list + LIST_LOW]! & ~low) !== 0 || (words[list + LIST_HIGH]! & ~high) !== 0 ||
        (words[list + LIST_BLOCKS]! & ~open) !== 0)
    ) {
      const end = words[list + LIST_END]!;
      const bit = 1 << this.#phase;
      for (let place = this.#places[at]! + ENTRY_WORDS; place < end; place += ENTRY_WORDS) {
        const entry = words[place]!;
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
      action: this.#tree.effects[this.#tree.rules.effects[rule]!]!.action ?? "accept",
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
    const effect = rule < 0 ? undefined : this.#tree.effects[this.#tree.rules.effects[rule]!];
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
