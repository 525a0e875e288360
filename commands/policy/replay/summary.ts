/** Counts of a replay: what changes from what to what, and what could not be decided and why. */
import type { Change, Comparison } from "./compare.ts";

/** Most kinds of change that are counted apart. */
const MAX_KINDS = 1000;

/** How often one kind of change was. */
export interface ChangeCount {
  readonly was: string;
  readonly wouldBe: string;
  readonly by: string;
  readonly count: number;
}

/** Adds up comparisons. */
export class ReplaySummary {
  records = 0;
  same = 0;
  changed = 0;
  unreadable = 0;
  readonly #unknown = new Map<string, number>();
  readonly #kinds = new Map<string, ChangeCount>();

  /** Takes one in. */
  add(comparison: Comparison): void {
    if (comparison.kind === "same") this.same++;
    else if (comparison.kind === "unknown") count(this.#unknown, comparison.why);
    else this.#changed(comparison.change);
  }

  #changed({ was, wouldBe }: Change): void {
    this.changed++;
    const key = JSON.stringify([was.action, wouldBe.action, wouldBe.by]);
    const known = this.#kinds.get(key);
    if (known === undefined && this.#kinds.size >= MAX_KINDS) return;
    this.#kinds.set(key, {
      was: was.action,
      wouldBe: wouldBe.action,
      by: wouldBe.by,
      count: (known?.count ?? 0) + 1,
    });
  }

  /** Kinds of change, the most frequent first. */
  get kinds(): readonly ChangeCount[] {
    return [...this.#kinds.values()].sort((a, b) => b.count - a.count);
  }

  /** How many could not be decided, by reason, the most frequent first. */
  get unknown(): readonly { readonly why: string; readonly count: number }[] {
    return [...this.#unknown].map(([why, count]) => ({ why, count }))
      .sort((a, b) => b.count - a.count);
  }

  /** How many could not be decided at all. */
  get undecided(): number {
    return [...this.#unknown.values()].reduce((sum, each) => sum + each, 0);
  }
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
