import { createHash } from "node:crypto";
import { checkPolicy } from "./check_policy.ts";
import { DEFAULT_SETTINGS } from "./defaults.ts";
import type { Policy, Then } from "./schema.ts";
import { ACTION_SLOT, slotMask, slotValues, withSlots } from "./slots.ts";
import { type DecisionTree, TREE_VERSION, type TreeEffect, type TreeGroup } from "./tree.ts";
import { AtomBuilder } from "./compile/atoms.ts";
import { ConditionCompiler } from "./compile/conditions.ts";
import { buildIndex } from "./compile/index.ts";
import { normalDomain } from "./compile/keys.ts";

/** How a document is compiled. */
export interface CompileOptions {
  /** Name of the file, for messages. */
  readonly file?: string;
}

/**
 * Checks a policy document and compiles it.
 *
 * @param document What `policy.ts` exports.
 * @returns plain data: it survives JSON and structuredClone, and is the same for the same document.
 * @throws {PolicyDocumentError} `"document/invalid"` with every issue.
 */
export function compilePolicy(document: unknown, options: CompileOptions = {}): DecisionTree {
  const policy = checkPolicy(document, options.file);
  const atoms = new AtomBuilder();
  const groupAtoms = groupSets(policy, atoms);
  const conditions = new ConditionCompiler(policy, atoms, groupAtoms);
  const groups = treeGroups(policy, conditions, atoms, groupAtoms);
  const effects = new EffectTable();
  const names: string[] = [];
  const ruleConditions: number[] = [];
  const ruleEffects: number[] = [];
  policy.rules.forEach((rule, index) => {
    names.push(rule.name ?? `rules[${index}]`);
    ruleConditions.push(conditions.compile(rule.when ?? {}));
    ruleEffects.push(effects.number(rule.then));
  });
  const own = slotValues(policy.settings);
  return {
    version: TREE_VERSION,
    hash: createHash("sha256").update(JSON.stringify(policy)).digest("hex"),
    headers: atoms.attributes.flatMap((name) => name.startsWith("header:") ? [name.slice(7)] : []),
    local: {
      domains: policy.local.domains.map((domain) =>
        domain.startsWith("*.") ? `*.${normalDomain(domain.slice(2))}` : normalDomain(domain)
      ),
      networks: policy.local.networks,
    },
    settings: withSlots(DEFAULT_SETTINGS, own),
    ownSettings: [...own],
    groups,
    attributes: atoms.attributes,
    atoms: atoms.atoms,
    supersets: atoms.supersets(),
    labels: [
      ...conditions.labels(),
      ...[...groupAtoms].map(([name, atom]) => [atom, `in group ${name}`] as const),
    ],
    nodes: atoms.nodes,
    rules: { names, conditions: ruleConditions, effects: ruleEffects },
    effects: effects.effects,
    tables: atoms.tables(),
    index: buildIndex(atoms, ruleConditions, ruleEffects, effects.effects),
  };
}

/** The set of each group with all below it; filled by {@link treeGroups}. */
function groupSets(policy: Policy, atoms: AtomBuilder): Map<string, number> {
  return new Map(
    Object.keys(policy.groups).map((name) => [name, atoms.emptySet("recipient", `group ${name}`)]),
  );
}

function treeGroups(
  policy: Policy,
  conditions: ConditionCompiler,
  atoms: AtomBuilder,
  sets: ReadonlyMap<string, number>,
): TreeGroup[] {
  const names = Object.keys(policy.groups);
  return names.map((name) => {
    const group = policy.groups[name]!;
    const items = group.recipients === undefined ? [] : [group.recipients].flat();
    const members = items.length === 0 ? -1 : conditions.setAtom(items, "recipient");
    if (members >= 0) {
      for (let up: string | undefined = name; up !== undefined; up = policy.groups[up]?.parent) {
        atoms.include(members, sets.get(up)!);
      }
    }
    return {
      name,
      parent: group.parent === undefined ? -1 : names.indexOf(group.parent),
      settings: [...slotValues(group.settings ?? {})],
      members,
    };
  });
}

/** Each distinct `then` once. */
class EffectTable {
  readonly effects: TreeEffect[] = [];
  readonly #numbers = new Map<string, number>();

  number(then: Then): number {
    const identity = JSON.stringify(then);
    let number = this.#numbers.get(identity);
    if (number === undefined) {
      const settings = [...slotValues(then)];
      const slots = settings.map(([slot]) => slot);
      if (then.action !== undefined) slots.push(ACTION_SLOT);
      number = this.effects.push({
        ...(then.action === undefined ? {} : { action: then.action }),
        ...(then.reply === undefined ? {} : { reply: then.reply }),
        ...(then.redirect === undefined ? {} : { redirect: [then.redirect].flat() }),
        settings,
        ...slotMask(slots),
      }) - 1;
      this.#numbers.set(identity, number);
    }
    return number;
  }
}
