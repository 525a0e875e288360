/**
 * Files that a client names by their paths. Only what lies below the configured directories once every link is followed is read:
 * the worker may read nothing else either, so that a mistake here would meet the runtime's own refusal.
 */
import { normalize } from "node:path/posix";
import { PosternError } from "../../errors.ts";
import type { Reservation } from "../session_books.ts";
import { FILE_READ_OCTETS, MAX_DIRECTORY_ENTRIES } from "./limits.ts";

/** Why a path is not scanned, in clamd's words. */
export class PathRefusal extends Error {
  override readonly name = "PathRefusal";
}

const NO_ACCESS = "Access denied.";

/** What a path is. */
export type PathKind = "file" | "directory" | "other";

/** A file or directory below the directories. */
export interface Place {
  /** With every link followed. */
  readonly real: string;
  readonly kind: PathKind;
}

/** The directories of the configuration. */
export interface Directories {
  /** As they are named. */
  readonly named: readonly string[];
  /** With every link followed; those that are not there are left out. */
  readonly real: readonly string[];
}

/** Follows the links in the directories' own names. */
export async function realDirectories(named: readonly string[]): Promise<Directories> {
  const real: string[] = [];
  for (const directory of named) {
    try {
      real.push(await Deno.realPath(directory));
    } catch (error) {
      if (!isRefusal(error)) throw error;
    }
  }
  return { named: named.map((each) => normalize(each).replace(/(?<=.)\/+$/, "")), real };
}

/**
 * Looks where a path leads.
 *
 * @param directories From {@link realDirectories}.
 * @throws {PathRefusal} where it leads nowhere or out of the directories; of what lies outside it says nothing else.
 */
export async function findPlace(path: string, directories: Directories): Promise<Place> {
  if (!path.startsWith("/")) {
    throw new PathRefusal("File path check failure: No such file or directory.");
  }
  // One that is outside as it stands is not even looked at: whether something is there is nobody's business.
  const { named, real: inside } = directories;
  if (path.includes("\0") || !isBelow(normalize(path), [...named, ...inside])) {
    throw new PathRefusal(NO_ACCESS);
  }
  let real: string;
  let info: Deno.FileInfo;
  try {
    real = await Deno.realPath(path);
    if (!isBelow(real, inside)) throw new PathRefusal(NO_ACCESS);
    info = await Deno.lstat(real);
  } catch (error) {
    throw refusal(error);
  }
  return { real, kind: info.isFile ? "file" : info.isDirectory ? "directory" : "other" };
}

/** Whether a path is one of the directories or lies in one. */
export function isBelow(path: string, directories: readonly string[]): boolean {
  return directories.some((directory) =>
    path === directory || path.startsWith(directory === "/" ? "/" : `${directory}/`)
  );
}

/**
 * Reads a file whole.
 *
 * @param place From {@link findPlace}; should a link have been put into its way since, that is seen.
 * @param held Where the octets are accounted for; it must be released when they are not needed any more.
 * @returns `undefined` where it is larger than the limit.
 * @throws {PathRefusal} where it cannot be read; {PosternError} `scan/busy` where the node holds as much as it may.
 */
export async function readFile(
  place: Place,
  { real: inside }: Directories,
  maxOctets: number,
  held: Reservation,
): Promise<Uint8Array | undefined> {
  try {
    if (!(await Deno.lstat(place.real)).isFile) throw new PathRefusal(NO_ACCESS); // a pipe would be waited for
    using file = await Deno.open(place.real);
    const { size, isFile, dev, ino } = await file.stat();
    const there = await Deno.lstat(place.real);
    const same = isFile && there.dev === dev && there.ino === ino &&
      await Deno.realPath(place.real) === place.real && isBelow(place.real, inside);
    if (!same) throw new PathRefusal(NO_ACCESS);
    if (size > maxOctets) return undefined;
    if (!await held.grow(size + 1)) throw new PosternError("scan/busy", "Too much is held");
    const octets = new Uint8Array(size + 1);
    let length = 0;
    while (length < octets.length) {
      const piece = octets.subarray(length, Math.min(length + FILE_READ_OCTETS, octets.length));
      const count = await file.read(piece);
      if (count === null) return octets.subarray(0, length);
      length += count;
    }
    throw new PathRefusal("The file grew while it was read."); // what it was is not what it is
  } catch (error) {
    throw refusal(error);
  }
}

/** One entry of a walk: a file to scan, or why what lies there is not. */
export type Walked =
  | { readonly path: string; readonly place: Place }
  | { readonly path: string; readonly refused: string };

/** How far a walk goes. */
export interface WalkLimits {
  readonly files: number;
  readonly depth: number;
}

/**
 * Files below a directory, by name within each. Links are not followed, and what is neither file nor directory is left out, as
 * clamd does; whatever else is not scanned is told.
 *
 * @param path As the client named it; what is found is named so, too.
 */
export async function* walk(
  path: string,
  place: Place,
  limits: WalkLimits,
): AsyncGenerator<Walked> {
  let files = 0;
  const root = path.length > 1 ? path.replace(/\/+$/, "") : path;
  async function* enter(shown: string, real: string, depth: number): AsyncGenerator<Walked> {
    let entries: Deno.DirEntry[];
    try {
      entries = await entriesOf(real);
    } catch (error) {
      const why = refusal(error);
      if (!(why instanceof PathRefusal)) throw why;
      return yield { path: shown, refused: why.message };
    }
    for (const { name, isFile, isDirectory } of entries) {
      const each = shown.endsWith("/") ? `${shown}${name}` : `${shown}/${name}`;
      const eachReal = real.endsWith("/") ? `${real}${name}` : `${real}/${name}`;
      if (isDirectory && depth >= limits.depth) {
        yield { path: each, refused: "Not scanned: depth" };
      } else if (isDirectory) yield* enter(each, eachReal, depth + 1);
      else if (isFile) {
        if (++files > limits.files) return yield { path: each, refused: "Not scanned: files" };
        yield { path: each, place: { real: eachReal, kind: "file" } };
      }
      if (files > limits.files) return;
    }
  }
  yield* enter(root, place.real, 0);
}

async function entriesOf(directory: string): Promise<Deno.DirEntry[]> {
  const entries: Deno.DirEntry[] = [];
  for await (const entry of Deno.readDir(directory)) {
    if (entries.length >= MAX_DIRECTORY_ENTRIES) {
      throw new PathRefusal("Not scanned: files");
    }
    entries.push(entry);
  }
  return entries.sort((a, b) => a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
}

/** What the system says, as clamd would; faults of our own stay what they are. */
function refusal(error: unknown): unknown {
  if (error instanceof PathRefusal || error instanceof PosternError) return error;
  if (error instanceof Deno.errors.NotFound) {
    return new PathRefusal("File path check failure: No such file or directory.");
  }
  return isRefusal(error) ? new PathRefusal(NO_ACCESS) : error;
}

function isRefusal(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied ||
    error instanceof Deno.errors.NotCapable || error instanceof Deno.errors.NotADirectory ||
    error instanceof Deno.errors.FilesystemLoop || error instanceof Deno.errors.IsADirectory ||
    error instanceof Deno.errors.InvalidData ||
    error instanceof Error && "code" in error && typeof error.code === "string"; // ENAMETOOLONG, EIO, ...
}
