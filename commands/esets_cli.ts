/**
 * `postern esets-cli`: what programs expect that call ESET's command-line client (`esets_cli`, `esets_scan`): amavis, Haraka,
 * MailScanner and others. Options that say what is so here anyway are taken and have no effect.
 */
import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import type { InferValue } from "@optique/core/parser";
import { passThrough } from "@optique/core/primitives";
import { type Command, defineCommand } from "./command.ts";
import { complain, printLine, visible } from "./output.ts";
import { parse } from "./parse.ts";
import { scan } from "./scan.ts";
import { VERSION } from "./version.ts";

/** Haraka lets mail pass after 30 s without an answer: no scan takes so long. */
const MAX_TIME = "20s";

/** Options without a value that need no effect: everything is unpacked, searched and reported, and nothing is changed. */
const FLAGS = new Set([
  "--adv-heur",
  "--adware",
  "--all",
  "--arch",
  "--archives",
  "--boots",
  "--ext-all",
  "--files",
  "--heur",
  "--log-all",
  "--mail",
  "--mailbox",
  "--memory",
  "--no-log-all",
  "--no-quarantine",
  "--no-symlink",
  "--pattern",
  "--rtp",
  "--sfx",
  "--symlink",
  "--unsafe",
  "--unwanted",
]);
/** The same with a value, in the same word or in the next. */
const VALUED = new Set([
  "--action",
  "--action-on-infected",
  "--action-on-notscanned",
  "--action-on-uncleanable",
  "--arch-max-size",
  "--base-dir",
  "--clean-mode",
  "--ext",
  "--ext-exclude",
  "--log-file",
  "--max-archive-level",
  "--max-obj-size",
  "--scan-timeout",
]);

const grammar = object({ words: passThrough({ format: "greedy" }) });

/** `postern esets-cli`. */
export const esetsCli: Command = defineCommand(
  "esets-cli",
  {
    brief: message`Scan files as ESET's command-line client does, for programs that call it`,
    description:
      message`Also what runs where the program is called by the name esets_cli or esets_scan. Takes files, directories, --subdir
and the client's usual options. Exit status: 0 clean, 2 infected, 3 suspicious, 4 not scanned, 1 an error.`,
    footer: message`POSTERN_SOCKET or POSTERN_CONFIG say which daemon scans.`,
  },
  grammar,
  runEsetsCli,
);

/**
 * The command line of `postern scan` that the client's words mean; what has no effect is said.
 *
 * @returns `undefined` where the version was asked for.
 */
export function scanWords(words: readonly string[]): readonly string[] | undefined {
  const files: string[] = [];
  let subdir = false;
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    const [name = "", value] = word.startsWith("--") ? split(word) : [word];
    if (word === "--") {
      files.push(...words.slice(i + 1));
      break;
    } else if (name === "--subdir") subdir = true;
    else if (name === "--no-subdir") subdir = false;
    else if (VALUED.has(name)) i += value === undefined ? 1 : 0;
    else if (name === "--version" || word === "-v") return undefined;
    else if (word.startsWith("-") && word !== "-" && !FLAGS.has(name)) {
      complain(visible(`postern esets-cli: the option ${word} has no effect here`));
    } else if (!word.startsWith("-") || word === "-") files.push(word);
  }
  const how = ["--format", "esets", "--max-time", MAX_TIME, ...(subdir ? ["--subdir"] : [])];
  return ["scan", ...how, "--", ...files];
}

function split(word: string): [string, string?] {
  const equals = word.indexOf("=");
  return equals < 0 ? [word] : [word.slice(0, equals), word.slice(equals + 1)];
}

async function runEsetsCli({ words }: InferValue<typeof grammar>): Promise<number> {
  const line = scanWords(words);
  if (line === undefined) {
    printLine(`esets_cli (postern) ${VERSION}`);
    return 0;
  }
  const task = parse([scan], line);
  return typeof task === "number" ? task : await task();
}
