/** `postern policy check`: reads a policy as the daemon does, and says what is wrong with it. */
import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { map, optional } from "@optique/core/modifiers";
import { argument, command } from "@optique/core/primitives";
import { string } from "@optique/core/valueparser";
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
  const { path, hash, revision, document, config } = await policyOf(options.file, options.config);
  if (options.json) {
    printJson({
      policy: path,
      hash,
      ...(revision === undefined ? {} : { revision }),
      ...(config === undefined ? {} : { config }),
    });
    return EXIT.ok;
  }
  if (config !== undefined) printLine(visible(`${config}: checks`));
  const at = revision === undefined ? "" : `, revision ${revision}`;
  printLine(visible(`${path}: checks: ${contents(document)}; hash ${hash.slice(0, 16)}${at}`));
  return EXIT.ok;
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
