/**
 * Structured exception handling: some stubs fault by intent and go on in their handlers, where they look at the debug registers,
 * set them, or fault again.
 *
 * @see winnt.h, EXCEPTION_RECORD and CONTEXT for i386
 */
import { MAX_EXCEPTIONS } from "./limits.ts";
import { Fault, type FaultKind } from "./memory.ts";
import { EAX, EBP, EBX, ECX, EDI, EDX, ESI, ESP, type Processor } from "./processor.ts";
import type { System } from "./system.ts";
import { SELECTORS } from "./system_instructions.ts";

const CODES: Readonly<Partial<Record<FaultKind, number>>> = {
  access: 0xc0000005,
  breakpoint: 0x80000003,
  step: 0x80000004,
  divide: 0xc0000094,
  overflow: 0xc0000095,
  bounds: 0xc000008c,
  illegal: 0xc000001d,
  privileged: 0xc0000096,
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
const DEBUG_PLACE = 4, IP_PLACE = 0xb8, FLAGS_PLACE = 0xc0;
/** Places of ES, CS, SS, DS, FS, GS. */
const SELECTOR_PLACES = [0x94, 0xbc, 0xc8, 0x98, 0x90, 0x8c];
/** What of DR6 and DR7 a program may set. */
const STATUS_BITS = 0xe00f, CONTROL_BITS = 0xffff0155;
/** Which of {@link Processor.debug} they are, and the bit of a single step. */
const STATUS = 4, CONTROL = 5, STEPPED = 0x4000;
const TRAP_FLAG = 0x100, RESUME_FLAG = 0x10000;
const LAST_FRAME = -1;
/** What handlers of frames answer. */
const CONTINUE_EXECUTION = 0, CONTINUE_SEARCH = 1;
/** What the others answer where they want execution to continue. */
const CONTINUE_POINTERS = -1;

/** A handler that was called and has not come back. */
interface Handled {
  /** Who it is: the first, one of a frame, or the last. */
  readonly who: "first" | "frame" | "last";
  /** Address of what happened. */
  readonly record: number;
  /** Address of the registers. */
  readonly context: number;
  /** The system's frame that guards the handler. */
  readonly guard: number;
  /** The frame that is asked next where the handler does not know. */
  readonly frame: number;
}

/** The exceptions of one run. */
export class Exceptions {
  readonly #system: System;
  #count = 0;
  /** A handler may never come back; then what it was called with stays here, up to {@link MAX_EXCEPTIONS}. */
  readonly #handled: Handled[] = [];

  /** @param system Where handlers return to. */
  constructor(system: System) {
    this.#system = system;
  }

  /** Whether a debug register stops the program before the instruction at an address. */
  stopsAt({ debug, resume }: Processor, address: number): boolean {
    if (resume === 1) return false;
    const control = debug[CONTROL] ?? 0;
    for (let i = 0; i < 4; i++) {
      if ((control >> (2 * i) & 3) === 0 || (control >> (16 + 4 * i) & 3) !== 0) continue;
      if (debug[i] !== address) continue;
      debug[STATUS] = 1 << i;
      return true;
    }
    return false;
  }

  /**
   * Lets the program's handler have a fault.
   *
   * @param at Address of the instruction.
   * @returns false: there is no handler.
   */
  raise(p: Processor, kind: FaultKind, at: number): boolean {
    const code = CODES[kind];
    if (code === undefined) return false;
    const { memory } = p;
    try {
      const stack = p.registers[ESP] ?? 0;
      const context = ((stack - CONTEXT_OCTETS) & ~15) | 0;
      const record = (context - RECORD_OCTETS) | 0;
      for (let i = 0; i < RECORD_OCTETS + CONTEXT_OCTETS; i += 4) memory.write(record + i, 4, 0);
      memory.write(record, 4, code);
      memory.write(record + 12, 4, at);
      if (kind === "access") {
        memory.write(record + 16, 4, 2);
        memory.write(record + 20, 4, memory.faultWrites ? 1 : 0);
        memory.write(record + 24, 4, memory.faultAt);
      }
      if (kind === "step" && p.trap === 1) p.debug[STATUS] = STEPPED;
      this.#save(p, context, at, kind === "step" ? p.flags & ~TRAP_FLAG : p.flags);
      const frame = memory.read32(memory.threadAt);
      const { firstHandler } = this.#system;
      if (firstHandler === 0) return this.#search(p, record, context, frame);
      return this.#call(p, firstHandler, { who: "first", record, context, guard: 0, frame });
    } catch (error) {
      if (error instanceof Fault) return false;
      throw error;
    }
  }

  #save(p: Processor, context: number, at: number, flags: number): void {
    const { memory } = p;
    memory.write(context, 4, CONTEXT_FLAGS);
    for (const [i, value] of p.debug.entries()) {
      memory.write(context + DEBUG_PLACE + 4 * i, 4, value);
    }
    for (const [i, place] of SELECTOR_PLACES.entries()) {
      memory.write(context + place, 4, SELECTORS[i] ?? 0);
    }
    for (const [number, place] of PLACES) {
      memory.write(context + place, 4, p.registers[number] ?? 0);
    }
    memory.write(context + IP_PLACE, 4, at);
    memory.write(context + FLAGS_PLACE, 4, flags);
  }

  #load(p: Processor, context: number): void {
    const { memory } = p;
    for (const [number, place] of PLACES) {
      p.registers[number] = memory.read32((context + place) | 0);
    }
    for (let i = 0; i < p.debug.length; i++) {
      const value = memory.read32((context + DEBUG_PLACE + 4 * i) | 0);
      p.debug[i] = i === STATUS
        ? value & STATUS_BITS
        : i === CONTROL
        ? value & CONTROL_BITS
        : value;
    }
    p.hasBreakpoints = ((p.debug[CONTROL] ?? 0) & 0xff) !== 0;
    const flags = memory.read32((context + FLAGS_PLACE) | 0);
    p.flags = flags;
    p.resume = (flags & RESUME_FLAG) === 0 ? 0 : 1;
    p.ip = memory.read32((context + IP_PLACE) | 0);
  }

  /** Asks the handler of a frame, or of the first behind it that is one of the program's; at their end, the last handler. */
  #search(p: Processor, record: number, context: number, from: number): boolean {
    const { memory } = p;
    const { handlerEnd, lastHandler, threadEnd } = this.#system;
    let frame = from;
    while (frame !== LAST_FRAME) {
      const handler = memory.read32((frame + 4) | 0);
      if (handler === threadEnd) break;
      // what guards a handler that has faulted does not know either
      if (handler !== handlerEnd) {
        return this.#call(p, handler, { who: "frame", record, context, guard: 0, frame });
      }
      if (++this.#count > MAX_EXCEPTIONS) return false;
      frame = memory.read32(frame);
    }
    if (lastHandler === 0) return false;
    return this.#call(p, lastHandler, { who: "last", record, context, guard: 0, frame });
  }

  #call(p: Processor, handler: number, handled: Handled): boolean {
    if (++this.#count > MAX_EXCEPTIONS) return false;
    const { handlerEnd } = this.#system;
    const { who, record, context, frame } = handled;
    p.registers[ESP] = record;
    p.trap = 0;
    // the system guards the handler by a frame of its own: stubs find theirs behind it
    const { memory } = p;
    const { threadAt } = memory;
    for (const value of [context, record]) p.push(value);
    const pointers = p.registers[ESP] ?? 0;
    for (const value of [frame, handlerEnd, memory.read32(threadAt)]) p.push(value);
    const guard = p.registers[ESP] ?? 0;
    memory.write(threadAt, 4, guard);
    for (const value of who === "frame" ? [0, context, frame, record] : [pointers]) p.push(value);
    p.push(handlerEnd);
    p.ip = handler;
    this.#handled.push({ ...handled, guard });
    return true;
  }

  /** What the handler that came back was called with: those that were called later have been left by a jump. */
  #returned(guard: number): Handled | undefined {
    const index = this.#handled.findLastIndex((one) => one.guard === guard);
    if (index >= 0) this.#handled.length = index + 1;
    return this.#handled.pop();
  }

  /** A handler came back: goes on as it says. Throws {@link Fault}. @returns false: nowhere. */
  resume(p: Processor): boolean {
    const { memory } = p;
    const guard = memory.read32(memory.threadAt);
    const handled = this.#returned(guard);
    if (handled === undefined) return false;
    const { who, record, context, frame } = handled;
    memory.write(memory.threadAt, 4, memory.read32(guard));
    const answer = p.registers[EAX] ?? 0;
    if (answer === (who === "frame" ? CONTINUE_EXECUTION : CONTINUE_POINTERS)) {
      this.#load(p, context);
      return true;
    }
    if (who === "first") return this.#search(p, record, context, frame);
    if (who === "last" || answer !== CONTINUE_SEARCH) return false;
    return this.#search(p, record, context, memory.read32(frame));
  }
}
