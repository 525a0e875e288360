/** Conditions evaluated one by one: the slow and talkative way, for explanations and analysis. */
import { AttachmentMatcher } from "./attachment_matcher.ts";
import { KnownFacts } from "./known_facts.ts";
import { type DecisionTree, isNegated, literalAtom } from "../tree.ts";
import type { Facts } from "../types.ts";

/** `true`, `false`, `unknown` (the fact is not there), `open` (a later phase knows). */
export type Truth = "true" | "false" | "unknown" | "open";

/** Evaluates the formulas of one tree. */
export class TruthReader {
  readonly #tree: DecisionTree;
  readonly #facts: KnownFacts;
  readonly #hits = new Set<number>();
  readonly #supersets = new Map<number, readonly number[]>();
  readonly #attachments = new Map<number, AttachmentMatcher>();
  #current: Facts | undefined;
  #phase = 0;

  constructor(tree: DecisionTree) {
    this.#tree = tree;
    for (const [atom, ...wholes] of tree.supersets) this.#supersets.set(atom, wholes);
    this.#facts = new KnownFacts(
      tree,
      { hit: (atom) => this.#hit(atom), group: () => {} },
      () => -1,
    );
  }

  /** Begins with other facts. @param phase Number of the phase. */
  begin(phase: number, facts: Facts): void {
    this.#phase = phase;
    this.#current = facts;
    this.#hits.clear();
    this.#facts.begin(facts);
  }

  #hit(atom: number): void {
    if (this.#hits.has(atom)) return;
    this.#hits.add(atom);
    for (const whole of this.#supersets.get(atom) ?? []) this.#hit(whole);
  }

  /** A literal as it stands. */
  literal(ref: number): Truth {
    const number = literalAtom(ref);
    const atom = this.#tree.atoms[number]!;
    const attribute = typeof atom === "number" ? atom : atom.attribute;
    if (this.#facts.phases[attribute]! > this.#phase) return "open";
    if (!this.#facts.read(attribute)) return "unknown";
    let holds: boolean;
    if (typeof atom === "number") holds = this.#hits.has(number);
    else {
      switch (atom.kind) {
        case "enum":
          holds = (atom.mask & (1 << this.#facts.values[attribute]!)) !== 0;
          break;
        case "number": {
          const value = this.#facts.values[attribute]!;
          holds = atom.ranges.some(([from, below]) => value >= from && value < below);
          break;
        }
        case "presence":
          holds = (this.#facts.present[attribute] === 1) === atom.present;
          break;
        case "attachment": {
          let matcher = this.#attachments.get(number);
          if (!matcher) {
            this.#attachments.set(number, matcher = new AttachmentMatcher(this.#tree, atom));
          }
          holds = matcher.matches(this.#current!.attachments!);
          break;
        }
      }
    }
    return holds !== isNegated(ref) ? "true" : "false";
  }

  /** A formula: `open` where a later phase may still make it true. */
  condition(ref: number): Truth {
    if (ref < 0) return this.literal(ref);
    const node = this.#tree.nodes[ref]!;
    const all = node[0] === 0;
    const truths = node.slice(1).map((child) => this.condition(child));
    if (all) {
      return truths.includes("false")
        ? "false"
        : truths.includes("unknown")
        ? "unknown"
        : truths.includes("open")
        ? "open"
        : "true";
    }
    return truths.includes("true")
      ? "true"
      : truths.includes("open")
      ? "open"
      : truths.includes("unknown")
      ? "unknown"
      : "false";
  }
}
