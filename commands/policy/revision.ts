/** A policy as git has it: `HEAD~1`, `main:mail/policy.ts`. Its files are put into a directory of their own to be evaluated there. */
import { basename, dirname, join, posix, resolve } from "node:path";
import { type ReadPolicy, readPolicy } from "../../daemon/documents.ts";
import { gitOutput } from "../../daemon/documents/git.ts";
import { PosternError } from "../../errors.ts";

/** How long one git command may take, ms. */
const GIT_MS = 30_000;
/** Most files of a directory that are taken out of git. */
const MAX_FILES = 2000;
/** Most octets of them together. */
const MAX_OCTETS = 256 << 20;
/** What files of a document may be named. */
const MODULE_NAME = /\.(?:m?ts|m?js|json)$/;

/** A place in git. */
export interface RevisionPlace {
  /** As given: a branch, tag, hash, `HEAD~1`. */
  readonly revision: string;
  /** From the root of the repository, with `/`. */
  readonly path: string;
  /** Directory in which git is asked. */
  readonly directory: string;
}

/**
 * Finds what a text names in git.
 *
 * @param text `REV:PATH` (the path from the repository's root, or `./PATH` from here), or `REV` alone.
 * @param document The document that `REV` alone means.
 * @returns `undefined` where there is no such revision.
 */
export async function findRevision(
  text: string,
  document: string,
): Promise<RevisionPlace | undefined> {
  if (text.startsWith("-")) return undefined;
  const colon = text.indexOf(":");
  const revision = colon < 0 ? text : text.slice(0, colon);
  const named = colon < 0 ? undefined : text.slice(colon + 1);
  if (revision === "" || named === "") return undefined;
  const directory = named === undefined ? dirname(resolve(document)) : Deno.cwd();
  const commit = await git(directory, "rev-parse", "--verify", "--quiet", `${revision}^{commit}`);
  if (commit === undefined) return undefined;
  const here = (await git(directory, "rev-parse", "--show-prefix") ?? "").replace(/\n$/, "");
  const path = named === undefined
    ? here + basename(document)
    : /^\.\.?\//.test(named)
    ? here + named
    : named;
  return { revision, path: posix.normalize(path), directory };
}

/**
 * Reads a policy of a revision.
 *
 * @param timeMs How long it may take to evaluate, ms.
 * @throws {PosternError} `document/unreadable` where the revision has no such file; what reading a policy throws, with
 * `REV:PATH` for the names of files.
 */
export async function readRevision(place: RevisionPlace, timeMs: number): Promise<ReadPolicy> {
  const { revision, path, directory } = place;
  const name = `${revision}:${path}`;
  const below = dirname(path) === "." ? "" : `${dirname(path)}/`;
  const aside = await Deno.makeTempDir({ prefix: "postern-revision-" });
  try {
    const commit = (await git(directory, "rev-parse", "--verify", `${revision}^{commit}`))?.trim();
    const files = await listFiles(directory, revision, below);
    if (!files.has(path)) {
      throw new PosternError("document/unreadable", `Cannot read ${name}: there is no such file`);
    }
    await checkOut(directory, files, below, aside);
    const policy = await readPolicy(join(aside, basename(path)), timeMs);
    return { ...policy, path: name, ...(commit === undefined ? {} : { revision: commit }) };
  } catch (error) {
    if (!(error instanceof PosternError)) throw error;
    const message = error.message.replaceAll(`${aside}/`, `${revision}:${below}`);
    throw new PosternError(error.code, message, { cause: error.cause });
  } finally {
    await Deno.remove(aside, { recursive: true });
  }
}

/** Blobs of a directory and those below it that a document may import, by path. */
async function listFiles(
  directory: string,
  revision: string,
  below: string,
): Promise<ReadonlyMap<string, string>> {
  const listed = await git(
    directory,
    ...["ls-tree", "-r", "-z", "--full-tree", `${revision}^{commit}`],
    ...(below === "" ? [] : ["--", below]),
  );
  const files = new Map<string, string>();
  for (const line of (listed ?? "").split("\0")) {
    // Links (120000) and submodules (160000) are no files of a document.
    const [, blob, path] = /^100(?:644|755) blob ([0-9a-f]+)\t(.+)$/s.exec(line) ?? [];
    if (blob === undefined || path === undefined || !MODULE_NAME.test(path)) continue;
    if (files.size >= MAX_FILES) {
      throw new PosternError(
        "document/unreadable",
        `${revision}:${
          below || "."
        } has more than ${MAX_FILES} modules: keep the policy in a directory of its own`,
      );
    }
    files.set(path, blob);
  }
  return files;
}

async function checkOut(
  directory: string,
  files: ReadonlyMap<string, string>,
  below: string,
  into: string,
): Promise<void> {
  let octets = 0;
  for (const [path, blob] of files) {
    const text = await gitOutput(directory, ["cat-file", "blob", blob], GIT_MS);
    if (text === undefined) {
      throw new PosternError("document/unreadable", `Cannot read ${path} from git`);
    }
    octets += text.length;
    if (octets > MAX_OCTETS) {
      throw new PosternError(
        "document/unreadable",
        `The modules beside ${path} have more than ${MAX_OCTETS} octets`,
      );
    }
    const file = join(into, path.slice(below.length));
    await Deno.mkdir(dirname(file), { recursive: true });
    await Deno.writeFile(file, text);
  }
}

async function git(directory: string, ...args: readonly string[]): Promise<string | undefined> {
  const octets = await gitOutput(directory, args, GIT_MS);
  return octets === undefined ? undefined : new TextDecoder().decode(octets);
}
