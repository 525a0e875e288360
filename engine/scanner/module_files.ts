/** Modules as the scanner gets them, before it gives up its permissions. */
import { PosternError } from "../../errors.ts";
import { yaraUrl } from "../detect/yara/load.ts";
import { type LoadedFile, mapFile } from "./mapped_file.ts";

/** What a scanner is told to load. The pool has compared the hashes of these files, once for all scanners. */
export interface ModuleFiles {
  readonly files: readonly { readonly path: string; readonly octets: number }[];
  /** One of them is of YARA rules. */
  readonly yara: boolean;
}

/** What {@link loadModules} found. */
export interface LoadedModules {
  readonly modules: readonly LoadedFile[];
  /** yara-x, where it is needed. */
  readonly yara?: Uint8Array<ArrayBuffer>;
}

/**
 * Maps or reads modules.
 *
 * @param text {@link ModuleFiles} in JSON, from the pool.
 * @param library Path of the C library, to map files with; empty: they are read.
 * @throws {PosternError} `"module/damaged"` where one is not there, or has another size.
 */
export function loadModules(text: string, library: string): LoadedModules {
  const { files, yara } = JSON.parse(text) as ModuleFiles;
  const modules = files.map(({ path, octets }) => {
    checkSize(path, octets);
    return mapFile(library, path, octets) ?? readFile(path);
  });
  return { modules, ...(yara ? { yara: Deno.readFileSync(yaraUrl()) } : {}) };
}

function checkSize(path: string, octets: number): void {
  let size: number;
  try {
    size = Deno.statSync(path).size;
  } catch (cause) {
    throw unreadable(path, cause);
  }
  if (size === octets) return;
  throw new PosternError(
    "module/damaged",
    `The module ${path} is damaged: it has ${size} octets, not ${octets}`,
  );
}

function readFile(path: string): Uint8Array<ArrayBuffer> {
  try {
    return Deno.readFileSync(path);
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

function unreadable(path: string, cause: unknown): PosternError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new PosternError("module/damaged", `Cannot read the module ${path}: ${why}`, { cause });
}
