/**
 * Structured exception handling: some stubs fault by intent and go on in their handlers.
 *
 * @see winnt.h, EXCEPTION_RECORD and CONTEXT for i386
 */
import { MAX_EXCEPTIONS } from "./limits.ts";
import { Fault, type FaultKind } from "./memory.ts";
import { EAX, EBP, EBX, ECX, EDI, EDX, ESI, ESP, type Processor } from "./processor.ts";
import type { System } from "./system.ts";

const CODES: Readonly<Partial<Record<FaultKind, number>>> = {
  access: 0xc0000005,
  breakpoint: 0x80000003,
  step: 0x80000004,
  divide: 0xc0000094,
  illegal: 0xc000001d,
};

const RECORD_OCTETS = 0x50;
const CONTEXT_OCTETS = 0x2cc;
/** CONTEXT_FULL and the debug registers. */
const CONTEXT_FLAGS = 0x1001f;
/** Places of registers in a context. */
const PLACES: readonly (readonly [number, number])[] = [
  [EDI, 0x9c],
  [ESI, 0xa0],
  [EBX, 0xa4],
  [EDX, 0xa8],
  [ECX, 0xac],
  [EAX, 0xb0],
  [EBP, 0xb4],
  [ESP, 0xc4],
];
const IP_PLACE = 0xb8, FLAGS_PLACE = 0xc0;
const LAST_FRAME = -1;
/** What handlers answer. */
const CONTINUE_EXECUTION = 0, CONTINUE_SEARCH = 1;

/** The exceptions of one run. */
export class Exceptions {
  readonly #system: System;
  #count = 0;
  /** Addresses of the record, the context and the frame that are being handled. */
  #handled: { readonly record: number; readonly context: number; readonly frame: number }[] = [];

  /** @param system Where handlers return to. */
  constructor(system: System) {
    this.#system = system;
  }

  /**
   * Lets the program's handler have a fault.
   *
   * @param at Address of the instruction.
   * @returns false: there is no handler.
   */
  raise(p: Processor, kind: FaultKind, at: number): boolean {
    const code = CODES[kind];
    if (code === undefined || ++this.#count > MAX_EXCEPTIONS) return false;
    const { memory } = p;
    try {
      const frame = memory.read32(memory.threadAt);
      if (frame === LAST_FRAME || this.#isLast(p, frame)) return false;
      const stack = p.registers[ESP] ?? 0;
      const context = ((stack - CONTEXT_OCTETS) & ~15) | 0;
      const record = (context - RECORD_OCTETS) | 0;
      for (let i = 0; i < RECORD_OCTETS + CONTEXT_OCTETS; i += 4) memory.write(record + i, 4, 0);
      memory.write(record, 4, code);
      memory.write(record + 12, 4, at);
      memory.write(context, 4, CONTEXT_FLAGS);
      for (const [number, place] of PLACES) {
        memory.write(context + place, 4, p.registers[number] ?? 0);
      }
      memory.write(context + IP_PLACE, 4, at);
      memory.write(context + FLAGS_PLACE, 4, p.flags);
      this.#handled.push({ record, context, frame });
      this.#call(p, record, context, frame);
      return true;
    } catch (error) {
      if (error instanceof Fault) return false;
      throw error;
    }
  }

  /** Whether a frame is the system's own, which ends the program. */
  #isLast({ memory }: Processor, frame: number): boolean {
    return memory.read32((frame + 4) | 0) === this.#system.threadEnd;
  }

  #call(p: Processor, record: number, context: number, frame: number): void {
    p.registers[ESP] = record;
    p.trap = 0;
    // the system guards the handler by a frame of its own: stubs find theirs behind it
    const { threadAt } = p.memory;
    for (const value of [frame, this.#system.handlerEnd, p.memory.read32(threadAt)]) p.push(value);
    p.memory.write(threadAt, 4, p.registers[ESP] ?? 0);
    for (const argument of [0, context, frame, record]) p.push(argument);
    p.push(this.#system.handlerEnd);
    p.ip = p.memory.read32((frame + 4) | 0);
  }

  /** A handler came back: goes on as it says. Throws {@link Fault}. @returns false: nowhere. */
  resume(p: Processor): boolean {
    const handled = this.#handled.pop();
    if (handled === undefined) return false;
    const { memory } = p;
    const { record, context, frame } = handled;
    memory.write(memory.threadAt, 4, memory.read32(memory.read32(memory.threadAt)));
    const answer = p.registers[EAX] ?? 0;
    if (answer === CONTINUE_SEARCH) {
      const next = memory.read32(frame);
      if (next === LAST_FRAME || this.#isLast(p, next) || ++this.#count > MAX_EXCEPTIONS) {
        return false;
      }
      this.#handled.push({ record, context, frame: next });
      this.#call(p, record, context, next);
      return true;
    }
    if (answer !== CONTINUE_EXECUTION) return false;
    for (const [number, place] of PLACES) {
      p.registers[number] = memory.read32((context + place) | 0);
    }
    p.flags = memory.read32((context + FLAGS_PLACE) | 0);
    p.ip = memory.read32((context + IP_PLACE) | 0);
    return true;
  }
}
