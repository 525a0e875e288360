/** The files that a program in WebAssembly sees: one to read, and what it writes; nothing of the system's. */
import { Output } from "../output.ts";
import type { NamedOctets } from "../volumes.ts";

/** Ends the program from inside one of its calls; never seen outside of this folder. */
export class Stop extends Error {
  override readonly name = "Stop";

  constructor(readonly reason: "octets" | "files" | "time" | "text" | "exit" | "full") {
    super(reason);
  }
}

/** A file that the program wrote. */
export interface WrittenFile {
  /** Path below the output directory. */
  readonly path: string;
  /** Whether it was written to its end. */
  whole: boolean;
  octets: Uint8Array;
}

/** How much may be written. */
export interface WriteLimits {
  /** Octets of all files together, those that are not kept, too. */
  readonly octets: number;
  /** Octets that are kept; the file that goes over it ends the program with `full`, unless it is the first that is kept. */
  readonly kept: number;
  /** Files. */
  readonly files: number;
  /** Files from the first on that are not kept. */
  readonly skip: number;
}

/** A container to read, or the volumes of one, in order: the first is opened, the others are asked for by name. */
export type Input = Uint8Array | readonly NamedOctets[];

/** Folder of what is read. */
const INPUT_FOLDER = "/in";
/** Where the program finds a container of one file. */
const INPUT_PATH = `${INPUT_FOLDER}/a`;
/** Where it writes. */
export const OUTPUT_PATH = "/out";
/** Octets of listings and messages; a listing of 100,000 entries has some 30 MB. */
const MAX_TEXT_OCTETS = 48 << 20;

const FIRST_FILE = 3;
const O_WRITE = 3;
const S_FILE = 0o100644;
const S_FOLDER = 0o40755;

/** What stat says; `undefined` where there is no such file. */
export interface FileStatus {
  readonly mode: number;
  readonly size: number;
}

interface Open {
  position: number;
  readonly input?: Uint8Array;
  readonly folder?: true;
  readonly written?: WrittenFile;
  readonly output?: Output;
}

/** Files of one run. */
export class Files {
  /** What was written and kept, in order. */
  readonly written: WrittenFile[] = [];
  /** Files that were begun, those skipped included. */
  begun = 0;
  /** Path of the file that is to be opened. */
  readonly inputPath: string;
  readonly #inputs: ReadonlyMap<string, Uint8Array>;
  readonly #read = new Set<string>();
  readonly #limits: WriteLimits;
  readonly #open = new Map<number, Open>();
  /** Of files that were written and closed, by whole path. */
  readonly #sizes = new Map<string, number>();
  readonly #folders = new Set(["/", INPUT_FOLDER, OUTPUT_PATH]);
  readonly #text: Uint8Array[] = [];
  #textLength = 0;
  #octets = 0;
  #kept = 0;
  #next = FIRST_FILE;

