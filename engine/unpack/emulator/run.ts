/** Runs the stub of a packed program, and tells when it has come to code that it wrote. */
import { Exceptions } from "./exceptions.ts";
import { execute } from "./instructions.ts";
import {
  INSTRUCTIONS_PER_SLICE,
  MAX_IMAGES,
  MAX_INSTRUCTIONS,
  MAX_INSTRUCTIONS_BEHIND,
  MIN_WRITTEN_OCTETS,
  STACK_OCTETS,
} from "./limits.ts";
import { Fault, type FaultKind, type Memory } from "./memory.ts";
import { EBP, EBX, ESP, Processor } from "./processor.ts";
import { processOf, writeBlocks } from "./process_block.ts";
import type { Program } from "./program.ts";
import { System } from "./system.ts";

/** Why a run ended. */
export type RunEnd =
  /** The program began: it called what no stub calls, or returned. */
  | "program"
  | "instructions"
  | "images"
  | "time"
  | FaultKind;

/** Of the stack, so much lies above what the program starts with, octets. */
const STACK_ABOVE = 0x1000;
/** Jumps that are shorter stay in their section, or change to one that the next jump tells of. */
const LONGEST_INSTRUCTION = 15;
const PROCESS_ATTACH = 1;

/** Part of memory that code runs in. */
interface Home {
  readonly start: number;
  readonly size: number;
  readonly kind: "image" | "heap" | "other";
}

/** One run. */
export class Run {
  /** What it runs in. */
  readonly memory: Memory;
  /** What it may call. */
  readonly system: System;
  readonly #program: Program;
  readonly #processor: Processor;
  readonly #exceptions: Exceptions;
  readonly #homes: readonly Home[];
  #home: Home | undefined;
  #limit = MAX_INSTRUCTIONS;
  #count = 0;
  #images = 0;
  /** Whether control came to what the program allocated. */
  ranHeap = false;
  /** Why it ended. */
  end: RunEnd | undefined;

  /**
   * @param memory From `mapProgram()`, still without imports.
   * @param file What that was made from.
   */
  constructor(program: Program, memory: Memory, file: Uint8Array) {
    this.#program = program;
    this.memory = memory;
    const headers = Math.min(program.sections[0]?.start ?? 0, program.size);
    this.system = new System(memory, headers, file);
    this.#exceptions = new Exceptions(this.system);
    this.#processor = new Processor(memory);
    const { sections, base, size } = program;
    const first = sections[0]?.start ?? size;
    this.#homes = [
      ...sections.map((one): Home => ({ start: base + one.start, size: one.size, kind: "image" })),
      { start: base, size: first, kind: "image" },
      { start: memory.heapAt, size: 0x10000000, kind: "heap" },
      { start: memory.stackAt, size: STACK_OCTETS, kind: "other" },
    ];
  }

  /** Instructions that ran. */
  get instructions(): number {
    return this.#count;
  }

  /** Sets the processor up as the system does before the first instruction. */
  start(): void {
    const { memory, system } = this;
    const p = this.#processor;
    const top = memory.stackAt + STACK_OCTETS;
    p.registers[ESP] = top - STACK_ABOVE;
    p.registers[EBP] = top - STACK_ABOVE + 0x30;
    writeBlocks(memory, this.#program, system.library, system.threadEnd);
    p.registers[EBX] = processOf(memory);
    // what a library is called with; a program does not look
    for (const value of [0, PROCESS_ATTACH, this.#program.base, system.threadEnd]) p.push(value);
    p.ip = (this.#program.base + this.#program.entry) | 0;
    this.#home = this.#homeOf(p.ip);
    memory.forget();
  }

  #homeOf(address: number): Home | undefined {
    return this.#homes.find(({ start, size }) => ((address - start) >>> 0) < size);
  }

  /**
   * Runs until control comes to code that was written, in another section than that of the code that wrote it, or the run ends.
   *
   * @param hasTime Asked every so many instructions.
   * @returns the address, octets from the start of the image; `undefined` at the end: see {@link Run.end}.
   */
  next(hasTime: () => boolean): number | undefined {
    while (this.end === undefined) {
      if (!hasTime()) {
        this.end = "time";
        break;
      }
      const reached = this.#slice(this.#count + INSTRUCTIONS_PER_SLICE);
      if (reached !== undefined) return reached;
      if (this.#count >= this.#limit) this.end ??= "instructions";
    }
    return undefined;
  }

  #slice(until: number): number | undefined {
    const p = this.#processor;
    let at = p.ip;
    while (this.#count < until && this.end === undefined) {
      at = p.ip;
      try {
        const { trap } = p;
        const isCall = this.system.has(at);
        if (!isCall) {
          if (p.hasBreakpoints) this.#look(p, at);
          this.#count += execute(p);
        }
        if (isCall || ((p.ip - at) >>> 0) > LONGEST_INSTRUCTION) {
          const reached = this.#arrive(p);
          if (reached !== undefined) return reached;
        }
        if (trap === 1 && !isCall) throw new Fault("step");
      } catch (error) {
        if (!(error instanceof Fault)) throw error;
        this.#count++;
        // the next instruction is what a step is reported at, and its last octet what `int3` is
        const { kind } = error;
        const place = kind === "step" || kind === "overflow"
          ? p.ip
          : kind === "breakpoint"
          ? (p.ip - 1) | 0
          : at;
        if (!this.#exceptions.raise(p, kind, place)) this.end = kind;
        else this.#home = this.#homeOf(p.ip);
      }
    }
    return undefined;
  }

  /** The debug registers may stop the program before an instruction. */
  #look(p: Processor, at: number): void {
    const stops = this.#exceptions.stopsAt(p, at);
    p.resume = 0;
    if (stops) throw new Fault("step");
  }

  /** After a jump. */
  #arrive(p: Processor): number | undefined {
    const home = this.#home;
    if (home && ((p.ip - home.start) >>> 0) < home.size) return undefined;
    if (this.system.has(p.ip)) {
      const served = this.system.serve(p);
      this.#count += this.system.cost;
      if (served === "answered" || (served === "handler" && this.#exceptions.resume(p))) {
        // a function that returns to another one is served in its turn
        return this.system.has(p.ip) ? undefined : this.#arrive(p);
      }
      this.end = "program";
      return undefined;
    }
    this.#home = this.#homeOf(p.ip);
    if (this.#home?.kind === "heap") this.ranHeap = true;
    if (this.#home?.kind !== "image" || !this.memory.wasWritten(p.ip)) return undefined;
    if (this.memory.writtenOctets < MIN_WRITTEN_OCTETS) return undefined;
    this.memory.forget();
    if (++this.#images === MAX_IMAGES) this.end = "images";
    this.#limit = Math.min(this.#limit, this.#count + MAX_INSTRUCTIONS_BEHIND);
    return (p.ip - this.#program.base) >>> 0;
  }
}
