/** `postern import`: a classic configuration becomes the two documents. */
import { isAbsolute, join } from "node:path";
import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { optional, withDefault } from "@optique/core/modifiers";
import { argument, option } from "@optique/core/primitives";
import { string } from "@optique/core/valueparser";
import { PosternError } from "../errors.ts";
import { MAX_CFG_OCTETS, parseCfg } from "../setup/classic/cfg.ts";
import { type NamedCfg, specialFiles, translateClassic } from "../setup/classic/translate.ts";
import { configSource, policySource } from "../setup/classic/write.ts";
import { type Command, defineCommand, EXIT } from "./command.ts";
import { complain, printLine, visible } from "./output.ts";

/** Reads a classic file; old ones are in Latin-1, which comments and prefixes may show. */
async function readCfg(path: string): Promise<NamedCfg> {
  const octets = await Deno.readFile(path);
  if (octets.length > MAX_CFG_OCTETS) {
    throw new PosternError(
      "document/invalid",
      `${path} is larger than a configuration can be (${MAX_CFG_OCTETS} octets)`,
    );
  }
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(octets);
  } catch {
    text = new TextDecoder("latin1").decode(octets);
  }
  return { file: path.slice(path.lastIndexOf("/") + 1), cfg: parseCfg(text) };
}

async function writeDocument(path: string, text: string, force: boolean): Promise<void> {
  try {
    await Deno.writeTextFile(path, text, force ? {} : { createNew: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    throw new PosternError(
      "document/unreadable",
      `${path} is there already: --force overwrites it`,
    );
  }
}

/** `postern import`. */
export const importClassic: Command = defineCommand(
  "import",
  {
    brief: message`Write policy.ts and postern.config.ts from a classic esets.cfg`,
    description:
      message`Reads the classic configuration and its special files and writes both documents. What has no place in them stands
there as a comment with the reason. docs/classic.md has the table of parameters.`,
  },
  object({
    file: argument(string({ metavar: "ESETS.CFG" })),
    special: optional(option("--special", string({ metavar: "DIR" }), {
      description: message`Where the files that user_config names lie; default: beside ESETS.CFG`,
    })),
    out: withDefault(
      option("-o", "--out", string({ metavar: "DIR" }), {
        description: message`Where the documents are written`,
      }),
      ".",
    ),
    force: option("--force", { description: message`Overwrite documents that are there` }),
  }),
  async ({ file, special, out, force }) => {
    const main = await readCfg(file);
    const directory = special ?? join(file, "..");
    const files = new Map<string, NamedCfg | string>();
    for (const name of specialFiles(main.cfg)) {
      const path = isAbsolute(name) ? name : join(directory, name);
      try {
        files.set(name, await readCfg(path));
      } catch (error) {
        if (error instanceof PosternError) throw error;
        files.set(name, `${path} cannot be read: --special DIR says where it lies`);
        complain(`postern: import: ${visible(path)} cannot be read, its sections are left out`);
      }
    }
    const translation = translateClassic(main, files);
    await Deno.mkdir(out, { recursive: true });
    const policy = join(out, "policy.ts");
    const config = join(out, "postern.config.ts");
    if (!force) await refuseExisting(policy, config);
    await writeDocument(policy, policySource(translation, main.file), force);
    await writeDocument(config, configSource(translation, main.file), force);
    const { rules, lists } = translation.policy;
    printLine(`${policy}: ${rules.length} rules, ${Object.keys(lists).length} lists`);
    printLine(`${config}: ${translation.config.agents.length} agents`);
    const left = translation.leftovers.length;
    if (left > 0) {
      printLine(`${left} lines have no place and stand as comments at the documents' ends`);
    }
    return EXIT.ok;
  },
);

/** Looks at both before either is written, so that nothing is half done. */
async function refuseExisting(...paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    const there = await Deno.lstat(path).then(() => true, () => false);
    if (there) {
      throw new PosternError(
        "document/unreadable",
        `${path} is there already: --force overwrites it`,
      );
    }
  }
}
