/** Modules as the scanner reads them, before it gives up its permissions. */
import { createHash } from "node:crypto";
import { PosternError } from "../../errors.ts";

/** What a scanner is told to load: paths, each with the hash that the file must have. */
export interface ModuleFiles {
  readonly files: readonly { readonly path: string; readonly sha256: string }[];
}

/**
 * Reads modules, each by one read.
 *
 * @param text {@link ModuleFiles} in JSON, from the pool.
 * @throws {PosternError} `"module/damaged"`.
 */
export function readModules(text: string): readonly Uint8Array<ArrayBuffer>[] {
  const { files } = JSON.parse(text) as ModuleFiles;
  return files.map(({ path, sha256 }) => {
    const octets = readFile(path);
    if (createHash("sha256").update(octets).digest("hex") !== sha256) {
      throw new PosternError("module/damaged", `The module ${path} is damaged: its hash is wrong`);
    }
    return octets;
  });
}

function readFile(path: string): Uint8Array<ArrayBuffer> {
  try {
    return Deno.readFileSync(path);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new PosternError("module/damaged", `Cannot read the module ${path}: ${why}`, { cause });
  }
}
