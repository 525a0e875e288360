/** `postern scan`: files, directories, lists and stdin, several at once, results in the order given. */
import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { multiple, optional, withDefault } from "@optique/core/modifiers";
import type { InferValue } from "@optique/core/parser";
import { argument, option } from "@optique/core/primitives";
import { choice, integer, string } from "@optique/core/valueparser";
import type { ScanSettings } from "../engine/types.ts";
import { type Command, configOption, defineCommand, socketOption } from "./command.ts";
import { complain, print, visible } from "./output.ts";
import { describe } from "./failure.ts";
import { giveUpAllBut } from "./give_up.ts";
import type { Backend } from "./scanning/backend.ts";
import { FORMATTERS, SCAN_FORMATS } from "./scanning/formats.ts";
import { inOrder } from "./scanning/in_order.ts";
import { readSource } from "./scanning/read.ts";
import { type FileResult, fileResult, notScannedResult, Tally } from "./scanning/result.ts";
import { type Source, sources } from "./scanning/sources.ts";
import { sizeValue, timeValue } from "./values.ts";

const what = object("What to scan", {
  files: multiple(argument(string({ metavar: "FILE" }), {
    description: message`A file, a directory (the files directly in it), or - for stdin`,
  })),
  subdir: option("--subdir", {
    description: message`Enter the directories inside directories, too`,
  }),
  filesFrom: optional(option("--files-from", string({ metavar: "LIST" }), {
    description: message`Scan the files named in LIST, one a line; - for stdin`,
  })),
  byNul: option("-0", "--null", { description: message`Names in LIST end with NUL` }),
  mode: withDefault(
    option("--as", choice(["auto", "mail", "file"]), {
      description:
        message`Read each as a message, as a plain file, or (auto) as both where it reads as mail`,
    }),
    "auto",
  ),
});

const output = object("Output", {
  format: withDefault(
    option("--format", choice(SCAN_FORMATS), {
      description:
        message`json prints one object a line; esets and clamscan print what programs expect that were written
for these scanners`,
    }),
    "text",
  ),
  explain: option("--explain", {
    description:
      message`Print all that was seen in each file: parts, readings, findings, ambiguities, cost, limits`,
  }),
  infectedOnly: option("--infected-only", {
    description: message`Print nothing for clean files`,
  }),
  zeroWhenFound: option("--zero-when-found", {
    description:
      message`Exit status 0 instead of 2 and 3, for callers that read the output and take any other status for a failure`,
  }),
  noSpam: option("--no-spam", { description: message`Leave out spam checks` }),
  spamThreshold: withDefault(
    option("--spam-threshold", integer({ metavar: "POINTS" }), {
      description: message`Score from which mail is spam`,
    }),
    5,
  ),
});

const limits = object("Limits (what is over one is not scanned, which is never clean)", {
  maxSize: withDefault(
    option("--max-size", sizeValue(), { description: message`Largest file` }),
    100 * 1024 ** 2,
  ),
  maxUnpacked: withDefault(
    option("--max-unpacked", sizeValue(), {
      description: message`Most octets unpacked from one file, all levels together`,
    }),
    100 * 1024 ** 2,
  ),
  maxFiles: withDefault(
    option("--max-files", integer({ metavar: "COUNT", min: 1 }), {
      description: message`Most parts and archive entries in one file`,
    }),
    10_000,
  ),
  maxDepth: withDefault(
    option("--max-depth", integer({ metavar: "COUNT", min: 1 }), {
      description: message`Deepest nesting`,
    }),
    10,
  ),
  maxRatio: withDefault(
    option("--max-ratio", integer({ metavar: "FACTOR", min: 1 }), {
      description: message`Largest ratio of unpacked to packed size, past 1 MB`,
    }),
    250,
  ),
  maxTime: withDefault(
    option("--max-time", timeValue(), {
      description: message`Longest scan of one file, and longest wait for one that is a pipe`,
    }),
    30_000,
  ),
});

const by = object("Who scans", {
  config: configOption(),
  socket: socketOption(),
  standalone: option("--standalone", {
    description: message`Scan without a daemon, with scanner processes of this command's own`,
  }),
  signatures: multiple(option("--signatures", string({ metavar: "FILE" }), {
    description:
      message`With --standalone: signatures to look for, a source (.hdb, .ndb, .ldb, .cvd, ...) or a directory of modules;
several times for several`,
  })),
  jobs: withDefault(
    option("-j", "--jobs", integer({ metavar: "COUNT", min: 1, max: 256 }), {
      description: message`Files scanned at once`,
    }),
    navigator.hardwareConcurrency,
  ),
});

