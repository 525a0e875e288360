/** Runs the stub of a packed program, and tells when it has come to code that it wrote. */
import { Exceptions } from "./exceptions.ts";
import { execute } from "./instructions.ts";
import {
  INSTRUCTIONS_PER_CALL,
  INSTRUCTIONS_PER_SLICE,
  MAX_IMAGES,
  MAX_INSTRUCTIONS,
  MAX_INSTRUCTIONS_BEHIND,
  MIN_WRITTEN_OCTETS,
  STACK_OCTETS,
} from "./limits.ts";
import { Fault, type FaultKind, type Memory } from "./memory.ts";
import { EBP, EBX, ESP, Processor } from "./processor.ts";
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
/** The system's frame of exceptions lies so far below the end of the stack, octets. */
const LAST_FRAME_BELOW = 0x40;
/** Jumps that are shorter stay in their section, or change to one that the next jump tells of. */
const LONGEST_INSTRUCTION = 15;
const THREAD_SELF = 0x18, THREAD_STACK_TOP = 4, THREAD_STACK_END = 8, THREAD_PROCESS = 0x30;
/** Where the block of the process lies in that of the thread: it is not what stubs look into. */
const PROCESS_IN_THREAD = 0x800, PROCESS_IMAGE = 8, PROCESS_MODULES = 12;
/** The lists of modules, PEB_LDR_DATA, and the program's own entry in them, LDR_DATA_TABLE_ENTRY. */
const MODULES_IN_THREAD = 0xa00, MODULE_IN_THREAD = 0xb00;
/** Three lists: their places in the one and the other. */
const MODULE_LISTS: readonly (readonly [number, number])[] = [[12, 0], [20, 8], [28, 16]];
const MODULE_BASE = 0x18, MODULE_ENTRY = 0x1c, MODULE_SIZE = 0x20;
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

  /** @param memory From `mapProgram()`, still without imports. */
  constructor(program: Program, memory: Memory) {
    this.#program = program;
    this.memory = memory;
    this.system = new System(memory, Math.min(program.sections[0]?.start ?? 0, program.size));
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
    const thread = memory.threadAt;
    // the system's own frame is the last one
    const frame = top - LAST_FRAME_BELOW;
    memory.write(frame, 4, -1);
    memory.write(frame + 4, 4, system.threadEnd);
    memory.write(thread, 4, frame);
    memory.write(thread + THREAD_STACK_TOP, 4, top);
    memory.write(thread + THREAD_STACK_END, 4, memory.stackAt);
    memory.write(thread + THREAD_SELF, 4, thread);
    memory.write(thread + THREAD_PROCESS, 4, thread + PROCESS_IN_THREAD);
    memory.write(thread + PROCESS_IN_THREAD + PROCESS_IMAGE, 4, this.#program.base);
    const modules = thread + MODULES_IN_THREAD;
    const module = thread + MODULE_IN_THREAD;
    memory.write(thread + PROCESS_IN_THREAD + PROCESS_MODULES, 4, modules);
    for (const [head, entry] of MODULE_LISTS) {
      for (const link of [0, 4]) {
        memory.write(modules + head + link, 4, module + entry);
        memory.write(module + entry + link, 4, modules + head);
      }
    }
    const { base, size, entry } = this.#program;
    memory.write(module + MODULE_BASE, 4, base);
    memory.write(module + MODULE_ENTRY, 4, base + entry);
    memory.write(module + MODULE_SIZE, 4, size);
    p.registers[EBX] = thread + PROCESS_IN_THREAD;
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
        if (!isCall) this.#count += execute(p);
        if (isCall || ((p.ip - at) >>> 0) > LONGEST_INSTRUCTION) {
          const reached = this.#arrive(p);
          if (reached !== undefined) return reached;
        }
        if (trap === 1 && p.trap === 1) throw new Fault("step");
      } catch (error) {
        if (!(error instanceof Fault)) throw error;
        this.#count++;
        // the next instruction is what a step is reported at
        const place = error.kind === "step" ? p.ip : at;
        if (!this.#exceptions.raise(p, error.kind, place)) this.end = error.kind;
        else this.#home = this.#homeOf(p.ip);
      }
    }
    return undefined;
  }

  /** After a jump. */
  #arrive(p: Processor): number | undefined {
    const home = this.#home;
    if (home && ((p.ip - home.start) >>> 0) < home.size) return undefined;
    if (this.system.has(p.ip)) {
      this.#count += INSTRUCTIONS_PER_CALL;
      const served = this.system.serve(p);
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
