import { PosternError } from "../errors.ts";
import { phaseNumber } from "./attributes.ts";
import { Matcher } from "./decide/matcher.ts";
import { type DecisionTree, TREE_VERSION } from "./tree.ts";
import type { Facts, Outcome, Phase } from "./types.ts";

const matchers = new WeakMap<DecisionTree, Matcher>();
let lastTree: DecisionTree | undefined;
let lastMatcher: Matcher | undefined;
let lastPhase: Phase = "verdict";
let lastNumber = phaseNumber(lastPhase);

/**
 * Decides for one recipient at one phase.
 *
 * Rules are looked at in order; for each setting the first that matches wins, then the recipient's group and those above it, then
 * the document's settings, then the built-in default. A rule that asks what is not known does not match. What later phases know
 * is open: a rule that they may still make match keeps every later rule and every setting from being final where it says
 * something else.
 *
 * At phase `verdict` the outcome is final, and the order of handling is applied where no rule gives an action: antivirus.action;
 * deleted, infected, suspicious, notScanned; antispam.action; spam. `Outcome.by` is then `antivirus.infected` and the like; a
 * caller that can clean an infected message does so when `by` is `antivirus.infected` and `settings.antivirus.clean` is not
 * `none`, and decides again with `cleaned` or `deleted` set.
 *
 * The outcome may be shared with other mail: it must not be changed. Nothing is allocated for mail that passes as other mail
 * passed before. The first decision of a tree makes it ready, which takes time in proportion to its size (see
 * {@link prepareTree}).
 *
 * @throws {PosternError} `"policy/version"` when the tree was made by another version of Postern.
 */
export function decide(tree: DecisionTree, phase: Phase, facts: Facts): Outcome {
  if (tree !== lastTree) {
    lastMatcher = matcherOf(tree);
    lastTree = tree;
  }
  if (phase !== lastPhase) {
    lastNumber = phaseNumber(phase);
    lastPhase = phase;
  }
  return lastMatcher!.decide(lastNumber, facts);
}

/**
 * Makes a tree ready to decide, so that the first mail does not wait for it.
 *
 * @throws {PosternError} `"policy/version"` when the tree was made by another version of Postern.
 */
export function prepareTree(tree: DecisionTree): void {
  matcherOf(tree);
}

/** By slot: place of the rule that gives it at the verdict; -1: no rule does. */
export function winningRules(tree: DecisionTree, facts: Facts): Int32Array {
  return matcherOf(tree).winners(facts);
}

/** Place of the recipient's group in the tree's groups; -1: of none, or not known. */
export function recipientGroup(tree: DecisionTree, facts: Facts): number {
  return matcherOf(tree).groupOf(facts);
}

function matcherOf(tree: DecisionTree): Matcher {
  let matcher = matchers.get(tree);
  if (!matcher) {
    if (tree.version !== TREE_VERSION) {
      throw new PosternError(
        "policy/version",
        `Cannot use a compiled policy of version ${
          String(tree.version)
        }: this Postern reads version ${TREE_VERSION}; compile it again`,
      );
    }
    matcher = new Matcher(tree);
    matchers.set(tree, matcher);
  }
  return matcher;
}
