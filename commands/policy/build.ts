/** `postern policy build`: the compiled policy in one file. */
import { rename } from "node:fs/promises";
import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { map, multiple, optional } from "@optique/core/modifiers";
import { argument, command, option } from "@optique/core/primitives";
import { string } from "@optique/core/valueparser";
import { PosternError } from "../../errors.ts";
import { writeBundle } from "../../policy/bundle.ts";
import { configOption, EXIT, jsonOption, type Task } from "../command.ts";
import { print, printJson, printLine, visible } from "../output.ts";
import { policyOf } from "./document.ts";

interface Options {
  readonly file: string | undefined;
  readonly out: string | undefined;
  readonly sign: readonly string[];
  readonly config: string | undefined;
  readonly json: boolean;
}

async function run(options: Options): Promise<number> {
  const policy = await policyOf(options.file, options.config);
  const keys = await Promise.all(options.sign.map(async (path) => {
    try {
      return await Deno.readTextFile(path);
    } catch (cause) {
      throw new PosternError("policy/bundle", `Cannot read the signing key ${path}`, { cause });
    }
  }));
  const text = await writeBundle({
    tree: policy.tree,
    document: policy.document,
    path: policy.path,
    ...(policy.revision === undefined ? {} : { revision: policy.revision }),
    built: Date.now(),
  }, keys);
  const out = options.out ?? `${policy.path.replace(/\.(?:ts|js|mjs)$/, "")}.bundle.json`;
  if (out === "-") {
    print(text);
    return EXIT.ok;
  }
  const aside = `${out}.${Deno.pid}.tmp`;
  await Deno.writeTextFile(aside, text);
  await rename(aside, out);
  const facts = { bundle: out, octets: text.length, hash: policy.hash, signatures: keys.length };
  if (options.json) printJson(facts);
  else {
    const signed = keys.length === 0
      ? "not signed"
      : `${keys.length} signed`.replace("1 signed", "signed");
    printLine(
      visible(`${out}: ${text.length} octets, policy ${policy.hash.slice(0, 16)}, ${signed}`),
    );
  }
  return EXIT.ok;
}

/** `postern policy build`. */
export const policyBuild = command(
  "build",
  map(
    object({
      file: optional(argument(string({ metavar: "FILE" }), {
        description: message`Policy document; without it that of the configuration`,
      })),
      out: optional(option("-o", "--out", string({ metavar: "FILE" }), {
        description: message`The bundle, - for stdout; default: beside the document, .bundle.json`,
      })),
      sign: multiple(option("--sign", string({ metavar: "KEY" }), {
        description:
          message`Sign with this private key (policy keygen); may be given more than once`,
      })),
      config: configOption(),
      json: jsonOption(),
    }),
    (options): Task => () => run(options),
  ),
  {
    brief: message`Compile a policy into one file for nodes and fleets, and sign it`,
    description:
      message`A node takes the bundle as its policy: policy: "./policy.bundle.json". Where the node's configuration names a
policyKey, it takes nothing that this key did not sign.`,
  },
);
