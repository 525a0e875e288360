import { analyseGroups } from "./analyse/groups.ts";
import { idleGreylists } from "./analyse/greylist.ts";
import { conflictingLists, unusedLists } from "./analyse/lists.ts";
import { analyseReach } from "./analyse/reach.ts";
import { type Delay, findDelays } from "./analyse/delays.ts";
import { Solver } from "./solve/solver.ts";
import type { Policy } from "./schema.ts";
import type { DecisionTree } from "./tree.ts";

export type { Delay } from "./analyse/delays.ts";

/** Kinds of findings. */
export const FINDING_KINDS = [
  "never-matches", // no mail can meet the condition
  "shadowed", // earlier rules give all that it would
  "late-accept", // an accept behind the refusal that it was meant to except
  "unreachable-setting", // a setting that no mail can get
  "conflicting-lists", // an entry in two lists whose rules disagree
  "unused-list",
  "empty-list",
  "unreachable-group",
  "duplicate-name",
  "unused-reply", // of a class that its action never gives
  "idle-greylist", // for mail that is never greylisted
] as const;
/** One of {@link FINDING_KINDS}. */
export type FindingKind = (typeof FINDING_KINDS)[number];

/** What `policy check` says of a policy that is valid. */
export interface PolicyFinding {
  readonly kind: FindingKind;
  /** Place in the document: `rules[3]`, `lists.blocked`. */
  readonly path: string;
  /** One sentence. */
  readonly message: string;
  /** Other rules that it is about, by their place. */
  readonly rules: readonly number[];
}

/** What {@link analysePolicy} gives. */
export interface PolicyAnalysis {
  readonly findings: readonly PolicyFinding[];
  /** Rules that are decided later than they could be, and because of which: no mistakes, but good to know. */
  readonly delays: readonly Delay[];
}

/**
 * Looks for what cannot be meant. A finding is certain: a rule that is said to be shadowed or never to match decides no mail
 * whatever; what cannot be shown is not said.
 *
 * @param policy The document, checked.
 * @param tree The same, compiled.
 */
export function analysePolicy(policy: Policy, tree: DecisionTree): PolicyAnalysis {
  const solver = new Solver();
  return {
    findings: [
      ...analyseReach(policy, tree, solver),
      ...conflictingLists(policy, tree),
      ...unusedLists(policy),
      ...analyseGroups(policy, tree, solver),
      ...duplicateNames(policy),
      ...unusedReplies(tree),
      ...idleGreylists(policy, tree, solver),
    ],
    delays: findDelays(tree, solver),
  };
}

function duplicateNames(policy: Policy): PolicyFinding[] {
  const first = new Map<string, number>();
  return policy.rules.flatMap(({ name }, rule): PolicyFinding[] => {
    if (name === undefined) return [];
    const other = first.get(name);
    if (other === undefined) {
      first.set(name, rule);
      return [];
    }
    return [{
      kind: "duplicate-name",
      path: `rules[${rule}].name`,
      message: `rule ${rule + 1} has the name of rule ${other + 1}, ${
        JSON.stringify(name)
      }: the log cannot tell them apart`,
      rules: [other],
    }];
  });
}

const CAUSES = ["infected", "suspicious", "notScanned", "deleted", "spam"] as const;

/** Replies of `settings` whose class no action can give: of use to nobody where no rule or group changes the action. */
function unusedReplies(tree: DecisionTree): PolicyFinding[] {
  const { antivirus, antispam, replies } = tree.settings;
  const changed = new Set(
    [...tree.effects, ...tree.groups].flatMap(({ settings }) => settings.map(([slot]) => slot)),
  );
  return CAUSES.flatMap((cause): PolicyFinding[] => {
    const reply = replies[cause];
    const action = cause === "spam" ? antispam.spam : antivirus[cause];
    const class_ = action === "reject" ? "5" : action === "defer" ? "4" : "";
    if (reply === undefined || changed.size > 0 || reply.startsWith(class_) && class_ !== "") {
      return [];
    }
    return [{
      kind: "unused-reply",
      path: `settings.replies.${cause}`,
      message: class_ === ""
        ? `the reply for ${cause} is never given: the action is ${action}`
        : `the reply for ${cause} is never given: action ${action} needs one that begins with ${class_}`,
      rules: [],
    }];
  });
}
