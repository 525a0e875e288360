/** Where the node's configuration document is when the command line does not say. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { PosternError } from "../errors.ts";

/** Looked for in the working directory, then in /etc/postern. */
const NAME = "postern.config.ts";

/** Places in the order in which they are looked at. */
function places(): string[] {
  const found = [resolve(NAME), join("/etc/postern", NAME)];
  // A checkout has an example that works as it is.
  if (!Deno.build.standalone && import.meta.dirname !== undefined) {
    found.push(join(import.meta.dirname, "..", "examples", NAME));
  }
  return found;
}

/**
 * @param named `--config`, when given.
 * @returns An absolute path; `undefined` when nothing is named and none of the places has one.
 * @throws {PosternError} `document/unreadable` when the named one does not exist.
 */
export function findConfig(named: string | undefined): string | undefined {
  const wanted = named ?? (Deno.env.get("POSTERN_CONFIG") || undefined);
  if (wanted === undefined) return places().find((path) => existsSync(path));
  const path = resolve(wanted);
  if (!existsSync(path)) {
    throw new PosternError("document/unreadable", `There is no configuration document ${path}`);
  }
  return path;
}

/**
 * Like {@link findConfig}, for commands that cannot do without.
 *
 * @throws {PosternError} `document/unreadable`, with the places that were looked at.
 */
export function needConfig(named: string | undefined): string {
  const path = findConfig(named);
  if (path !== undefined) return path;
  throw new PosternError(
    "document/unreadable",
    `No configuration document found; looked for ${
      places().join(", ")
    }. Name one with --config FILE`,
  );
}
