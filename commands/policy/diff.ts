/** `postern policy diff`: what mail two policies treat differently. */
import { existsSync } from "node:fs";
import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { map, optional } from "@optique/core/modifiers";
import { argument, command } from "@optique/core/primitives";
import { string } from "@optique/core/valueparser";
import { decide } from "../../policy/decide.ts";
import { diffPolicies, type DiffRegion, isSameOutcome } from "../../policy/diff.ts";
import { sourceWords } from "../../policy/explain.ts";
import type { DecisionTree } from "../../policy/tree.ts";
import type { Outcome } from "../../policy/types.ts";
import { configOption, EXIT, jsonOption, type Task } from "../command.ts";
import { printJson, printLine, visible } from "../output.ts";
import { type PolicyInHand, policyOf } from "./document.ts";
import { mailWords } from "./mail_words.ts";

interface Options {
  readonly a: string;
  readonly b: string | undefined;
  readonly config: string | undefined;
  readonly json: boolean;
}

/** A part of `local` that one of the two does not have. */
interface LocalDifference {
  readonly part: "domains" | "networks";
  readonly onlyA: readonly string[];
  readonly onlyB: readonly string[];
}

/** What is inside tells the direction of all mail: no region says that, so it is told apart. */
function localDifferences(a: DecisionTree, b: DecisionTree): LocalDifference[] {
  return (["domains", "networks"] as const).flatMap((part) => {
    const [inA, inB] = [new Set(a.local[part]), new Set(b.local[part])];
    const onlyA = [...inA].filter((one) => !inB.has(one));
    const onlyB = [...inB].filter((one) => !inA.has(one));
    return onlyA.length + onlyB.length === 0 ? [] : [{ part, onlyA, onlyB }];
  });
}

/** A region whose example was decided under both policies once more, here. */
function verified(region: DiffRegion, a: DecisionTree, b: DecisionTree): DiffRegion {
  if (region.example === undefined) return region;
  const { facts } = region.example;
  const example = { facts, a: decide(a, "verdict", facts), b: decide(b, "verdict", facts) };
  if (isSameOutcome(example.a, example.b)) {
    const { example: _, ...rest } = region;
    return rest;
  }
  return { ...region, example };
}

function outcomeWords({ action, by, reply, redirect, quarantine }: Outcome): string {
  const to = redirect === undefined ? "" : ` to ${redirect.join(", ")}`;
  const kept = quarantine && action !== "quarantine" ? ", a copy kept" : "";
  return `${action}${to}${kept} (${by})${reply === undefined ? "" : `: ${reply}`}`;
}

/** What gives a value; that no rule gives an action is nobody's doing. */
function sideWords({ value, from }: DiffRegion["a"]): string {
  return value === NO_ACTION ? value : `${value} (${sourceWords(from)})`;
}

/** How a region says that no rule gives an action. */
const NO_ACTION = "as the settings say";

function printRegion({ setting, mail, a, b, example }: DiffRegion): void {
  printLine(visible(`${setting}: ${mail}`));
  printLine(visible(`  - ${sideWords(a)}`));
  printLine(visible(`  + ${sideWords(b)}`));
  if (example === undefined) {
    printLine("  (no example could be made, but it could not be ruled out either)");
  } else {
    printLine(visible(`  example: ${mailWords(example.facts)}`));
    printLine(visible(`    - ${outcomeWords(example.a)}`));
    printLine(visible(`    + ${outcomeWords(example.b)}`));
  }
  printLine();
}

function head(sign: string, { path, hash, revision }: PolicyInHand): string {
  const at = revision === undefined ? "" : `, revision ${revision}`;
  return `${sign} ${path} (policy ${hash.slice(0, 16)}${at})`;
}

/** The document that a revision alone means: the other one, where that is a file. */
function documentOf(other: string | undefined): string | undefined {
  return other !== undefined && existsSync(other) && !other.endsWith(".json") ? other : undefined;
}

async function run({ a: namedA, b: namedB, config, json }: Options): Promise<number> {
  const a = await policyOf(namedA, config, documentOf(namedB));
  const b = await policyOf(namedB, config, documentOf(namedA));
  const local = localDifferences(a.tree, b.tree);
  const found = diffPolicies(a.tree, b.tree);
  const regions = found.regions.map((region) => verified(region, a.tree, b.tree));
  const same = regions.length === 0 && local.length === 0 && found.complete;
  const status = same ? EXIT.ok : EXIT.failed;
  if (json) {
    const side = ({ path, hash, revision }: PolicyInHand) => ({
      path,
      hash,
      ...(revision === undefined ? {} : { revision }),
    });
    printJson({ a: side(a), b: side(b), same, complete: found.complete, local, regions });
    return status;
  }
  printLine(visible(head("---", a)));
  printLine(visible(head("+++", b)));
  printLine();
  if (same) {
    printLine(
      a.hash === b.hash
        ? "The same policy."
        : "The documents differ, but no mail is treated differently.",
    );
    return status;
  }
  for (const { part, onlyA, onlyB } of local) {
    printLine(`local.${part}: mail to or from these has another direction`);
    for (const one of onlyA) printLine(visible(`  - ${one}`));
    for (const one of onlyB) printLine(visible(`  + ${one}`));
    printLine();
  }
  for (const region of regions) printRegion(region);
  const count = regions.length;
  printLine(`${count} ${count === 1 ? "kind" : "kinds"} of mail treated differently`);
  if (!found.complete) printLine("There was too much to look at: there may be more");
  return status;
}

/** `postern policy diff`. */
export const policyDiff = command(
  "diff",
  map(
    object({
      a: argument(string({ metavar: "A" }), {
        description: message`Document, bundle or git revision: policy.ts, HEAD~1, main:policy.ts`,
      }),
      b: optional(argument(string({ metavar: "B" }), {
        description: message`The other one; without it the policy of the configuration`,
      })),
      config: configOption(),
      json: jsonOption(),
    }),
    (options): Task => () => run(options),
  ),
  {
    brief: message`Say what mail two policies treat differently, with an example of each`,
    description:
      message`Computed on the compiled policies, not by sampling; each example is decided under both. Exit status: 0 when no
mail is treated differently, 1 when some is.`,
  },
);
