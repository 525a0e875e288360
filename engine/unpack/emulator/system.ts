/** The few functions of Windows that stubs call. Any other one ends the run: then the program itself has begun. */
import { MAX_FUNCTIONS, MAX_NAME_OCTETS } from "./limits.ts";
import { Fault, type Memory, TRAP_OCTETS, TRAP_STEP } from "./memory.ts";
import { EAX, ESP, type Processor } from "./processor.ts";

/** What the first addresses stand for: the end of the program, and of a handler of exceptions. */
const RESERVED = ["", ""] as const;
/** Where the first of them lies behind the headers of the system's own library. */
const FUNCTIONS_FROM = 0x2000;
const NO_FILE = -1;
const PAGE_READWRITE = 4;
/** PAGE_READWRITE, PAGE_WRITECOPY and both with execution. */
const WRITABLE_PAGES = 0xcc;
/** What the program is called. */
const FILE_NAME = "C:\\program.exe";

/** One function: how many arguments it takes from the stack, and what it answers. */
interface Service {
  readonly takes: number;
  readonly answer: (system: System, args: readonly number[]) => number;
}

const constant = (takes: number, value: number): Service => ({ takes, answer: () => value });
const allocates = (takes: number, at: number): Service => ({
  takes,
  answer: ({ memory }, args) => memory.allocate(args[at] ?? 0),
});

const SERVICES: ReadonlyMap<string, Service> = new Map<string, Service>([
  ["LoadLibraryA", { takes: 1, answer: ({ library }) => library }],
  ["LoadLibraryExA", { takes: 3, answer: ({ library }) => library }],
  ["GetModuleHandleA", {
    takes: 1,
    answer: (s, [name = 0]) => name === 0 ? s.memory.base : s.library,
  }],
  ["GetProcAddress", {
    takes: 2,
    answer: (s, [, name = 0]) => s.addressOf(name >>> 16 === 0 ? `#${name}` : s.text(name)),
  }],
  ["VirtualAlloc", allocates(4, 1)],
  ["GlobalAlloc", allocates(2, 1)],
  ["LocalAlloc", allocates(2, 1)],
  ["HeapAlloc", allocates(3, 2)],
  ["RtlAllocateHeap", allocates(3, 2)],
  ["VirtualProtect", {
    takes: 4,
    answer: (s, [address = 0, , access = 0, old = 0]) => {
      if ((address - s.memory.base) >>> 0 < s.headerOctets) {
        s.memory.protectHeaders((access & WRITABLE_PAGES) === 0 ? s.headerOctets : 0);
      }
      s.memory.write(old, 4, PAGE_READWRITE);
      return 1;
    },
  }],
  ["VirtualFree", constant(3, 1)],
  ["GlobalFree", constant(1, 0)],
  ["LocalFree", constant(1, 0)],
  ["HeapFree", constant(3, 1)],
  ["HeapCreate", constant(3, 0x150000)],
  ["HeapDestroy", constant(1, 1)],
  ["GetProcessHeap", constant(0, 0x140000)],
  ["FreeLibrary", constant(1, 1)],
  ["FlushInstructionCache", constant(3, 1)],
  ["GetCurrentProcess", constant(0, -1)],
  ["GetCurrentProcessId", constant(0, 0x5a4)],
  ["GetCurrentThreadId", constant(0, 0x5a8)],
  ["GetTickCount", constant(0, 0x123456)],
  ["GetVersion", constant(0, 0x0a280105)],
  ["GetLastError", constant(0, 0)],
  ["SetLastError", constant(1, 0)],
  ["IsDebuggerPresent", constant(0, 0)],
  ["OutputDebugStringA", constant(1, 0)],
  ["GetModuleFileNameA", {
    takes: 3,
    answer: ({ memory }, [, place = 0, most = 0]) => {
      if (most >>> 0 <= FILE_NAME.length) return 0;
      for (let i = 0; i <= FILE_NAME.length; i++) {
        memory.write(place + i, 1, FILE_NAME.charCodeAt(i) || 0);
      }
      return FILE_NAME.length;
    },
  }],
  ["CreateFileA", constant(7, NO_FILE)],
  ["CloseHandle", constant(1, 1)],
  ["Sleep", constant(1, 0)],
]);

/** What the system's own library exports beside them. */
const LEFT = [
  "CreateProcessA",
  "CreateThread",
  "CreateToolhelp32Snapshot",
  "ExitProcess",
  "ExitThread",
  "FindResourceA",
  "GetCommandLineA",
  "GetCurrentThread",
  "GetFileSize",
  "GetStartupInfoA",
  "GetTempPathA",
  "GetThreadContext",
  "GetVersionExA",
  "LoadResource",
  "OpenProcess",
  "Process32First",
  "Process32Next",
  "ReadFile",
  "SetFilePointer",
  "SetThreadContext",
  "SetUnhandledExceptionFilter",
  "TerminateProcess",
  "UnhandledExceptionFilter",
  "VirtualQuery",
  "WaitForSingleObject",
  "WriteFile",
  "WriteProcessMemory",
  "lstrcatA",
  "lstrcmpA",
  "lstrcpyA",
  "lstrlenA",
];
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

  /** @param headerOctets They are read-only until the program asks for it. */
  constructor(memory: Memory, headerOctets: number) {
    this.memory = memory;
    this.headerOctets = headerOctets;
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

  /** Whether an address is one of a function. */
  has(address: number): boolean {
    return ((address - this.memory.trapsAt) >>> 0) < TRAP_OCTETS;
  }

  /** Does what was called: the processor stands at a function's address. Throws {@link Fault}. */
  serve(p: Processor): Served {
    const number = (p.ip - this.threadEnd) / TRAP_STEP;
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
