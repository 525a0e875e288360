/**
 * The reference: decides straight from the document, rule by rule, pattern by pattern. Tests hold the tree equal to it. It shares
 * with the tree the schema, the meaning of the handling order and the normal form of settings, and nothing of the way to a match.
 */
import { handle, handleEarly, outcomeOf, reportStatus } from "../decide/handle.ts";
import { DEFAULT_SETTINGS } from "../defaults.ts";
import type { Condition, Policy } from "../schema.ts";
import { type SlotValue, slotValues, withSlots } from "../slots.ts";
import { type Facts, type Outcome, type Phase, PHASES, REPORT_STATUSES } from "../types.ts";
import { addressRank, holds, patterns, PHASE_OF, type Truth } from "./naive_conditions.ts";

/** The least and the most that may come out once later phases are known. */
type Span = readonly [least: Truth, most: Truth];

/** The values of a `then` or of settings, worked out once. */
const valuesOf = cached((settings: object) => slotValues(settings));

function cached<T>(make: (key: object) => T): (key: object) => T {
  const made = new WeakMap<object, T>();
  return (key) => {
    let value = made.get(key);
    if (value === undefined) made.set(key, value = make(key));
    return value;
  };
}

const NO_SETTINGS = {};

/** Decides as decide() does, from the checked document. */
export function interpret(policy: Policy, phase: Phase, facts: Facts): Outcome {
  const at = PHASES.indexOf(phase);
  const verdict = phase === "verdict";
  const spans = policy.rules.map((rule): Span =>
    rule.when ? condition(policy, rule.when, at, facts) : [2, 2]
  );
  const winner = (sets: (rule: Policy["rules"][number]) => boolean) =>
    policy.rules.findIndex((rule, index) => spans[index]![0] === 2 && sets(rule));
  const group = at >= PHASES.indexOf("recipient") ? groupOf(policy, facts.recipient) : undefined;

  const values = new Map<number, SlotValue>();
  for (let up = group; up !== undefined; up = policy.groups[up]!.parent) {
    for (const [slot, value] of valuesOf(policy.groups[up]!.settings ?? NO_SETTINGS)) {
      if (!values.has(slot)) values.set(slot, value);
    }
  }
  const set = new Set<number>();
  policy.rules.forEach(({ then }, index) => {
    if (spans[index]![0] < 2) return;
    for (const [slot, value] of valuesOf(then)) {
      if (!set.has(slot)) values.set(slot, value);
      set.add(slot);
    }
  });
  const settings = withSlots(withSlots(DEFAULT_SETTINGS, valuesOf(policy.settings)), values);

  const known = (sets: (then: object) => boolean) => {
    const rule = winner(({ then }) => sets(then));
    const open = policy.rules.some((one, index) =>
      sets(one.then) && spans[index]![0] < 2 && spans[index]![1] === 2 && (rule < 0 || index < rule)
    );
    const groupOpen = rule < 0 && at < PHASES.indexOf("recipient") &&
      Object.values(policy.groups).some((one) => sets(one.settings ?? NO_SETTINGS));
    return !open && !groupOpen;
  };
  const actionKnown = known((then) => "action" in then && then.action !== undefined);
  const actionRule = winner(({ then }) => then.action !== undefined);
  const status = verdict ? REPORT_STATUSES[reportStatus(settings, facts)] : undefined;
  if (actionRule >= 0 && actionKnown) {
    const { name, then } = policy.rules[actionRule]!;
    const decided = {
      action: then.action!,
      by: `rule:${name ?? `rules[${actionRule}]`}`,
      cause: "rule" as const,
    };
    return outcomeOf(true, decided, settings, facts, status, {
      ...(then.reply === undefined ? {} : { reply: then.reply }),
      ...(then.redirect === undefined ? {} : { redirect: [then.redirect].flat() }),
    });
  }
  if (verdict) return outcomeOf(true, handle(settings, facts), settings, facts, status);
  const early = actionKnown
    ? handleEarly(
      settings,
      known((then) => valuesOf(then).has(1)),
      known((then) => valuesOf(then).has(2)),
    )
    : undefined;
  return early ? outcomeOf(true, early, settings, facts, undefined) : outcomeOf(
    false,
    { action: "accept", by: "pending", cause: undefined },
    settings,
    facts,
    undefined,
  );
}

function condition(policy: Policy, when: Condition, at: number, facts: Facts): Span {
  const spans: Span[] = [];
  for (const [name, value] of Object.entries(when)) {
    if (value === undefined) continue;
    if (name === "not") {
      const [least, most] = condition(policy, when.not!, at, facts);
      spans.push([2 - most as Truth, 2 - least as Truth]);
    } else if (name === "any") {
      spans.push(any(when.any!.map((one) => condition(policy, one, at, facts))));
    } else if (name === "all") {
      spans.push(all(when.all!.map((one) => condition(policy, one, at, facts))));
    } else {
      const attribute = name as keyof typeof PHASE_OF;
      const later = PHASES.indexOf(PHASE_OF[attribute]) > at;
      if (attribute === "infected" && typeof value !== "boolean") {
        // Two things at once: the status, and a name.
        spans.push(
          later ? [0, 2] : all([
            exact(holds(policy, "status", "infected", facts)),
            exact(holds(policy, "finding", value, facts)),
          ]),
        );
      } else spans.push(later ? [0, 2] : exact(holds(policy, attribute, value, facts)));
    }
  }
  return all(spans);
}

function all(spans: readonly Span[]): Span {
  return [
    Math.min(2, ...spans.map(([least]) => least)) as Truth,
    Math.min(2, ...spans.map(([, most]) => most)) as Truth,
  ];
}

function any(spans: readonly Span[]): Span {
  return [
    Math.max(0, ...spans.map(([least]) => least)) as Truth,
    Math.max(0, ...spans.map(([, most]) => most)) as Truth,
  ];
}

function exact(truth: Truth): Span {
  return [truth, truth];
}

/** The group that names the recipient most exactly; of equals the first. */
function groupOf(policy: Policy, recipient: string | undefined): string | undefined {
  if (recipient === undefined) return undefined;
  let best: string | undefined;
  let bestRank = 0;
  for (const [name, group] of Object.entries(policy.groups)) {
    for (const pattern of patterns(policy, [group.recipients ?? []].flat(), "recipient")) {
      const rank = addressRank(pattern, recipient);
      if (rank > bestRank) {
        best = name;
        bestRank = rank;
      }
    }
  }
  return best;
}
