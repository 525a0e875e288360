/** Sees that a document was changed: the file and what it imports, saved in place, renamed into place or linked anew. */
import { dirname } from "node:path";

/** What is watched and who is told. */
export interface DocumentWatchOptions {
  /** Told once the files have been left alone for a moment, one call at a time. What it throws is its own business. */
  readonly onChange: () => Promise<unknown>;
  /** A directory cannot be watched. */
  readonly onFailure: (directory: string, error: unknown) => void;
  /** How long the files must have been left alone, ms; default 300. */
  readonly quietMs?: number;
}

const QUIET_MS = 300;

/** A watch on the files of one document. */
export class DocumentWatch {
  readonly #options: DocumentWatchOptions;
  readonly #watchers = new Map<string, Deno.FsWatcher>();
  #files: readonly string[] = [];
  /** The files as they were when they were last read. */
  #seen: string | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #busy = false;
  #closed = false;

  constructor(options: DocumentWatchOptions) {
    this.#options = options;
  }

  /**
   * Watches these files from now on.
   *
   * @param files Absolute paths; those that are not there (yet), too.
   * @param readAt When somebody began to read them, ms since 1970: what was changed later counts as a change.
   */
  async watch(files: readonly string[], readAt: number): Promise<void> {
    if (this.#closed) return;
    this.#files = files;
    // Directories: an editor puts a new file in the place of the old one, and a watch on that would see it go and nothing more.
    const directories = new Set(files.map((file) => dirname(file)));
    for (const [directory, watcher] of this.#watchers) {
      if (directories.has(directory)) continue;
      this.#watchers.delete(directory);
      watcher.close();
    }
    for (const directory of directories) {
      if (!this.#watchers.has(directory)) this.#open(directory);
    }
    const { text, changedAt } = await stateOf(files);
    this.#seen = changedAt < readAt ? text : undefined;
    this.#look();
  }

  /** Watches nothing any more. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  #open(directory: string): void {
    try {
      const watcher = Deno.watchFs(directory, { recursive: false });
      this.#watchers.set(directory, watcher);
      void this.#follow(directory, watcher);
    } catch (error) {
      this.#options.onFailure(directory, error);
    }
  }

  async #follow(directory: string, watcher: Deno.FsWatcher): Promise<void> {
    try {
      for await (const { kind } of watcher) if (kind !== "access") this.#look();
    } catch (error) {
      if (!this.#closed && this.#watchers.get(directory) === watcher) {
        this.#watchers.delete(directory);
        this.#options.onFailure(directory, error);
      }
    }
  }

  /** Something happened beside the files: looks at them when it is quiet. Each event begins the wait anew. */
  #look(): void {
    clearTimeout(this.#timer);
    if (this.#closed || this.#busy) return;
    this.#timer = setTimeout(() => void this.#compare(), this.#options.quietMs ?? QUIET_MS);
  }

  async #compare(): Promise<void> {
    const { text } = await stateOf(this.#files);
    if (this.#closed || this.#busy || text === this.#seen) return;
    this.#seen = text;
    this.#busy = true;
    try {
      await this.#options.onChange();
    } catch {
      // Told by whoever read them.
    } finally {
      this.#busy = false;
      this.#look();
    }
  }
}

/** What tells one state of files from another (size, time and identity of each, links followed), and when the last change was. */
async function stateOf(
  files: readonly string[],
): Promise<{ readonly text: string; readonly changedAt: number }> {
  let changedAt = 0;
  const states = await Promise.all(files.map(async (file) => {
    try {
      const { size, mtime, ctime, ino, dev } = await Deno.stat(file);
      changedAt = Math.max(changedAt, mtime?.getTime() ?? 0, ctime?.getTime() ?? 0);
      return [file, size, mtime?.getTime(), ctime?.getTime(), ino, dev].join(" ");
    } catch {
      return `${file} -`;
    }
  }));
  return { text: states.sort().join("\n"), changedAt };
}
