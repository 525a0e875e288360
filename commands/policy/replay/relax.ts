/**
 * What a policy could do if it knew more: for mail of which something is not known that rules ask, whether it matters.
 *
 * A rule that asks what is not known does not match. Two policies are made in which each such rule matches wherever it could, and
 * says something that tells the two apart. Where both decide a mail alike, no such rule has a say in it.
 */
import { checkPolicy } from "../../../policy/check_policy.ts";
import { compilePolicy } from "../../../policy/compile.ts";
import type { Condition, Policy, PolicyRule, Then } from "../../../policy/schema.ts";
import type { DecisionTree } from "../../../policy/tree.ts";

/** Whether a mail lacks an attribute: its name in the tree, a header field's behind a colon (`header:list-id`). */
export type Lacks = (attribute: string) => boolean;

/** Attributes of the tree by the name that a condition has for them, where the two differ. */
const ATTRIBUTES_OF: Readonly<Record<string, readonly string[]>> = {
  infected: ["status", "finding"],
};

/**
 * A condition that holds (`want`) or fails wherever what is lacking could make it do so.
 *
 * @returns true or false where nothing else is asked.
 */
export function relax(condition: Condition, lacks: Lacks, want: boolean): Condition | boolean {
  const all: (Condition | boolean)[] = [];
  for (const [key, value] of Object.entries(condition)) {
    if (value === undefined) continue;
    switch (key) {
      case "not": {
        const inner = relax(value as Condition, lacks, !want);
        all.push(typeof inner === "boolean" ? !inner : { not: inner });
        break;
      }
      case "any":
        all.push(some((value as Condition[]).map((each) => relax(each, lacks, want))));
        break;
      case "all":
        all.push(every((value as Condition[]).map((each) => relax(each, lacks, want))));
        break;
      case "header": {
        const fields = [value as NonNullable<Condition["header"]>].flat();
        const known = fields.filter((field) => !lacks(`header:${field.name.toLowerCase()}`));
        if (known.length === fields.length) all.push({ header: fields });
        else all.push(want || (known.length > 0 && { header: known }));
        break;
      }
      default: {
        const lacking = (ATTRIBUTES_OF[key] ?? [key]).some(lacks);
        all.push(lacking ? want : { [key]: value } as Condition);
      }
    }
  }
  return every(all);
}

function every(parts: readonly (Condition | boolean)[]): Condition | boolean {
  if (parts.includes(false)) return false;
  const asked = parts.filter((part) => typeof part !== "boolean");
  if (asked.length === 0) return true;
  return asked.length === 1 ? asked[0]! : { all: asked };
}

function some(parts: readonly (Condition | boolean)[]): Condition | boolean {
  if (parts.includes(true)) return true;
  const asked = parts.filter((part) => typeof part !== "boolean");
  if (asked.length === 0) return false;
  return asked.length === 1 ? asked[0]! : { any: asked };
}

/** Whether a condition asks anything that is lacking. */
function asksLacking(condition: Condition, lacks: Lacks): boolean {
  return Object.entries(condition).some(([key, value]) => {
    if (value === undefined) return false;
    if (key === "not") return asksLacking(value as Condition, lacks);
    if (key === "any" || key === "all") {
      return (value as Condition[]).some((each) => asksLacking(each, lacks));
    }
    if (key === "header") {
      const fields = [value as NonNullable<Condition["header"]>].flat();
      return fields.some(({ name }) => lacks(`header:${name.toLowerCase()}`));
    }
    return (ATTRIBUTES_OF[key] ?? [key]).some(lacks);
  });
}

const HANDLES = ["infected", "suspicious", "notScanned", "deleted", "spam"] as const;
const MARK = ["discard", "defer"] as const;
/** Whether there is a scan tells more than what is done without one. */
const GATE_MARK = ["scan", "discard"] as const;

/** What a rule says, in the words that tell the first policy from the second; `undefined` where it decides nothing. */
function marked(then: Then, index: number, which: 0 | 1): Then | undefined {
  const said: Record<string, unknown> = {};
  if (then.action !== undefined) {
    Object.assign(said, { action: "redirect", redirect: `${which}.${index}@unknown.invalid` });
  }
  for (const area of ["antivirus", "antispam"] as const) {
    const settings: Record<string, unknown> = {};
    const given: Readonly<Record<string, unknown>> = then[area] ?? {};
    for (const name of HANDLES) if (given[name] !== undefined) settings[name] = MARK[which];
    if (given["action"] !== undefined) settings["action"] = GATE_MARK[which];
    if (given["clean"] !== undefined) settings["clean"] = which === 0 ? "none" : "delete";
    if (given["threshold"] !== undefined) settings["threshold"] = which === 0 ? -1000 : 1000;
    if (Object.keys(settings).length > 0) said[area] = settings;
  }
  if (then.quarantine !== undefined) said["quarantine"] = which === 0 ? "never" : "always";
  return Object.keys(said).length === 0 ? undefined : said as Then;
}

/** What a policy could be, and the names of the rules that ask what is lacking. */
export interface Relaxed {
  readonly trees: readonly DecisionTree[];
  /** The policy itself, in which each such rule matches wherever it could. */
  readonly most: DecisionTree;
  /**
   * The policy itself, in which what is lacking never makes a rule match: a field of the header that was not kept is not one
   * that is not there.
   */
  readonly base: DecisionTree;
  readonly rules: readonly string[];
}

/**
 * Makes the two policies.
 *
 * @returns `undefined` where no rule that decides anything asks what is lacking.
 */
export function relaxedPolicies(policy: Policy, lacks: Lacks): Relaxed | undefined {
  const names: string[] = [];
  const rules: [PolicyRule[], PolicyRule[]] = [[], []];
  const base: PolicyRule[] = [];
  const most: PolicyRule[] = [];
  for (const [index, rule] of policy.rules.entries()) {
    const name = rule.name ?? `rules[${index}]`;
    const asks = asksLacking(rule.when ?? {}, lacks);
    const sure = asks ? relax(rule.when ?? {}, lacks, false) : rule.when ?? {};
    if (sure !== false) {
      const kept = { name, when: sure === true ? {} : sure, then: rule.then };
      for (const list of asks ? [...rules, base] : [...rules, base, most]) list.push(kept);
    }
    if (!asks) continue;
    const when = relax(rule.when ?? {}, lacks, true);
    if (when !== false) {
      most.push({ name, ...(when === true ? {} : { when }), then: rule.then });
    }
    if (when === false || marked(rule.then, index, 0) === undefined) continue;
    names.push(name);
    for (const which of [0, 1] as const) {
      const then = marked(rule.then, index, which)!;
      rules[which].push({ name, ...(when === true ? {} : { when }), then });
    }
  }
  if (names.length === 0) return undefined;
  const compile = (each: readonly PolicyRule[]) => compilePolicy({ ...policy, rules: each });
  return {
    trees: rules.map(compile),
    base: compile(base),
    most: compile(most),
    rules: names,
  };
}

/** The checked document of a policy. */
export function checkedDocument(document: unknown): Policy {
  return checkPolicy(document);
}
