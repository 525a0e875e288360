/** The way in to a rule: the least of conditions of which one must hold wherever the rule matches. */
import { attributeRow, phaseNumber } from "../attributes.ts";
import { FALSE_NODE, isNegated, literalAtom, TRUE_NODE } from "../tree.ts";
import type { AtomBuilder } from "./atoms.ts";

/** Constant at a phase, or open. */
export type Projection = 0 | 1 | undefined;

/** Ways in, any of which is taken where the formula holds. */
export interface Access {
  /** Atoms; for enumerations and numbers the matcher asks their values. */
  readonly atoms: readonly number[];
  /** How much mail is thought to come in. */
  readonly cost: number;
  /** The formula holds wherever one of them is taken. */
  readonly pure: boolean;
}

const NUMBER_COST = 1e6;
const ENUM_COST = 1e7;
const PROBE_COST = 1e8;

/** Finds constants and ways in of formulas, with what later phases know taken for true (`may`) or false (`must`). */
export class AccessFinder {
  readonly #builder: AtomBuilder;
  readonly #phases: number[] = [];
  /** How many rules ask an atom. */
  readonly #uses: readonly number[];

  constructor(builder: AtomBuilder, uses: readonly number[]) {
    this.#builder = builder;
    this.#uses = uses;
    for (const attribute of builder.attributes) {
      this.#phases.push(phaseNumber(attributeRow(attribute).row.phase));
    }
  }

  /** The phase from which on an atom is known. */
  phaseOf(atom: number): number {
    const one = this.#builder.atoms[atom]!;
    return this.#phases[typeof one === "number" ? one : one.attribute]!;
  }

  /** The last phase that a formula needs. */
  lastPhase(ref: number): number {
    if (ref < 0) return this.phaseOf(literalAtom(ref));
    const node = this.#builder.nodes[ref]!;
    let last = 0;
    for (let i = 1; i < node.length; i++) last = Math.max(last, this.lastPhase(node[i]!));
    return last;
  }

  /** The formula at a phase, where later literals count as `later`: constant or open. */
  project(ref: number, phase: number, later: boolean): Projection {
    if (ref < 0) return this.phaseOf(literalAtom(ref)) > phase ? (later ? 1 : 0) : undefined;
    if (ref === TRUE_NODE) return 1;
    if (ref === FALSE_NODE) return 0;
    const node = this.#builder.nodes[ref]!;
    const absorbing = node[0] === 0 ? 0 : 1;
    let open = false;
    for (let i = 1; i < node.length; i++) {
      const one = this.project(node[i]!, phase, later);
      if (one === absorbing) return absorbing;
      open ||= one === undefined;
    }
    return open ? undefined : node[0] === 0 ? 1 : 0;
  }

  /** @returns the best way in of a formula that is open at the phase; `undefined` when there is none. */
  find(ref: number, phase: number, later: boolean): Access | undefined {
    if (ref < 0) return this.#literal(ref);
    const node = this.#builder.nodes[ref]!;
    const all = node[0] === 0;
    let best: Access | undefined;
    let open = 0;
    const atoms: number[] = [];
    let cost = 0;
    let pure = true;
    for (let i = 1; i < node.length; i++) {
      const child = node[i]!;
      if (this.project(child, phase, later) !== undefined) continue;
      open++;
      const access = this.find(child, phase, later);
      if (all) {
        if (access && (!best || access.cost < best.cost)) best = access;
      } else {
        if (!access) return undefined;
        atoms.push(...access.atoms);
        cost += access.cost;
        pure &&= access.pure;
      }
    }
    if (!all) return { atoms, cost, pure };
    return best && open > 1 ? { ...best, pure: false } : best;
  }

  #literal(ref: number): Access | undefined {
    const number = literalAtom(ref);
    const atom = this.#builder.atoms[number]!;
    if (typeof atom === "number") {
      if (isNegated(ref)) return undefined;
      const cost = (this.#builder.weights[number] ?? 0) + (this.#uses[number] ?? 0);
      return { atoms: [number], cost, pure: true };
    }
    if (atom.kind === "enum") {
      const { row } = attributeRow(this.#builder.attributes[atom.attribute]!);
      const share = bitCount(atom.mask) / ((row.values?.length ?? 1) + 1);
      return { atoms: [number], cost: ENUM_COST * share, pure: true };
    }
    if (atom.kind === "number") return { atoms: [number], cost: NUMBER_COST, pure: true };
    if (isNegated(ref)) return undefined;
    return { atoms: [number], cost: PROBE_COST, pure: true };
  }
}

function bitCount(mask: number): number {
  let count = 0;
  for (let rest = mask; rest !== 0; rest &= rest - 1) count++;
  return count;
}
