/** Lists that disagree, that nothing asks, that hold nothing. */
import type { PolicyFinding } from "../analyse.ts";
import { LIST_PARTS, LISTED } from "../check_policy.ts";
import type { Condition, Policy } from "../schema.ts";
import { ANTISPAM_SLOT, ANTIVIRUS_SLOT } from "../slots.ts";
import { type DecisionTree, isNegated, literalAtom } from "../tree.ts";
import { keyText } from "../words.ts";
import { treeSets } from "../tree_keys.ts";
import { title } from "./reach.ts";

/** Most entries that a message names. */
const MAX_NAMED = 5;

/** What a rule wants: to let pass, to stop, or neither. */
function wish(tree: DecisionTree, rule: number): "pass" | "stop" | undefined {
  const effect = tree.effects[tree.rules.effects[rule]!]!;
  const gates = effect.settings.filter(([slot]) =>
    slot === ANTIVIRUS_SLOT || slot === ANTISPAM_SLOT
  );
  const actions = [effect.action, ...gates.map(([, value]) => value)].filter((action) =>
    action !== undefined
  );
  if (actions.length === 0 || actions.includes("scan") || actions.includes("redirect")) {
    return undefined;
  }
  return actions.every((action) => action === "accept")
    ? "pass"
    : actions.every((action) => action !== "accept")
    ? "stop"
    : undefined;
}

/**
 * Entries that stand word for word in two lists of which one lets pass and the other stops. An address in one and its domain in
 * the other is an exception, and meant.
 */
export function conflictingLists(policy: Policy, tree: DecisionTree): PolicyFinding[] {
  const sets = treeSets(tree);
  const uses = tree.rules.conditions.flatMap((condition, rule) => {
    const wanted = wish(tree, rule);
    const lists = wanted === undefined ? [] : askedAlone(tree, condition).flatMap((atom) => {
      const inside = [atom, ...sets.subsets(atom)].filter((one) =>
        sets.label(one)?.startsWith("in list ")
      );
      return inside.length === 0
        ? []
        : inside.map((list) => ({ list, attribute: tree.atoms[atom] }));
    });
    return lists.map((one) => ({ ...one, rule, wanted }));
  });
  const findings: PolicyFinding[] = [];
  const seen = new Set<string>();
  uses.forEach((first, i) => {
    for (const second of uses.slice(i + 1)) {
      if (
        first.list === second.list || first.attribute !== second.attribute ||
        first.wanted === second.wanted
      ) continue;
      const pair = [first.list, second.list].sort((a, b) => a - b).join();
      if (seen.has(pair)) continue;
      seen.add(pair);
      const mine = new Set(sets.all(first.list).map(({ place, key }) => `${place} ${key}`));
      const both = sets.all(second.list).filter(({ place, key }) => mine.has(`${place} ${key}`));
      if (both.length === 0) continue;
      const [a, b] = [first.list, second.list].map((list) =>
        sets.label(list)!.slice("in list ".length)
      );
      const named = both.slice(0, MAX_NAMED).map((key) => keyText(tree, second.list, key)).join(
        ", ",
      );
      findings.push({
        kind: "conflicting-lists",
        path: `lists.${b}`,
        message:
          `${named}${both.length > MAX_NAMED ? ` and ${both.length - MAX_NAMED} more` : ""} ` +
          `${both.length === 1 ? "is" : "are"} in list ${a}, which ${
            title(policy, first.rule)
          } lets ` +
          `${first.wanted === "pass" ? "pass" : "not pass"}, and in list ${b}, which ${
            title(policy, second.rule)
          } lets ` +
          `${second.wanted === "pass" ? "pass" : "not pass"}`,
        rules: [first.rule, second.rule],
      });
    }
  });
  return findings;
}

/** Set atoms that a condition asks, not negated: the condition itself, or one of those that must all hold, or one that suffices. */
function askedAlone(tree: DecisionTree, ref: number): number[] {
  if (ref < 0) {
    return isNegated(ref) || typeof tree.atoms[literalAtom(ref)] !== "number"
      ? []
      : [literalAtom(ref)];
  }
  const node = tree.nodes[ref]!;
  // With more that must hold the two rules may mean different mail.
  return node[0] === 1 ? node.slice(1).flatMap((child) => askedAlone(tree, child)) : [];
}

/** Lists that no rule and no group names, and lists that are named and empty. */
export function unusedLists(policy: Policy): PolicyFinding[] {
  const named = new Map<string, Set<string>>();
  const note = (value: unknown, attribute: keyof typeof LIST_PARTS) => {
    for (const item of [value].flat()) {
      if (typeof item !== "object" || item === null || !("list" in item)) continue;
      const parts = named.get(String(item.list)) ?? new Set<string>();
      named.set(String(item.list), parts.add(LIST_PARTS[attribute]));
    }
  };
  const visit = (when: Condition) => {
    for (
      const attribute of LISTED
    ) note(when[attribute], attribute);
    for (const one of [when.attachment ?? []].flat()) {
      note(one.name, "attachment.name");
      note(one.extension, "attachment.extension");
    }
    if (when.not) visit(when.not);
    when.any?.forEach(visit);
    when.all?.forEach(visit);
  };
  for (const { when } of policy.rules) if (when) visit(when);
  for (const { recipients } of Object.values(policy.groups)) note(recipients, "recipient");
  return Object.entries(policy.lists).flatMap(([name, list]): PolicyFinding[] => {
    const parts = named.get(name);
    if (!parts) {
      return [{
        kind: "unused-list",
        path: `lists.${name}`,
        message: `no rule and no group asks list ${name}`,
        rules: [],
      }];
    }
    return Object.entries(list).flatMap(([part, items]): PolicyFinding[] => {
      const path = `lists.${name}.${part}`;
      if (!parts.has(part)) {
        return [{
          kind: "unused-list",
          path,
          message: `nothing asks the ${part} of list ${name}`,
          rules: [],
        }];
      }
      return (items ?? []).length > 0 ? [] : [{
        kind: "empty-list",
        path,
        message: `list ${name} has no ${part}: what asks them matches nothing`,
        rules: [],
      }];
    });
  });
}
