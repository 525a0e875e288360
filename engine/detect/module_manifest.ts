/**
 * A set of modules in a directory: `modules.json` names the files of the set that is in force. Files are named by their hash and
 * never changed, so a set is switched by renaming this one file.
 */
import { PosternError } from "../../errors.ts";
import { MODULE_KINDS, type ModuleKind } from "./module_file.ts";

/** Name of the manifest in its directory. */
export const MANIFEST_FILE = "modules.json";

/** One module of a set. */
export interface ManifestModule {
  /** Name of its file, in the manifest's directory. */
  readonly file: string;
  readonly kind: ModuleKind;
  /** As its sources say it. */
  readonly version: string;
  /** Signatures in it. */
  readonly count: number;
  /** Size of the file. */
  readonly octets: number;
  /** SHA-256 of the file, lower-case hex. */
  readonly sha256: string;
}

/** A set of modules. */
export interface ModuleManifest {
  readonly format: 1;
  /** When it was built, ms since 1970. */
  readonly built: number;
  /** What is known of the date of its sources, ms since 1970; the age of signatures is counted from it. */
  readonly date: number;
  readonly modules: readonly ManifestModule[];
  /** Files of the set before, which scanners may still want. */
  readonly before: readonly string[];
}

const FILE = /^[a-z]+-[0-9a-f]{16}\.module$/;

/** Name of a module's file. */
export function moduleFileName(kind: ModuleKind, sha256: string): string {
  return `${kind}-${sha256.slice(0, 16)}.module`;
}

/**
 * Reads a manifest.
 *
 * @throws {PosternError} `"module/damaged"`.
 */
export function parseManifest(text: string): ModuleManifest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw damagedManifest("it is not JSON", cause);
  }
  const { format, built, date, modules, before } = fields(value);
  if (format !== 1) throw damagedManifest("it is of another version of Postern");
  return {
    format,
    built: whole(built),
    date: whole(date),
    modules: list(modules).map(readModule),
    before: list(before).map((file) => matched(file, FILE)),
  };
}

function readModule(value: unknown): ManifestModule {
  const { file, kind, version, count, octets, sha256 } = fields(value);
  const found = MODULE_KINDS.find((known) => known === kind);
  if (!found) throw damagedManifest("it names a kind of module that is not known");
  return {
    file: matched(file, FILE),
    kind: found,
    version: matched(version, /^[\x20-\x7e]{0,1000}$/),
    count: whole(count),
    octets: whole(octets),
    sha256: matched(sha256, /^[0-9a-f]{64}$/),
  };
}

function fields(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) throw damagedManifest("it is incomplete");
  return value as Readonly<Record<string, unknown>>;
}

function list(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw damagedManifest("it is incomplete");
  return value;
}

function whole(value: unknown): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw damagedManifest("it has a number that is none");
}

function matched(value: unknown, pattern: RegExp): string {
  if (typeof value === "string" && pattern.test(value)) return value;
  throw damagedManifest("it has a name that is none");
}

function damagedManifest(detail: string, cause?: unknown): PosternError {
  return new PosternError("module/damaged", `The manifest of the modules is damaged: ${detail}`, {
    cause,
  });
}
