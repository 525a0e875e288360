/** Signature modules made from sources and written to directories. Apart from signatures.ts, since scans hardly ever need it. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { PosternError } from "../errors.ts";
import { comesFirst, isSource, ModuleBuild } from "../engine/detect/module_build.ts";
import {
  MANIFEST_FILE,
  type ManifestModule,
  moduleFileName,
  type ModuleManifest,
} from "../engine/detect/module_manifest.ts";
import type { SourceReport } from "../engine/detect/sources/lines.ts";
import { yaraUrl } from "../engine/detect/yara/load.ts";
import { readSignatureSet, type SignatureSet } from "./signatures.ts";

/** Sources that paths name: files, and the sources among the files of directories. */
export async function sourceFiles(paths: readonly string[]): Promise<readonly string[]> {
  const files: string[] = [];
  for (const path of paths) {
    const { isDirectory } = await Deno.stat(path);
    if (!isDirectory) {
      files.push(path);
      continue;
    }
    const names: string[] = [];
    for await (const entry of Deno.readDir(path)) {
      if (!entry.isDirectory && isSource(entry.name)) names.push(entry.name);
    }
    files.push(...names.sort().map((name) => join(path, name)));
  }
  return [...files.filter(comesFirst), ...files.filter((file) => !comesFirst(file))];
}

/** yara-x, for what builds and opens modules of YARA rules. */
export function readYara(): Promise<Uint8Array<ArrayBuffer>> {
  return Deno.readFile(yaraUrl());
}

/** What a build came to. */
export interface SignatureBuild {
  readonly set: SignatureSet;
  readonly reports: readonly SourceReport[];
}

/**
 * Builds a set from sources into a directory, and switches the directory to it.
 *
 * @param paths Files and directories of sources.
 * @throws {PosternError} `"module/source"` where a source cannot be used at all.
 */
export async function buildSignatures(
  paths: readonly string[],
  directory: string,
): Promise<SignatureBuild> {
  const files = await sourceFiles(paths);
  const hasRules = files.some((file) => /\.yara?$/i.test(file));
  const build = new ModuleBuild(hasRules ? await readYara() : undefined);
  const reports: SourceReport[] = [];
  for (const file of files) {
    const octets = await Deno.readFile(file).catch((cause: unknown) => {
      throw new PosternError("module/source", `Cannot read ${file}`, { cause });
    });
    reports.push(...build.add(file, octets));
  }
  const built = Date.now();
  const modules: ManifestModule[] = [];
  await Deno.mkdir(directory, { recursive: true });
  for (const { header, octets } of build.finish(built)) {
    const sha256 = createHash("sha256").update(octets).digest("hex");
    const file = moduleFileName(header.kind, sha256);
    await writeAside(join(directory, file), octets);
    const { kind, version, count } = header;
    modules.push({ file, kind, version, count, octets: octets.length, sha256 });
  }
  if (modules.length === 0) {
    throw new PosternError("module/source", "The sources hold no signature that can be used");
  }
  const before = await readSignatureSet(directory).catch(() => undefined);
  const manifest: ModuleManifest = {
    format: 1,
    built,
    date: build.date ?? built,
    modules,
    before: before?.manifest.modules.map(({ file }) => file) ?? [],
  };
  const text = new TextEncoder().encode(`${JSON.stringify(manifest, undefined, 2)}\n`);
  await writeAside(join(directory, MANIFEST_FILE), text);
  await removeOld(directory, manifest);
  const set = await readSignatureSet(directory);
  if (!set) throw new PosternError("module/damaged", `The manifest in ${directory} is gone`);
  return { set, reports };
}

/** Written whole before it has its name. Others than the owner may read it: scanners run as another user. */
async function writeAside(path: string, octets: Uint8Array): Promise<void> {
  const aside = `${path}.${crypto.randomUUID()}.part`;
  try {
    const file = await Deno.open(aside, { write: true, createNew: true, mode: 0o644 });
    try {
      for (let at = 0; at < octets.length;) at += await file.write(octets.subarray(at));
      await file.sync();
    } finally {
      file.close();
    }
    await Deno.rename(aside, path);
  } catch (error) {
    await Deno.remove(aside).catch(() => {});
    throw error;
  }
}

/** Modules of neither this set nor the one before. */
async function removeOld(directory: string, { modules, before }: ModuleManifest): Promise<void> {
  const wanted = new Set([...modules.map(({ file }) => file), ...before]);
  for await (const { name } of Deno.readDir(directory)) {
    if (name.endsWith(".module") && !wanted.has(name)) await Deno.remove(join(directory, name));
  }
}
