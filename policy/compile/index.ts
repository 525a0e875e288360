import { PHASES } from "../types.ts";
import {
  BLOCKER_ENTRY,
  ENTRY_BITS,
  PURE_ENTRY,
  type TreeEffect,
  type TreeIndex,
  type TreeNumberIndex,
} from "../tree.ts";
import { GATE_SLOTS } from "../slots.ts";
import { AccessFinder } from "./access.ts";
import type { AtomBuilder } from "./atoms.ts";
import { FirstMatches, segmentsOf } from "./number_index.ts";

const VERDICT = PHASES.length - 1;
const PURE = PURE_ENTRY;
const PHASE_BITS = 63;
/** Most tables of first matches of one number; rules beyond them go into the segment tree. */
const MAX_FIRST_TABLES = 16;

/** Slots that a rule of a posting surely sets: later entries that set no others are never needed. */
interface Cover {
  phases: number;
  low: number;
  high: number;
}

/** Postings by some key; rules must come in order. */
class Postings<Key> {
  readonly entries = new Map<Key, number[]>();
  readonly #covers = new Map<Key, Cover[]>();

  add(key: Key, rule: number, flags: number, effect: TreeEffect): void {
    const phases = flags & PHASE_BITS;
    const covers = this.#covers.get(key);
    if (
      covers?.some((cover) =>
        (phases & ~cover.phases) === 0 && (effect.low & ~cover.low) === 0 &&
        (effect.high & ~cover.high) === 0
      )
    ) return;
    const list = this.entries.get(key);
    if (list) list.push((rule << ENTRY_BITS) + flags);
    else this.entries.set(key, [(rule << ENTRY_BITS) + flags]);
    if ((flags & PURE) === 0) return;
    const same = covers?.find((cover) => cover.phases === phases);
    if (same) {
      same.low |= effect.low;
      same.high |= effect.high;
    } else if (covers) covers.push({ phases, low: effect.low, high: effect.high });
    else this.#covers.set(key, [{ phases, low: effect.low, high: effect.high }]);
  }
}

/** Builds the ways in to all rules. */
export function buildIndex(
  builder: AtomBuilder,
  conditions: readonly number[],
  effectNumbers: readonly number[],
  effects: readonly TreeEffect[],
): TreeIndex {
  const finder = new AccessFinder(builder, countUses(builder, conditions));
  const atoms = new Postings<number>();
  const enums = new Postings<number>();
  const firsts = new Map<number, FirstMatches>();
  const spans = new Map<number, { from: number; below: number; entry: number }[]>();
  const always = new Postings<number>();
  const blockers = PHASES.map(() => [-1, -1, -1]);
  let settledLow = 0;
  let settledHigh = 0;
  // Ways in of one rule: phases by atom. Made once, since most rules have one or two.
  const flagsByAtom = new Map<number, number>();
  const impureByAtom = new Map<number, number>();
  const blockersByAtom = new Map<number, number>();
  const ways = [
    { kind: PURE, flags: flagsByAtom },
    { kind: 0, flags: impureByAtom },
    { kind: BLOCKER_ENTRY, flags: blockersByAtom },
  ];
  const alwaysFlags = new Map<number, number>();
  const isAlways = (kind: number, bits: number) =>
    void alwaysFlags.set(kind, (alwaysFlags.get(kind) ?? 0) | bits);

  for (let rule = 0; rule < conditions.length; rule++) {
    const condition = conditions[rule]!;
    const effect = effects[effectNumbers[rule]!]!;
    if ((effect.low & ~settledLow) === 0 && (effect.high & ~settledHigh) === 0) continue; // behind a rule for all mail
    for (const { flags } of ways) if (flags.size > 0) flags.clear();
    if (alwaysFlags.size > 0) alwaysFlags.clear();
    const last = finder.lastPhase(condition);
    for (let phase = 0; phase <= VERDICT; phase++) {
      const bits = phase < last ? 1 << phase : (1 << (VERDICT + 1)) - (1 << phase);
      const gates = phase < last ? effect.low & GATE_SLOTS : 0;
      const must = finder.project(condition, phase, false);
      const may = phase < last ? finder.project(condition, phase, true) : must;
      let later = false;
      if (gates !== 0 && must !== 1 && may !== 0) {
        if (may === 1) {
          for (let slot = 0; slot < 3; slot++) {
            if ((gates & (1 << slot)) !== 0 && blockers[phase]![slot] === -1) {
              blockers[phase]![slot] = rule;
            }
          }
        } else later = true;
      }
      const kind = must === 0 ? BLOCKER_ENTRY : 0;
      if (must === 1) isAlways(PURE, bits);
      else if (must === undefined || later) {
        const access = finder.find(condition, phase, later);
        if (!access) isAlways(kind, bits);
        else {
          const flags = kind !== 0
            ? blockersByAtom
            : access.pure && !later
            ? flagsByAtom
            : impureByAtom;
          for (const atom of access.atoms) flags.set(atom, (flags.get(atom) ?? 0) | bits);
        }
      }
      if (phase >= last) break;
    }
    for (const { kind, flags } of ways) {
      for (const [number, phases] of flags) {
        const atom = builder.atoms[number]!;
        if (typeof atom === "number" || atom.kind === "presence" || atom.kind === "attachment") {
          atoms.add(number, rule, phases | kind, effect);
        } else if (atom.kind === "enum") {
          for (let value = 0; value < 31; value++) {
            if ((atom.mask & (1 << value)) !== 0) {
              enums.add(atom.attribute * 32 + value, rule, phases | kind, effect);
            }
          }
        } else {
          let first = firsts.get(atom.attribute);
          if (!first) firsts.set(atom.attribute, first = new FirstMatches(MAX_FIRST_TABLES));
          if (kind !== PURE || !first.add(rule, phases, effect, atom.ranges)) {
            const list = spans.get(atom.attribute) ?? [];
            spans.set(atom.attribute, list);
            for (const [from, below] of atom.ranges) {
              list.push({ from, below, entry: (rule << ENTRY_BITS) + (phases | kind) });
            }
          }
        }
      }
    }
    for (const [kind, bits] of alwaysFlags) {
      for (let phase = 0; phase <= VERDICT; phase++) {
        if ((bits & (1 << phase)) !== 0) always.add(phase, rule, (1 << phase) | kind, effect);
      }
    }
    if (condition === 0) {
      settledLow |= effect.low;
      settledHigh |= effect.high;
    }
  }

  return {
    atoms: [...atoms.entries].map(([atom, entries]) => [atom, ...entries]),
    enums: [...enums.entries].map(([key, entries]) => [key >> 5, key & 31, ...entries]),
    numbers: [...firsts].map(([attribute, first]): TreeNumberIndex => ({
      attribute,
      first: first.tables(),
      ...segmentsOf(spans.get(attribute) ?? []),
    })),
    always: PHASES.map((_, phase) => always.entries.get(phase) ?? []),
    blockers,
  };
}

function countUses(builder: AtomBuilder, conditions: readonly number[]): number[] {
  const uses: number[] = [];
  const count = (ref: number) => {
    if (ref < 0) {
      const atom = (-1 - ref) >> 1;
      uses[atom] = (uses[atom] ?? 0) + 1;
    } else {
      const node = builder.nodes[ref]!;
      for (let i = 1; i < node.length; i++) count(node[i]!);
    }
  };
  for (const condition of conditions) count(condition);
  return uses;
}