  constructor(input: Input, limits: WriteLimits) {
    this.#inputs = new Map(
      input instanceof Uint8Array
        ? [[INPUT_PATH, input]]
        : input.map(({ name, octets }) => [`${INPUT_FOLDER}/${name}`, octets]),
    );
    this.inputPath = this.#inputs.keys().next().value ?? INPUT_PATH;
    this.#limits = limits;
  }

  /** Names of files to read that the program opened. */
  get opened(): ReadonlySet<string> {
    return new Set([...this.#read].map((path) => path.slice(INPUT_FOLDER.length + 1)));
  }

  /** Standard output and error, as text. */
  get text(): string {
    const decoder = new TextDecoder();
    return this.#text.map((piece) => decoder.decode(piece, { stream: true })).join("");
  }

  status(path: string): FileStatus | undefined {
    const input = this.#inputs.get(path);
    if (input) return { mode: S_FILE, size: input.length };
    const written = this.#sizes.get(path);
    if (written !== undefined) return { mode: S_FILE, size: written };
    const isFolder = this.#folders.has(path) || this.#folders.has(path.replace(/\/$/, ""));
    return isFolder ? { mode: S_FOLDER, size: 0 } : undefined;
  }

  makeFolder(path: string): void {
    if (this.#folders.size > this.#limits.files) throw new Stop("files");
    this.#folders.add(path.replace(/\/$/, ""));
  }

  statusOf(descriptor: number): FileStatus | undefined {
    const open = this.#open.get(descriptor);
    if (!open) return descriptor < FIRST_FILE ? { mode: 0o20666, size: 0 } : undefined;
    if (open.folder) return { mode: S_FOLDER, size: 0 };
    return { mode: S_FILE, size: open.output?.length ?? open.input?.length ?? 0 };
  }

  /** @returns the descriptor; `undefined` where there is no such file. */
  open(path: string, flags: number): number | undefined {
    const descriptor = this.#next++;
    if ((flags & O_WRITE) === 0) {
      const status = this.status(path);
      if (!status) return undefined;
      const input = this.#inputs.get(path);
      if (input) this.#read.add(path);
      this.#open.set(
        descriptor,
        status.mode === S_FOLDER
          ? { position: 0, folder: true }
          : { position: 0, ...(input ? { input } : {}) },
      );
      return descriptor;
    }
    if (!path.startsWith(`${OUTPUT_PATH}/`)) return undefined;
    if (++this.begun > this.#limits.files) throw new Stop("files");
    const written: WrittenFile = {
      path: path.slice(OUTPUT_PATH.length + 1),
      whole: false,
      octets: new Uint8Array(0),
    };
    if (this.begun <= this.#limits.skip) {
      this.#open.set(descriptor, { position: 0, written });
      return descriptor;
    }
    if (this.#kept >= this.#limits.kept) throw new Stop("full");
    this.written.push(written);
    const output = new Output(Math.max(0, this.#limits.octets - this.#octets));
    this.#open.set(descriptor, { position: 0, written, output });
    return descriptor;
  }

  close(descriptor: number): void {
    const open = this.#open.get(descriptor);
    this.#open.delete(descriptor);
    if (open?.written) this.#sizes.set(`${OUTPUT_PATH}/${open.written.path}`, open.position);
    if (!open?.written || !open.output) return;
    open.written.octets = open.output.octets;
    open.written.whole = true;
    this.#kept += open.output.length;
  }

  /** Closes what a program that was ended left open; these files are not whole. */
  closeAll(): void {
    for (const { written, output } of this.#open.values()) {
      if (written && output) written.octets = output.octets;
    }
    this.#open.clear();
  }

  /** @returns octets read. */
  read(descriptor: number, into: Uint8Array): number {
    const open = this.#open.get(descriptor);
    if (!open?.input) return 0;
    const piece = open.input.subarray(open.position, open.position + into.length);
    into.set(piece);
    open.position += piece.length;
    return piece.length;
  }

  write(descriptor: number, octets: Uint8Array): void {
    if (descriptor < FIRST_FILE) {
      this.#textLength += octets.length;
      if (this.#textLength > MAX_TEXT_OCTETS) throw new Stop("text");
      this.#text.push(octets.slice());
      return;
    }
    const open = this.#open.get(descriptor);
    if (!open) return;
    this.#octets += octets.length;
    if (this.#octets > this.#limits.octets) throw new Stop("octets");
    if (open.output && !write(open.output, open.position, octets)) throw new Stop("octets");
    open.position += octets.length;
  }

  /** @returns the new position. */
  seek(descriptor: number, offset: number, whence: number): number | undefined {
    const open = this.#open.get(descriptor);
    if (!open) return undefined;
    const base = whence === 0
      ? 0
      : whence === 1
      ? open.position
      : this.statusOf(descriptor)?.size ?? 0;
    if (base + offset < 0) return undefined;
    return open.position = base + offset;
  }
}

/** Writes at a position; a gap before it is zeros. */
function write(output: Output, position: number, octets: Uint8Array): boolean {
  while (output.length < position) {
    if (!output.append(new Uint8Array(Math.min(1 << 16, position - output.length)))) return false;
  }
  const over = Math.min(octets.length, output.length - position);
  if (over > 0) output.view(position).set(octets.subarray(0, over));
  return output.append(octets.subarray(over));
}
