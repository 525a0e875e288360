/** Which files a `postern scan` is of: arguments, directories, lists, stdin; in order, and without holding a long list. */
import { isAbsolute, join } from "node:path";

/** One file to scan, or why there is none. */
export interface Source {
  /** Name in the output. */
  readonly file: string;
  /** Absent for stdin. */
  readonly path?: string;
  /** What went wrong in finding it. */
  readonly error?: unknown;
}

/** Longest entry of a list, octets: twice Linux's PATH_MAX. */
const MAX_ENTRY_OCTETS = 8192;

/** Files of a directory by name; what is neither file nor directory (links, pipes, devices) is left out. */
async function* inDirectory(directory: string, deep: boolean): AsyncGenerator<Source> {
  let entries: Deno.DirEntry[];
  try {
    entries = await Array.fromAsync(Deno.readDir(directory));
  } catch (error) {
    yield { file: directory, path: directory, error };
    return;
  }
  entries.sort((a, b) => a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
  for (const entry of entries) {
    const path = join(directory, entry.name);
    // join() would drop a leading `./`, and programs look for the name as they gave it.
    const file = isAbsolute(path) || !directory.startsWith("./") ? path : `./${path}`;
    if (entry.isFile) yield { file, path };
    else if (entry.isDirectory && deep) yield* inDirectory(file, deep);
  }
}

/** What one argument or one line of a list stands for. */
async function* expand(name: string, deep: boolean): AsyncGenerator<Source> {
  let directory = false;
  try {
    directory = (await Deno.stat(name)).isDirectory;
  } catch (error) {
    yield { file: name, path: name, error };
    return;
  }
  if (directory) yield* inDirectory(name, deep);
  else yield { file: name, path: name };
}

/**
 * Splits a list of names: one a line (LF or CRLF), or NUL-terminated. Empty entries are left out.
 *
 * @throws {RangeError} where an entry is longer than any path.
 */
export async function* splitList(
  chunks: AsyncIterable<Uint8Array>,
  byNul: boolean,
): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  const end = byNul ? "\0" : "\n";
  const clean = (entry: string) => byNul ? entry : entry.replace(/\r$/, "");
  let rest = "";
  for await (const chunk of chunks) {
    const entries = (rest + decoder.decode(chunk, { stream: true })).split(end);
    rest = entries.pop() ?? "";
    for (const entry of entries) if (clean(entry) !== "") yield clean(entry);
    if (rest.length > MAX_ENTRY_OCTETS) {
      throw new RangeError(`The list of files has an entry longer than ${MAX_ENTRY_OCTETS} octets`);
    }
  }
  rest += decoder.decode();
  if (clean(rest) !== "") yield clean(rest);
}

/** Where the files of a run come from. */
export interface SourceOptions {
  readonly names: readonly string[];
  /** A file with more names, `-` for stdin. */
  readonly filesFrom?: string | undefined;
  readonly byNul: boolean;
  /** Whether directories are entered at every depth. */
  readonly subdir: boolean;
}

/**
 * The files of a run, in the order given: arguments first, then the list.
 *
 * @throws {Error} where the list itself cannot be read.
 */
export async function* sources(options: SourceOptions): AsyncGenerator<Source> {
  for (const name of options.names) {
    if (name === "-") yield { file: "-" };
    else yield* expand(name, options.subdir);
  }
  if (options.filesFrom === undefined) return;
  const list = options.filesFrom === "-" ? Deno.stdin.readable : await openList(options.filesFrom);
  for await (const name of splitList(list, options.byNul)) yield* expand(name, options.subdir);
}

async function openList(path: string): Promise<ReadableStream<Uint8Array>> {
  try {
    return (await Deno.open(path, { read: true })).readable;
  } catch (cause) {
    throw new Error(`Cannot read the list of files ${path}`, { cause });
  }
}
