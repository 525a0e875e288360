/** The system that a program runs in: where its functions have their addresses, and how they are called. */
import {
  INSTRUCTIONS_PER_CALL,
  MAX_FUNCTIONS,
  MAX_NAME_OCTETS,
  OCTETS_PER_INSTRUCTION,
} from "./limits.ts";
import { Fault, type Memory, TRAP_OCTETS, TRAP_STEP } from "./memory.ts";
import { OwnFile } from "./own_file.ts";
import { EAX, ESP, type Processor } from "./processor.ts";
import { LEFT, type Service, SERVICES } from "./services.ts";

/** What the first addresses stand for: the end of the program, and of a handler of exceptions. */
const RESERVED = ["", ""] as const;
/** Where the first of them lies behind the headers of the system's own library. */
const FUNCTIONS_FROM = 0x2000;
/** What their code is, for stubs that look at it or run a copy of its beginning: NOP. */
const CODE = 0x90;
const LIBRARY = "KERNEL32.dll";
/** Places in the headers of that library, octets from its start. */
const HEADERS = 0x80, EXPORTS = 0x200, LISTS = 0x240;

/** What a call of a function came to. */
export type Served = "answered" | "thread" | "handler" | "left";

/** The system that a program runs in: its functions have addresses, of which nothing but the call is interpreted. */
export class System {
  /** The memory of the program. */
  readonly memory: Memory;
  readonly #names: string[] = [...RESERVED];
  readonly #numbers = new Map<string, number>();

  /** Octets of the program's headers in memory. */
  readonly headerOctets: number;
  /** The file that the program was started from. */
  readonly file: OwnFile;
  /** Milliseconds since the system was started: the same in each run. */
  ticks = 0x123456;
  /** The handler of exceptions that is asked before all others; 0: none. */
  firstHandler = 0;
  /** The handler of exceptions that is asked behind all others; 0: none. */
  lastHandler = 0;
  #copied = 0;

  /**
   * @param headerOctets They are read-only until the program asks for it.
   * @param file The program as a file.
   */
  constructor(memory: Memory, headerOctets: number, file: Uint8Array) {
    this.memory = memory;
    this.headerOctets = headerOctets;
    this.file = new OwnFile(file);
    memory.protectHeaders(headerOctets);
    this.#export();
  }

  /** Writes the headers of the system's own library, where stubs look functions up themselves. */
  #export(): void {
    const { memory } = this;
    const put = (place: number, value: number) => memory.write(memory.trapsAt + place, 4, value);
    const text = (place: number, value: string) => {
      for (let i = 0; i < value.length; i++) {
        memory.write(memory.trapsAt + place + i, 1, value.charCodeAt(i));
      }
      return place + value.length + 1;
    };
    const code = new Uint8Array(TRAP_OCTETS - FUNCTIONS_FROM).fill(CODE);
    memory.put(memory.trapsAt + FUNCTIONS_FROM, code);
    const names = [...SERVICES.keys(), ...LEFT].sort((a, b) => a < b ? -1 : 1);
    put(0, 0x5a4d);
    put(60, HEADERS);
    put(HEADERS, 0x4550);
    put(HEADERS + 4, 0x14c);
    put(HEADERS + 24, 0x10b);
    put(HEADERS + 24 + 28, memory.trapsAt);
    put(HEADERS + 24 + 56, TRAP_OCTETS);
    put(HEADERS + 24 + 92, 16);
    put(HEADERS + 24 + 96, EXPORTS);
    const functions = LISTS;
    const pointers = functions + 4 * names.length;
    const ordinals = pointers + 4 * names.length;
    let end = text(ordinals + 2 * names.length, LIBRARY);
    put(EXPORTS + 12, ordinals + 2 * names.length);
    for (const [place, value] of [[16, 1], [20, names.length], [24, names.length]] as const) {
      put(EXPORTS + place, value);
    }
    put(EXPORTS + 28, functions);
    put(EXPORTS + 32, pointers);
    put(EXPORTS + 36, ordinals);
    for (const [i, name] of names.entries()) {
      put(functions + 4 * i, this.addressOf(name) - memory.trapsAt);
      put(pointers + 4 * i, end);
      memory.write(memory.trapsAt + ordinals + 2 * i, 2, i);
      end = text(end, name);
    }
    put(HEADERS + 24 + 100, end - EXPORTS);
  }

  /** Where the program returns to. */
  get threadEnd(): number {
    return this.memory.trapsAt + FUNCTIONS_FROM;
  }

  /** Where handlers of exceptions return to. */
  get handlerEnd(): number {
    return this.memory.trapsAt + FUNCTIONS_FROM + TRAP_STEP;
  }

  /** A text in memory. Throws {@link Fault}. */
  text(address: number): string {
    return this.memory.text(address, MAX_NAME_OCTETS);
  }

  /** The handle of each library: all are there, and are one. */
  get library(): number {
    return this.memory.trapsAt;
  }

  /** The address of a function; every function is there. `0` where there are too many. */
  addressOf(name: string): number {
    let number = this.#numbers.get(name);
    if (number === undefined) {
      number = this.#names.length;
      if (number > MAX_FUNCTIONS) return 0;
      this.#names.push(name);
      this.#numbers.set(name, number);
    }
    return this.memory.trapsAt + FUNCTIONS_FROM + TRAP_STEP * number;
  }

  /** Copies octets into the program's memory for a function. Throws {@link Fault}. */
  copy(address: number, octets: Uint8Array): void {
    this.memory.put(address, octets);
    this.#copied += octets.length;
  }

  /** How many instructions the last call counts as. */
  get cost(): number {
    return INSTRUCTIONS_PER_CALL + Math.ceil(this.#copied / OCTETS_PER_INSTRUCTION);
  }

  /** Whether an address is one of a function. */
  has(address: number): boolean {
    return ((address - this.memory.trapsAt) >>> 0) < TRAP_OCTETS;
  }

  /** Does what was called: the processor stands at a function's address, or behind what a stub copied of it. Throws {@link Fault}. */
  serve(p: Processor): Served {
    this.#copied = 0;
    const number = Math.floor((p.ip - this.threadEnd) / TRAP_STEP);
    if (number === 0) return "thread";
    if (number === 1) return "handler";
    const service = SERVICES.get(this.#names[number] ?? "");
    if (service === undefined) return "left";
    const stack = p.registers[ESP] ?? 0;
    const args = Array.from(
      { length: service.takes },
      (_, i) => this.memory.read32((stack + 4 * (i + 1)) | 0),
    );
    const back = this.memory.read32(stack);
    p.registers[EAX] = this.#answer(service, args);
    p.registers[ESP] = stack + 4 * (service.takes + 1);
    p.ip = back;
    return "answered";
  }

  /** Functions that are given wrong addresses say so by `0`. */
  #answer(service: Service, args: readonly number[]): number {
    try {
      return service.answer(this, args);
    } catch (error) {
      if (error instanceof Fault) return 0;
      throw error;
    }
  }
}
