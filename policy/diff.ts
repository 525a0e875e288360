import { decide } from "./decide.ts";
import type { Source } from "./explain.ts";
import { changedSources, NO_GROUP, sourceGroup, type SourceId, Sources } from "./diff/sources.ts";
import { ACTION_SLOT, SLOTS, type SlotValue } from "./slots.ts";
import { type Goal, Solver } from "./solve/solver.ts";
import { SCAN_STATUSES } from "../engine/types.ts";
import type { DecisionTree } from "./tree.ts";
import type { Facts, Outcome } from "./types.ts";
import { conditionWords, valueWords } from "./words.ts";

/** Mail that two policies treat differently in one setting. */
export interface DiffRegion {
  /** `action`, `antispam.threshold`, ... */
  readonly setting: string;
  /** Whose source (rule, group) the other policy has not, or not at this place. */
  readonly changed: "a" | "b";
  /** Which mail, in words. */
  readonly mail: string;
  /** What each policy gives, and by what (of the one that is not changed: of the example). */
  readonly a: { readonly value: string; readonly from: Source };
  readonly b: { readonly value: string; readonly from: Source };
  /** A mail that gets two outcomes, and these; missing where none could be made, though it could not be ruled out either. */
  readonly example?: { readonly facts: Facts; readonly a: Outcome; readonly b: Outcome };
}

/** What {@link diffPolicies} gives. */
export interface PolicyDiff {
  readonly regions: readonly DiffRegion[];
  /** False: there was too much to look at, some regions may be missing. */
  readonly complete: boolean;
}

/** Most questions to the solver. */
const MAX_SOLVED = 50_000;
/** Most sources in front of one that are ruled out for an example. */
const MAX_AVOIDED = 40;

/**
 * Computes what mail two policies treat differently at the verdict: for each setting, each source (rule or group) that only one
 * has, against each value that the other gives where that source decides. Nothing is sampled: a region is searched for by
 * solving conditions, and each has an example that was decided under both.
 *
 * @throws {PosternError} `"policy/version"` when a tree was made by another version of Postern.
 */
export function diffPolicies(a: DecisionTree, b: DecisionTree): PolicyDiff {
  return new Differ(a, b).diff();
}

/**
 * The regions that a mail lies in: those in whose setting the changed source decides it, and the other policy gives the region's
 * value. None where both give it the same outcome.
 */
export function regionsOf(
  a: DecisionTree,
  b: DecisionTree,
  diff: PolicyDiff,
  facts: Facts,
): readonly DiffRegion[] {
  if (isSameOutcome(decide(a, "verdict", facts), decide(b, "verdict", facts))) return [];
  return new Differ(a, b).regionsOf(diff, facts);
}

/** Equal in all but what is named as the cause. */
export function isSameOutcome(a: Outcome, b: Outcome): boolean {
  return JSON.stringify({ ...a, by: "" }) === JSON.stringify({ ...b, by: "" });
}

class Differ {
  readonly #a: Sources;
  readonly #b: Sources;
  readonly #solver = new Solver();
  #solved = 0;

  constructor(a: DecisionTree, b: DecisionTree) {
    this.#a = new Sources(a);
    this.#b = new Sources(b);
  }

