/** Which git commit a document is of. */
import { basename, dirname } from "node:path";
import { systemTool } from "../confine.ts";

/** How long git may take, ms. */
const GIT_MS = 2000;

/**
 * The commit checked out where a file lies.
 *
 * @returns 40 hex digits, with `-dirty` where the file's directory has changes that are not committed; `undefined` where there
 * is no git or the file is not in it.
 */
export async function gitRevision(file: string): Promise<string | undefined> {
  const git = systemTool("git");
  if (!git) return undefined;
  const directory = dirname(file);
  // Git refuses what another user owns. Root's is as good as root's configuration; anybody else's stays refused.
  const trusted = (await Deno.stat(directory).catch(() => undefined))?.uid === 0;
  const run = (args: readonly string[]) =>
    ask(git, trusted ? ["-c", "safe.directory=*", ...args] : args);
  const known = await run([
    "-C",
    directory,
    "ls-files",
    "--error-unmatch",
    "--",
    basename(file),
  ]);
  if (known === undefined) return undefined;
  const [commit, changes] = await Promise.all([
    run(["-C", directory, "rev-parse", "--verify", "HEAD"]),
    run(["-C", directory, "status", "--porcelain", "--", "."]),
  ]);
  if (commit === undefined) return undefined;
  return changes === "" ? commit : `${commit}-dirty`;
}

/** Standard output of a command that went well. Nothing of the repository's own configuration is run. */
async function ask(git: string, args: readonly string[]): Promise<string | undefined> {
  try {
    const output = await new Deno.Command(git, {
      args: ["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", ...args],
      env: { GIT_OPTIONAL_LOCKS: "0", LC_ALL: "C" },
      stdin: "null",
      stdout: "piped",
      stderr: "null",
      signal: AbortSignal.timeout(GIT_MS),
    }).output();
    return output.success ? new TextDecoder().decode(output.stdout).trim() : undefined;
  } catch {
    return undefined;
  }
}
