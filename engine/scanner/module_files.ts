/** Modules as the scanner reads them, before it gives up its permissions. */
import { createHash } from "node:crypto";
import { PosternError } from "../../errors.ts";
import { yaraUrl } from "../detect/yara/load.ts";

/** What a scanner is told to load: paths, each with the hash that the file must have. */
export interface ModuleFiles {
  readonly files: readonly { readonly path: string; readonly sha256: string }[];
  /** One of them is of YARA rules. */
  readonly yara: boolean;
}

/** What {@link readModules} read. */
export interface ReadModules {
  /** Whole files. */
  readonly modules: readonly Uint8Array<ArrayBuffer>[];
  /** yara-x, where it is needed. */
  readonly yara?: Uint8Array<ArrayBuffer>;
}

/**
 * Reads modules, each by one read.
 *
 * @param text {@link ModuleFiles} in JSON, from the pool.
 * @throws {PosternError} `"module/damaged"`.
 */
export function readModules(text: string): ReadModules {
  const { files, yara } = JSON.parse(text) as ModuleFiles;
  const modules = files.map(({ path, sha256 }) => {
    const octets = readFile(path);
    if (createHash("sha256").update(octets).digest("hex") !== sha256) {
      throw new PosternError("module/damaged", `The module ${path} is damaged: its hash is wrong`);
    }
    return octets;
  });
  return { modules, ...(yara ? { yara: Deno.readFileSync(yaraUrl()) } : {}) };
}

function readFile(path: string): Uint8Array<ArrayBuffer> {
  try {
    return Deno.readFileSync(path);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new PosternError("module/damaged", `Cannot read the module ${path}: ${why}`, { cause });
  }
}