  diff(): PolicyDiff {
    const regions: DiffRegion[] = [];
    SLOTS.forEach((_, slot) => {
      const changed = changedSources(this.#a, this.#b, slot);
      for (const source of changed.a) regions.push(...this.#regions(slot, "a", source, () => true));
      // Where both sources are changed the first policy's has told it already.
      for (const source of changed.b) {
        regions.push(...this.#regions(slot, "b", source, (other) => !changed.a.has(other)));
      }
    });
    return { regions, complete: this.#solved < MAX_SOLVED };
  }

  regionsOf(diff: PolicyDiff, facts: Facts): DiffRegion[] {
    return SLOTS.flatMap(({ name }, slot) => {
      const inA = this.#a.winner(slot, facts);
      const inB = this.#b.winner(slot, facts);
      const a = this.#sourceOf(this.#a, slot, inA);
      const b = this.#sourceOf(this.#b, slot, inB);
      return diff.regions.filter((region) =>
        region.setting === name && region.a.value === a.value && region.b.value === b.value &&
        (region.changed === "a"
          ? isSameSource(region.a.from, a.from)
          : isSameSource(region.b.from, b.from))
      );
    });
  }

  /** Regions of one changed source, one for each value of the other policy. */
  #regions(
    slot: number,
    changed: "a" | "b",
    source: SourceId,
    counts: (other: SourceId) => boolean,
  ): DiffRegion[] {
    const [mine, other] = changed === "a" ? [this.#a, this.#b] : [this.#b, this.#a];
    const value = key(mine.value(slot, source));
    const byValue = new Map<string, SourceId[]>();
    for (const one of other.all(slot)) {
      const theirs = key(other.value(slot, one));
      if (theirs === value || !counts(one)) continue;
      const list = byValue.get(theirs);
      if (list) list.push(one);
      else byValue.set(theirs, [one]);
    }
    return [...byValue.values()].flatMap((others): DiffRegion[] => {
      let maybe: SourceId | undefined;
      for (const one of others) {
        if (this.#solved >= MAX_SOLVED) break;
        const found = this.#example(slot, mine, source, other, one);
        if (found === "unknown") maybe ??= one;
        else if (found !== "none") return [this.#region(slot, changed, source, one, found)];
      }
      return maybe === undefined ? [] : [this.#region(slot, changed, source, maybe, undefined)];
    });
  }

  /** A mail for which both sources decide the slot and the outcomes differ. */
  #example(
    slot: number,
    mine: Sources,
    source: SourceId,
    other: Sources,
    one: SourceId,
  ): Facts | "none" | "unknown" {
    const goals: Goal[] = [...mine.goals(source), ...other.goals(one)];
    // A recipient of several groups belongs to the one that names it most exactly, which no goal says.
    let byExactness = false;
    for (let avoided = 0; avoided < MAX_AVOIDED; avoided++) {
      this.#solved++;
      const solution = this.#solver.solve(goals);
      if (solution.kind === "impossible") return byExactness ? "unknown" : "none";
      if (solution.kind === "unknown") return "unknown";
      const { facts } = solution;
      const winner = mine.winner(slot, facts);
      const theirs = other.winner(slot, facts);
      if (winner === source && theirs === one) {
        return this.#visible(slot, mine, source, other, one, facts);
      }
      for (const named of [mine.named(source), other.named(one)].flat()) {
        const tried = { ...facts, recipient: named };
        if (mine.winner(slot, tried) !== source || other.winner(slot, tried) !== one) continue;
        return this.#visible(slot, mine, source, other, one, tried);
      }
      const [wanted, got] = winner !== source ? [source, winner] : [one, theirs];
      byExactness ||= wanted < NO_GROUP && got < NO_GROUP;
      const absence = winner !== source ? mine.absence(winner) : other.absence(theirs);
      if (!absence || wanted < 0 && got === NO_GROUP) return "unknown";
      if (goals.some((goal) => goal.tree === absence.tree && goal.ref === absence.ref)) {
        return "unknown";
      }
      goals.push(absence);
    }
    return "unknown";
  }

  /** The mail, or one like it with another scan, whose outcomes differ: what a rule accepts may pass without it as well. */
  #visible(
    slot: number,
    mine: Sources,
    source: SourceId,
    other: Sources,
    one: SourceId,
    facts: Facts,
  ): Facts | "none" {
    for (const tried of [facts, ...slot === ACTION_SLOT ? otherScans(facts) : []]) {
      if (mine.winner(slot, tried) !== source || other.winner(slot, tried) !== one) continue;
      const outcomes = [mine, other].map(({ tree }) => decide(tree, "verdict", tried));
      if (!isSameOutcome(outcomes[0]!, outcomes[1]!)) return tried;
    }
    return "none";
  }

  #region(
    slot: number,
    changed: "a" | "b",
    source: SourceId,
    other: SourceId,
    facts: Facts | undefined,
  ): DiffRegion {
    const [inA, inB] = changed === "a" ? [source, other] : [other, source];
    const tree = changed === "a" ? this.#a.tree : this.#b.tree;
    return {
      setting: SLOTS[slot]!.name,
      changed,
      mail: mailWords(tree, slot, source),
      a: this.#sourceOf(this.#a, slot, inA),
      b: this.#sourceOf(this.#b, slot, inB),
      ...(facts === undefined ? {} : {
        example: {
          facts,
          a: decide(this.#a.tree, "verdict", facts),
          b: decide(this.#b.tree, "verdict", facts),
        },
      }),
    };
  }

  #sourceOf(sources: Sources, slot: number, source: SourceId): { value: string; from: Source } {
    const value = sources.value(slot, source);
    return {
      value: slot === ACTION_SLOT && value === undefined
        ? "as the settings say"
        : valueWords(slot, value),
      from: describedSource(sources.tree, slot, source),
    };
  }
}

function isSameSource(a: Source, b: Source): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function key(value: SlotValue | undefined): string {
  return JSON.stringify(value) ?? "";
}

function describedSource(tree: DecisionTree, slot: number, source: SourceId): Source {
  if (source >= 0) return { kind: "rule", rule: source, name: tree.rules.names[source]! };
  const group = tree.groups[sourceGroup(source)];
  if (group) return { kind: "group", name: group.name };
  return tree.ownSettings.some(([one]) => one === slot)
    ? { kind: "settings" }
    : { kind: "default" };
}

function mailWords(tree: DecisionTree, slot: number, source: SourceId): string {
  const setting = SLOTS[slot]!.name;
  if (source >= 0) {
    return `mail for which ${
      conditionWords(tree, tree.rules.conditions[source]!)
    }, unless an earlier rule gives ${setting}`;
  }
  const group = tree.groups[sourceGroup(source)];
  return group
    ? `mail to recipients of group ${group.name} to which no rule gives ${setting}`
    : `mail to recipients of no group to which no rule gives ${setting}`;
}

/** The same mail as other scans would see it. */
function otherScans(facts: Facts): Facts[] {
  return [false, true].flatMap((spam) =>
    [...SCAN_STATUSES, undefined].flatMap((status) =>
      [{}, { cleaned: true }, { deleted: true }].map((done): Facts => ({
        ...facts,
        status,
        ...(spam ? { spamScore: 100_000 } : {}),
        ...done,
      }))
    )
  );
}
