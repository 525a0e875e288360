/** 7-Zip as a WebAssembly module: compiled on first need, run once per call in a fresh instance that is thrown away. */
import type { Budget } from "../../budget.ts";
import { Files, type Input, OUTPUT_PATH, type WriteLimits } from "./files.ts";
import { type Run, runProgram } from "./host.ts";

/** Memory of one run, octets: dictionaries of 64 MiB and what PPMd asks for by default fit. */
const MEMORY_OCTETS = 192 << 20;
const LIST_LIMITS: WriteLimits = { octets: 0, kept: 0, files: 0, skip: 0 };

/** A run and its files. */
export interface ToolRun extends Run {
  readonly files: Files;
}

/**
 * The reader for containers that have no reader of their own here.
 *
 * What it may do is read one `Uint8Array` and write files in memory up to given limits: it has no other import. A container that
 * makes it fail ends that run only.
 * The file is that of npm:7z-wasm.
 */
export class SevenZipTool {
  #octets: Uint8Array<ArrayBuffer> | undefined;
  #module: WebAssembly.Module | undefined;

  /**
   * Takes the program; it is compiled when it is first needed.
   *
   * @param octets The file `7zz.wasm`.
   */
  constructor(octets: Uint8Array<ArrayBuffer>) {
    this.#octets = octets;
  }

  /**
   * Lists a container: `files.text` is for {@link readListing}.
   *
   * @internal
   */
  list(input: Input, budget: Budget, password = ""): ToolRun {
    const files = new Files(input, LIST_LIMITS);
    return this.#run(["l", "-slt", "-ba"], files, budget, password);
  }

  /**
   * Unpacks a container into `files`.
   *
   * @internal
   */
  unpack(input: Input, limits: WriteLimits, budget: Budget, password = ""): ToolRun {
    const files = new Files(input, limits);
    return this.#run(["x", "-y", "-aoa", `-o${OUTPUT_PATH}`], files, budget, password);
  }

  #run(args: readonly string[], files: Files, budget: Budget, password: string): ToolRun {
    if (this.#octets) {
      this.#module = new WebAssembly.Module(this.#octets);
      this.#octets = undefined;
    }
    if (!this.#module) return { files, stopped: "failed", starved: false };
    const run = runProgram(
      this.#module,
      [...args, `-p${password}`, "-sccUTF-8", "-bd", "-bsp0", "-bb0", "--", files.inputPath],
      { files, time: () => budget.time(), memoryOctets: MEMORY_OCTETS },
    );
    return { ...run, files };
  }
}
