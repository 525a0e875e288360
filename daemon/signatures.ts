/** Directories of signature modules: read and checked. What writes them is in signature_build.ts. */
import { createHash } from "node:crypto";
import { join, resolve } from "node:path";
import { PosternError } from "../errors.ts";
import {
  MANIFEST_FILE,
  type ModuleManifest,
  parseManifest,
} from "../engine/detect/module_manifest.ts";
import type { ModuleFiles } from "../engine/scanner/module_files.ts";

/** A set of modules in a directory. */
export interface SignatureSet {
  /** Absolute. */
  readonly directory: string;
  readonly manifest: ModuleManifest;
  /** Of the manifest's contents: the same for the same set. */
  readonly id: string;
}

/**
 * The set of a directory, by its manifest; the modules themselves are read and checked by who uses them.
 *
 * @returns `undefined` where there is no manifest.
 * @throws {PosternError} `"module/damaged"`.
 */
export async function readSignatureSet(directory: string): Promise<SignatureSet | undefined> {
  const path = join(resolve(directory), MANIFEST_FILE);
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (cause) {
    const isNone = cause instanceof Deno.errors.NotFound ||
      cause instanceof Deno.errors.NotADirectory;
    if (isNone) return undefined;
    throw new PosternError("module/damaged", `Cannot read ${path}`, { cause });
  }
  const id = createHash("sha256").update(text).digest("hex");
  return { directory: resolve(directory), manifest: parseManifest(text), id };
}

/** Octets that are hashed at once. */
const PIECE_OCTETS = 1 << 20;

/**
 * Compares the hashes of the modules of a set, which need not fit into memory: once for all scanners.
 *
 * @throws {PosternError} `"module/damaged"`.
 */
export async function checkModuleFiles(set: SignatureSet | undefined): Promise<void> {
  if (!set) return;
  const { directory, manifest } = set;
  const piece = new Uint8Array(PIECE_OCTETS);
  for (const { file, sha256 } of manifest.modules) {
    const path = join(directory, file);
    using source = await Deno.open(path).catch((cause: unknown) => {
      throw new PosternError("module/damaged", `Cannot read the module ${path}`, { cause });
    });
    const hash = createHash("sha256");
    for (let read; (read = await source.read(piece)) !== null;) {
      hash.update(piece.subarray(0, read));
    }
    if (hash.digest("hex") !== sha256) throw wrongHash(path);
  }
}

function wrongHash(path: string): PosternError {
  return new PosternError("module/damaged", `The module ${path} is damaged: its hash is wrong`);
}

/** What scanners are told to load. */
export function moduleFiles(set: SignatureSet | undefined): ModuleFiles {
  if (!set) return { files: [], yara: false };
  const { directory, manifest } = set;
  const files = manifest.modules.map(({ file, octets }) => ({
    path: join(directory, file),
    octets,
  }));
  return { files, yara: manifest.modules.some(({ kind }) => kind === "yara") };
}

/**
 * Reads the modules of a set, and refuses damaged ones.
 *
 * @throws {PosternError} `"module/damaged"`.
 */
export async function readModuleFiles(
  { directory, manifest }: SignatureSet,
): Promise<readonly Uint8Array[]> {
  const files: Uint8Array[] = [];
  for (const { file, sha256 } of manifest.modules) {
    const path = join(directory, file);
    const octets = await Deno.readFile(path).catch((cause: unknown) => {
      throw new PosternError("module/damaged", `Cannot read the module ${path}`, { cause });
    });
    if (createHash("sha256").update(octets).digest("hex") !== sha256) {
      throw wrongHash(path);
    }
    files.push(octets);
  }
  return files;
}
