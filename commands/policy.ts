/** `postern policy`: what can be asked of a policy document without a message. */
import { object, or } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { map, optional } from "@optique/core/modifiers";
import { argument, command } from "@optique/core/primitives";
import { string } from "@optique/core/valueparser";
import { type Command, configOption, jsonOption, type Task } from "./command.ts";
import { findConfig, needConfig } from "./find_config.ts";
import { policyBuild } from "./policy/build.ts";
import { policyKeygen } from "./policy/keygen.ts";
import { policyReplay } from "./policy/replay.ts";
import { policyTest } from "./policy/test.ts";
import { printJson, printLine, visible } from "./output.ts";

/** How long a document may take to evaluate where no configuration says so, ms: its own default. */
const DOCUMENT_TIME_MS = 10_000;

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

async function runCheck(
  options: { file?: string | undefined; config?: string | undefined; json: boolean },
): Promise<number> {
  const { readConfig, readPolicy } = await import("../daemon/documents.ts");
  let path = options.file;
  let timeMs = DOCUMENT_TIME_MS;
  let configPath: string | undefined;
  if (path === undefined || options.config !== undefined) {
    configPath = path === undefined ? needConfig(options.config) : findConfig(options.config);
  }
  if (configPath !== undefined) {
    const config = await readConfig(configPath);
    const { parseTime } = await import("../policy/units.ts");
    path ??= config.policy;
    timeMs = parseTime(config.documentTime) ?? timeMs;
  }
  if (path === undefined) throw new TypeError("no policy document");
  const { hash, revision, document, path: absolute } = await readPolicy(path, timeMs);
  if (options.json) {
    printJson({
      policy: absolute,
      hash,
      ...(revision === undefined ? {} : { revision }),
      ...(configPath === undefined ? {} : { config: configPath }),
    });
    return 0;
  }
  if (configPath !== undefined) printLine(visible(`${configPath}: checks`));
  const at = revision === undefined ? "" : `, revision ${revision}`;
  printLine(visible(`${absolute}: checks: ${contents(document)}; hash ${hash.slice(0, 16)}${at}`));
  return 0;
}

const check = command(
  "check",
  map(
    object({
      file: optional(argument(string({ metavar: "FILE" }), {
        description:
          message`Policy document; without it that of the configuration, which is checked, too`,
      })),
      config: configOption(),
      json: jsonOption(),
    }),
    (options): Task => () => runCheck(options),
  ),
  {
    brief: message`Read a policy document as the daemon does, and say what is wrong where`,
    description:
      message`The document is evaluated in a process with no permission at all and checked by the schema. Exit status: 0 when it
checks, 78 when it does not.`,
  },
);

/** `postern policy`. */
export const policy: Command = {
  name: "policy",
  brief: message`Check the policy document`,
  parser: command("policy", or(check, policyTest, policyReplay, policyBuild, policyKeygen), {
    brief: message`Check the policy document`,
  }),
};
