/** `postern modules`: signature modules, built from sources, listed, checked. */
import { object, or } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { map, multiple, optional } from "@optique/core/modifiers";
import { argument, command, option } from "@optique/core/primitives";
import { string } from "@optique/core/valueparser";
import { PosternError } from "../errors.ts";
import type { SourceReport } from "../engine/detect/sources/lines.ts";
import type { SignatureSet } from "../daemon/signatures.ts";
import { type Command, configOption, EXIT, jsonOption, type Task } from "./command.ts";
import { needConfig } from "./find_config.ts";
import { print, printJson, printLine, showSize, showTime, table, visible } from "./output.ts";

/** The set as people read it. */
function printSet({ directory, manifest }: SignatureSet): void {
  const { modules, built, date } = manifest;
  const total = modules.reduce((sum, { count }) => sum + count, 0);
  printLine(visible(`${directory}: ${total.toLocaleString("en")} signatures`));
  printLine(`built ${showTime(built)}, sources of ${showTime(date)}`);
  print(
    table(
      ["kind", ">signatures", ">size", "sha256", "version"],
      modules.map(({ kind, count, octets, sha256, version }) => [
        kind,
        count.toLocaleString("en"),
        showSize(octets),
        sha256.slice(0, 16),
        version,
      ]),
    ),
  );
}

function setJson({ directory, id, manifest }: SignatureSet) {
  const { built, date, modules } = manifest;
  return { directory, id, built, date, modules };
}

/** What of the sources is not used, by reason: nothing is passed over in silence. */
function printReports(reports: readonly SourceReport[]): void {
  for (const { file, used, unused } of reports) {
    printLine(visible(`${file}: ${used.toLocaleString("en")} used`));
    for (const { why, count, lines } of unused) {
      const more = count > lines.length ? ", ..." : "";
      const where = lines.length > 0 ? ` (line ${lines.join(", ")}${more})` : "";
      printLine(visible(`  ${count.toLocaleString("en")} not used: ${why}${where}`));
    }
  }
}

async function runBuild(
  { sources, output, json }: { sources: readonly string[]; output: string; json: boolean },
): Promise<number> {
  if (sources.length === 0) throw new PosternError("command/usage", "Name the sources to build");
  const { buildSignatures } = await import("../daemon/signature_build.ts");
  const { set, reports } = await buildSignatures(sources, output);
  if (json) printJson({ ...setJson(set), sources: reports });
  else {
    printReports(reports);
    printLine();
    printSet(set);
  }
  return EXIT.ok;
}

async function directoryOf(
  { directory, config }: { directory?: string | undefined; config?: string | undefined },
): Promise<string> {
  if (directory !== undefined) return directory;
  const { readConfig } = await import("../daemon/documents.ts");
  return (await readConfig(needConfig(config))).signatures;
}

async function readSet(directory: string): Promise<SignatureSet> {
  const { readSignatureSet } = await import("../daemon/signatures.ts");
  const set = await readSignatureSet(directory);
  if (set) return set;
  throw new PosternError("module/source", `There are no signature modules in ${directory}`);
}

interface SetOptions {
  readonly directory?: string | undefined;
  readonly config?: string | undefined;
  readonly json: boolean;
}

async function runList(options: SetOptions): Promise<number> {
  const set = await readSet(await directoryOf(options));
  if (options.json) printJson(setJson(set));
  else printSet(set);
  return EXIT.ok;
}

async function runCheck(options: SetOptions): Promise<number> {
  const set = await readSet(await directoryOf(options));
  const [{ readModuleFiles }, { readYara }] = await Promise.all([
    import("../daemon/signatures.ts"),
    import("../daemon/signature_build.ts"),
  ]);
  const { openModules } = await import("../engine/detect/modules.ts");
  const started = performance.now();
  const hasRules = set.manifest.modules.some(({ kind }) => kind === "yara");
  openModules(await readModuleFiles(set), hasRules ? await readYara() : undefined);
  const ms = performance.now() - started;
  if (options.json) printJson({ ...setJson(set), loadMs: ms });
  else {
    printSet(set);
    printLine(`whole, and each finds its own sample; loaded in ${Math.ceil(ms)} ms`);
  }
  return EXIT.ok;
}

const build = command(
  "build",
  map(
    object({
      sources: multiple(argument(string({ metavar: "SOURCE" }), {
        description:
          message`A file, or a directory of them: .hdb .hsb .mdb .msb .fp .sfp .ndb .ldb .cdb .ign2, .cvd .cld .cud, .yar, lists of hashes`,
      })),
      output: option("-o", "--output", string({ metavar: "DIR" }), {
        description: message`Directory of the modules; made if missing`,
      }),
      json: jsonOption(),
    }),
    (options): Task => () => runBuild(options),
  ),
  {
    brief: message`Build modules from sources, and switch a directory to them`,
    description:
      message`Says of each source what is used, and of what is not, why, by line. Scanners use the new set after postern reload.`,
  },
);

const setOptions = () =>
  object({
    directory: optional(argument(string({ metavar: "DIR" }), {
      description: message`Directory of the modules; without it that of the configuration`,
    })),
    config: configOption(),
    json: jsonOption(),
  });

const list = command(
  "list",
  map(setOptions(), (options): Task => () => runList(options)),
  { brief: message`Show the modules of a directory` },
);

const check = command(
  "check",
  map(setOptions(), (options): Task => () => runCheck(options)),
  { brief: message`Load the modules of a directory as scanners do` },
);

/** `postern modules`. */
export const modules: Command = {
  name: "modules",
  brief: message`Build and check signature modules`,
  parser: command("modules", or(build, list, check), {
    brief: message`Build and check signature modules`,
  }),
};
