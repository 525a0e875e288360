/** Which answers a policy can give before there is a message: a gate need not wait for those that it cannot. */
import { attributeRow, phaseNumber } from "./attributes.ts";
import { ACTION_SLOT, ANTISPAM_SLOT, ANTIVIRUS_SLOT, type SlotValue } from "./slots.ts";
import { type DecisionTree, literalAtom, type SlotList } from "./tree.ts";

/** Phases before the recipient. */
export type EarlyPhase = "connect" | "sender";

const known = new WeakMap<DecisionTree, Readonly<Record<EarlyPhase, boolean>>>();

/**
 * Whether mail can be refused or deferred at a phase or before it, for who its client or sender is.
 *
 * @returns Per phase; false only where no mail whatever can be.
 */
export function refusesEarly(tree: DecisionTree): Readonly<Record<EarlyPhase, boolean>> {
  const there = known.get(tree);
  if (there) return there;
  const made = { connect: mayRefuse(tree, "connect"), sender: mayRefuse(tree, "sender") };
  known.set(tree, made);
  return made;
}

const GATES: ReadonlySet<number> = new Set([ACTION_SLOT, ANTIVIRUS_SLOT, ANTISPAM_SLOT]);

function mayRefuse(tree: DecisionTree, phase: EarlyPhase): boolean {
  const { antivirus, antispam } = tree.settings;
  if (isRefusal(antivirus.action) || isRefusal(antispam.action)) return true;
  if (tree.groups.some(({ settings }) => refuses(settings))) return true;
  const refusing = tree.effects.map(({ action, settings }) =>
    isRefusal(action) || refuses(settings)
  );
  const last = phaseNumber(phase);
  return tree.rules.conditions.some((condition, rule) =>
    refusing[tree.rules.effects[rule]!] && canBeTrueBy(tree, condition, last)
  );
}

function refuses(settings: SlotList): boolean {
  return settings.some(([slot, value]) => GATES.has(slot) && isRefusal(value));
}

function isRefusal(value: SlotValue | undefined): boolean {
  return value === "reject" || value === "defer";
}

/** Whether a condition can be true when no more is known than at a phase, by its number. */
export function canBeTrueBy(tree: DecisionTree, ref: number, phase: number): boolean {
  if (ref < 0) {
    const atom = tree.atoms[literalAtom(ref)]!;
    const attribute = tree.attributes[typeof atom === "number" ? atom : atom.attribute]!;
    return phaseNumber(attributeRow(attribute).row.phase) <= phase;
  }
  const [op, ...inside] = tree.nodes[ref]!;
  return op === 0
    ? inside.every((child) => canBeTrueBy(tree, child, phase))
    : inside.some((child) => canBeTrueBy(tree, child, phase));
}
