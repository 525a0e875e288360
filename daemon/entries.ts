/**
 * The one place that knows how Postern starts parts of itself: child processes and workers, from a checkout, from a bundle and
 * from the compiled binary.
 *
 * - **Checkout** (`deno run main.ts`): a part is its source file, started with the fewest flags that it can do its work with.
 * - **Bundle and binary**: a process is the program itself with a hidden sub-command (`postern __scanner …`), a worker is a
 *   bundle of its own that lies beside the main one.
 *
 * What makes the bundle has to write, into one directory, the main bundle (any name) and for each entry of {@link BUNDLES} a
 * self-contained ES module `KEY.js` made from the file it names (`deno bundle`). What
 * compiles has to `--include` each of these, with `--no-config -A --unstable-worker-options --unstable-kv --unstable-net`. The
 * main program has to call {@link runHidden} before it looks at its arguments in any other way.
 */

/** Bundles beside the main one, by the name of their file without `.js`; each source is relative to the repository. */
export const BUNDLES = {
  scanner: "engine/scanner/entry.ts",
  scan_worker: "engine/scanner/worker.ts",
  document: "daemon/documents/entry.ts",
  document_worker: "daemon/documents/worker.ts",
  agent_worker: "agents/worker.ts",
  engine_worker: "daemon/engines/worker.ts",
  arc_worker: "daemon/arc/worker.ts",
} as const;

/** Processes that Postern starts of itself. */
export const PROCESSES = ["scanner", "document", "daemon"] as const;
/** One of {@link PROCESSES}. */
export type ProcessName = (typeof PROCESSES)[number];

/** Sources of processes in a checkout. */
const PROCESS_SOURCES = {
  scanner: BUNDLES.scanner,
  document: BUNDLES.document,
  daemon: "main.ts",
} as const satisfies Record<ProcessName, string>;

/**
 * V8's flag for a small nursery, MiB a thread's half: sixteen, the default, cost the daemon 80 MB under load and gain hardly any
 * time. `bin/postern` and the compiled binary have it, too.
 */
export const NURSERY = "--max-semi-space-size=4";

/**
 * Environment of Postern's processes: one arena of the C library's allocator. With one for each thread, as it has them by
 * default, a process keeps 5 to 40 MB more, and is no faster. `bin/postern` and the service unit set it, too.
 */
export const ALLOCATOR: Readonly<Record<string, string>> = { MALLOC_ARENA_MAX: "1" };

/** Prefix of the hidden sub-commands. */
const HIDDEN = "__";
/** `postern daemon` in a process that root has given up to: what root read comes on standard input (see handover.ts). */
export const DAEMON_AGAIN = "__daemon";

/** Whether this runs from the source tree, and not from a bundle or the binary. */
export const FROM_SOURCE: boolean = import.meta.url.endsWith("/daemon/entries.ts");

/** Directory of the program: the repository, or where the bundles lie. Ends with `/`. */
export const PROGRAM: URL = FROM_SOURCE
  ? new URL("../", import.meta.url)
  : new URL("./", import.meta.url);

/** Module of a worker, to be given to `new Worker`. */
export function workerUrl(
  name: "scan_worker" | "agent_worker" | "document_worker" | "engine_worker" | "arc_worker",
): URL {
  return FROM_SOURCE ? new URL(BUNDLES[name], PROGRAM) : new URL(`${name}.js`, PROGRAM);
}

/**
 * Program and arguments of a child process.
 *
 * @param name The part.
 * @param flags Flags of `deno run` that give what the part needs; not used by the binary, whose permissions are compiled in.
 * @param args The part's own arguments.
 */
export function processCommand(
  name: ProcessName,
  flags: readonly string[],
  args: readonly string[],
): readonly [string, ...string[]] {
  const program = Deno.execPath();
  if (Deno.build.standalone) return [program, HIDDEN + name, ...args];
  const run = ["run", "--quiet", "--no-prompt", "--cached-only", ...flags];
  if (FROM_SOURCE) {
    const hidden = name === "daemon" ? [DAEMON_AGAIN] : [];
    return [program, ...run, new URL(PROCESS_SOURCES[name], PROGRAM).pathname, ...hidden, ...args];
  }
  const unstable = ["--no-config", "--unstable-worker-options", "--unstable-kv", "--unstable-net"];
  // Its own bundle and not the main one: the runtime takes 40 MB to take that apart, and keeps them.
  const part = name === "daemon"
    ? [new URL(import.meta.url).pathname, DAEMON_AGAIN]
    : [new URL(`${name}.js`, PROGRAM).pathname];
  return [program, ...run, ...unstable, ...part, ...args];
}

/** Files and directories that whoever runs a part of Postern has to be able to read. */
export function programFiles(): readonly string[] {
  if (Deno.build.standalone) return [Deno.execPath()];
  const home = Deno.env.get("HOME");
  const cache = Deno.env.get("DENO_DIR") ??
    (home === undefined ? undefined : `${Deno.env.get("XDG_CACHE_HOME") ?? `${home}/.cache`}/deno`);
  // Only a checkout loads modules from the cache; a bundle is whole.
  const modules = FROM_SOURCE && cache !== undefined && isThere(cache) ? [cache] : [];
  return [Deno.execPath(), PROGRAM.pathname, ...modules];
}

function isThere(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

/**
 * Runs a hidden sub-command of a bundle or the binary. Call it first thing in the program.
 *
 * @param args Arguments of the program.
 * @returns the exit status; `undefined` where the arguments are none of ours.
 */
export async function runHidden(args: readonly string[]): Promise<number | undefined> {
  const name = PROCESSES.find((process) => args[0] === HIDDEN + process);
  if (name === undefined || name === "daemon") return undefined; // the daemon has arguments of its own
  // A computed specifier, so that these stay out of the main bundle and cost nothing at its start.
  const file = FROM_SOURCE ? BUNDLES[name] : `${name}.js`;
  await import(new URL(file, PROGRAM).href);
  return 0;
}