const grammar = merge(what, output, limits, by);
type Options = InferValue<typeof grammar>;

/** `postern scan`. */
export const scan: Command = defineCommand(
  "scan",
  {
    brief: message`Scan files, directories or stdin`,
    description:
      message`Scans each file with the engine that scans the mail. Exit status: 0 all clean, 2 infected,
3 suspicious or spam, 4 not scanned, 1 wrong usage or an internal error; with several files the first of 2, 3, 4 that any has.`,
    footer:
      message`A file that cannot be read counts as not scanned. Links inside directories are not followed.`,
  },
  grammar,
  runScan,
);

/** A scanner process takes time to start: no more of them than there may be files. */
function processes({ files, filesFrom, jobs }: Options): number {
  const many = filesFrom !== undefined || files.some((file) => file !== "-" && isDirectory(file));
  return many ? jobs : Math.min(jobs, files.length);
}

function isDirectory(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

async function backend(options: Options): Promise<Backend> {
  const { daemonBackend, standaloneBackend } = await import("./scanning/backend.ts");
  if (options.standalone) return await standaloneBackend(processes(options), options.signatures);
  const { connectDaemon } = await import("./connect.ts");
  const client = await connectDaemon(options, "tools");
  giveUpAllBut("read");
  return daemonBackend(client);
}

function settings(options: Options): ScanSettings {
  return {
    mode: options.mode,
    antivirus: true,
    // The other two formats are an antivirus scanner's and have no word for spam.
    antispam: !options.noSpam && (options.format === "text" || options.format === "json"),
    limits: {
      messageOctets: options.maxSize,
      depth: options.maxDepth,
      files: options.maxFiles,
      octets: options.maxUnpacked,
      ratio: options.maxRatio,
      timeMs: options.maxTime,
    },
  };
}

/** What is printed of one file, in the format that was asked for or in its stead. */
interface ScannedFile {
  readonly result: FileResult;
  readonly explanation?: string;
}

async function scanOne(
  source: Source,
  scanner: Backend,
  wanted: ScanSettings,
  { spamThreshold, explain: explaining }: Options,
): Promise<ScannedFile> {
  const started = performance.now();
  const ms = () => performance.now() - started;
  let octets: Uint8Array | undefined;
  try {
    if (source.error !== undefined) throw source.error;
    const { messageOctets, timeMs } = wanted.limits;
    octets = await readSource(source.path, messageOctets, timeMs);
  } catch (error) {
    complain(visible(`postern: cannot read ${source.file}: ${describe(error)}`));
    return { result: notScannedResult(source.file, "unreadable", ms()) };
  }
  if (octets === undefined) return { result: notScannedResult(source.file, "size", ms()) };
  const verdict = await scanner.scan(octets, wanted);
  const result = fileResult(source.file, verdict, spamThreshold, ms());
  if (!explaining) return { result };
  const { explain } = await import("./scanning/explain.ts");
  return { result, explanation: explain(source.file, verdict, wanted.limits) };
}

async function runScan(options: Options): Promise<number> {
  if (options.files.length === 0 && options.filesFrom === undefined) {
    complain("postern scan: nothing to scan: name files, directories, - or --files-from LIST");
    return 1;
  }
  if (options.filesFrom === "-" && options.files.includes("-")) {
    complain("postern scan: stdin cannot be both a file to scan and the list of files");
    return 1;
  }
  if (options.signatures.length > 0 && !options.standalone) {
    complain("postern scan: --signatures is for --standalone: a daemon has signatures of its own");
    return 1;
  }
  if (options.explain && options.format !== "text") {
    complain("postern scan: --explain is for people: it goes with --format text only");
    return 1;
  }
  const started = performance.now();
  const formatter = FORMATTERS[options.format];
  const wanted = settings(options);
  const scanner = await backend(options);
  const tally = new Tally();
  try {
    const results = inOrder(
      sources({ ...options, names: options.files }),
      options.jobs,
      (source) => scanOne(source, scanner, wanted, options),
    );
    for await (const { result, explanation } of results) {
      tally.add(result);
      if (options.infectedOnly && result.status === "clean") continue;
      print(explanation ?? formatter.file(result));
    }
  } finally {
    await scanner.close();
  }
  print(formatter.end(tally, performance.now() - started));
  const found = tally.exitStatus === 2 || tally.exitStatus === 3;
  return found && options.zeroWhenFound ? 0 : tally.exitStatus;
}
