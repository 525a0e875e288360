/** Which git commit a document is of. */
import { basename, dirname } from "node:path";
import { gitOutput } from "./git.ts";

/** How long git may take, ms. */
const GIT_MS = 2000;

/**
 * The commit checked out where a file lies.
 *
 * @returns 40 hex digits, with `-dirty` where the file's directory has changes that are not committed; `undefined` where there
 * is no git or the file is not in it.
 */
export async function gitRevision(file: string): Promise<string | undefined> {
  const directory = dirname(file);
  // Git refuses what another user owns. Root's is as good as root's configuration; anybody else's stays refused.
  const trusted = (await Deno.stat(directory).catch(() => undefined))?.uid === 0;
  const trust = trusted ? ["-c", "safe.directory=*"] : [];
  const run = async (args: readonly string[]) => {
    const octets = await gitOutput(directory, [...trust, ...args], GIT_MS);
    return octets && new TextDecoder().decode(octets).trim();
  };
  const known = await run(["ls-files", "--error-unmatch", "--", basename(file)]);
  if (known === undefined) return undefined;
  const [commit, changes] = await Promise.all([
    run(["rev-parse", "--verify", "HEAD"]),
    run(["status", "--porcelain", "--", "."]),
  ]);
  if (commit === undefined) return undefined;
  return changes === "" ? commit : `${commit}-dirty`;
}
