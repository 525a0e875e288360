/** `postern policy check`: reads a policy as the daemon does, and says what is wrong with it. */
import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { map, optional } from "@optique/core/modifiers";
import { argument, command } from "@optique/core/primitives";
import { string } from "@optique/core/valueparser";
import { analysePolicy, type Delay } from "../../policy/analyse.ts";
import { checkPolicy } from "../../policy/check_policy.ts";
import type { DecisionTree } from "../../policy/tree.ts";
import { configOption, EXIT, jsonOption, type Task } from "../command.ts";
import { printJson, printLine, visible } from "../output.ts";
import { policyOf } from "./document.ts";

interface Options {
  readonly file: string | undefined;
  readonly config: string | undefined;
  readonly json: boolean;
}

/** How many a document has of each thing that it may have. */
function contents(document: unknown): string {
  const parts: string[] = [];
  for (const name of ["rules", "lists", "groups"] as const) {
    const value = (document as Record<string, unknown> | null)?.[name];
    const count = Array.isArray(value) ? value.length : Object.keys(value ?? {}).length;
    if (count > 0) parts.push(`${count} ${count === 1 ? name.slice(0, -1) : name}`);
  }
  return parts.join(", ") || "settings alone";
}

async function run(options: Options): Promise<number> {
  const { path, hash, revision, document, tree, config } = await policyOf(
    options.file,
    options.config,
  );
  const policy = checkPolicy(document);
  const { findings, delays } = analysePolicy(policy, tree);
  const status = findings.length === 0 ? EXIT.ok : EXIT.failed;
  if (options.json) {
    printJson({
      policy: path,
      hash,
      ...(revision === undefined ? {} : { revision }),
      ...(config === undefined ? {} : { config }),
      findings,
      delays,
    });
    return status;
  }
  if (config !== undefined) printLine(visible(`${config}: checks`));
  const at = revision === undefined ? "" : `, revision ${revision}`;
  printLine(visible(`${path}: checks: ${contents(document)}; hash ${hash.slice(0, 16)}${at}`));
  for (const finding of findings) {
    printLine(visible(`${path}: ${finding.path}: ${finding.message} [${finding.kind}]`));
  }
  for (const delay of delays) {
    printLine(visible(`${path}: rules[${delay.rule}]: note: ${delayWords(delay, tree)}`));
  }
  if (findings.length > 0) {
    printLine(`${findings.length} ${findings.length === 1 ? "finding" : "findings"}`);
  }
  return status;
}

/** Why a rule acts later than it could: no mistake, but whoever wrote it may not know. */
function delayWords({ phase, waitsFor, until }: Delay, tree: DecisionTree): string {
  const other = JSON.stringify(tree.rules.names[waitsFor]);
  return `could act at ${phase}, but waits for rules[${waitsFor}], ${other}, which is known at ${until}`;
}

/** `postern policy check`. */
export const policyCheck = command(
  "check",
  map(
    object({
      file: optional(argument(string({ metavar: "FILE" }), {
        description:
          message`Policy document, bundle or git revision; without it that of the configuration, which is checked, too`,
      })),
      config: configOption(),
      json: jsonOption(),
    }),
    (options): Task => () => run(options),
  ),
  {
    brief: message`Read a policy document as the daemon does, and say what is wrong where`,
    description:
      message`The document is evaluated in a process with no permission at all and checked by the schema, then its rules are
analysed. Exit status: 0 when all is well, 1 when the analysis finds something, 78 when the document does not check.`,
  },
);
