/** The few functions of Windows that stubs call. Any other one ends the run: then the program itself has begun. */
import { FILE_NAME } from "./own_file.ts";
import { heapOf, PROCESS_NUMBER, THREAD_NUMBER } from "./process_block.ts";
import type { System } from "./system.ts";

/** One function: how many arguments it takes from the stack, and what it answers. */
export interface Service {
  readonly takes: number;
  readonly answer: (system: System, args: readonly number[]) => number;
}

const NO_FILE = -1;
const PAGE = 0x1000, PAGE_READWRITE = 4, PAGE_EXECUTE_READWRITE = 0x40;
/** PAGE_READWRITE, PAGE_WRITECOPY and both with execution. */
const WRITABLE_PAGES = 0xcc;
const MEM_COMMIT = 0x1000, MEM_IMAGE = 0x1000000;
/** Octets of MEMORY_BASIC_INFORMATION. */
const REGION_OCTETS = 28;
const MUTEX = 0x4c;
/** Where a context has the debug registers, octets. */
const DEBUG_REGISTERS = [4, 8, 12, 16, 20, 24];
const NOT_SUPPORTED = 0xc00000bb | 0;

const constant = (takes: number, value: number): Service => ({ takes, answer: () => value });
const allocates = (takes: number, at: number): Service => ({
  takes,
  answer: ({ memory }, args) => memory.allocate(args[at] ?? 0),
});
/** Answers 1 (or what is given) and writes zero to where an argument points. */
const writesZero = (takes: number, at: number, value = 1): Service => ({
  takes,
  answer: ({ memory }, args) => {
    memory.write(args[at] ?? 0, 4, 0);
    return value;
  },
});
const library: Service["answer"] = (s) => s.library;
const copies = (s: System, to: number, text: string) => {
  for (let i = 0; i <= text.length; i++) s.memory.write(to + i, 1, text.charCodeAt(i) || 0);
  return to;
};

const FILES: readonly (readonly [string, Service])[] = [
  ["GetModuleFileNameA", {
    takes: 3,
    answer: (s, [, place = 0, most = 0]) => {
      if (most >>> 0 <= FILE_NAME.length) return 0;
      copies(s, place, FILE_NAME);
      return FILE_NAME.length;
    },
  }],
  ["CreateFileA", { takes: 7, answer: (s, [name = 0]) => s.file.open(s.text(name)) }],
  ["GetFileSize", {
    takes: 2,
    answer: ({ file, memory }, [handle = 0, high = 0]) => {
      if (!file.isFile(handle)) return NO_FILE;
      if (high !== 0) memory.write(high, 4, 0);
      return file.size;
    },
  }],
  ["SetFilePointer", {
    takes: 4,
    answer: ({ file }, [handle = 0, by = 0, , from = 0]) =>
      file.isFile(handle) ? file.seek(by, from) : -1,
  }],
  ["ReadFile", {
    takes: 5,
    answer: (s, [handle = 0, to = 0, octets = 0, count = 0]) => {
      if (!s.file.isFile(handle)) return 0;
      const read = s.file.read(octets);
      s.copy(to, read);
      if (count !== 0) s.memory.write(count, 4, read.length);
      return 1;
    },
  }],
  ["CreateFileMappingA", { takes: 6, answer: ({ file }, [handle = 0]) => file.map(handle) }],
  ["MapViewOfFile", {
    takes: 5,
    answer: (s, [handle = 0, , , from = 0, octets = 0]) => {
      if (!s.file.isMapping(handle)) return 0;
      const part = s.file.part(from, octets);
      const address = s.memory.allocate(part.length);
      if (address !== 0) s.copy(address, part);
      return address;
    },
  }],
  ["UnmapViewOfFile", constant(1, 1)],
  ["CloseHandle", constant(1, 1)],
];

const MEMORY: readonly (readonly [string, Service])[] = [
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
  ["VirtualQuery", {
    takes: 3,
    answer: ({ memory }, [address = 0, place = 0, octets = 0]) => {
      if (octets >>> 0 < REGION_OCTETS || !memory.has(address)) return 0;
      const page = address & -PAGE;
      const fields = [
        page,
        memory.has(page) ? memory.base : page,
        PAGE_EXECUTE_READWRITE,
        PAGE,
        MEM_COMMIT,
        PAGE_EXECUTE_READWRITE,
        MEM_IMAGE,
      ];
      for (const [i, field] of fields.entries()) memory.write(place + 4 * i, 4, field);
      return REGION_OCTETS;
    },
  }],
  ["VirtualFree", constant(3, 1)],
  ["GlobalFree", constant(1, 0)],
  ["LocalFree", constant(1, 0)],
  ["HeapFree", constant(3, 1)],
  ["HeapCreate", { takes: 3, answer: ({ memory }) => heapOf(memory) }],
  ["HeapDestroy", constant(1, 1)],
  ["GetProcessHeap", { takes: 0, answer: ({ memory }) => heapOf(memory) }],
  ["FlushInstructionCache", constant(3, 1)],
  ["lstrlenA", { takes: 1, answer: (s, [text = 0]) => s.text(text).length }],
  ["lstrcpyA", { takes: 2, answer: (s, [to = 0, from = 0]) => copies(s, to, s.text(from)) }],
];

/** What tells the time goes on a little by each look at it: what waits for it ends, and what measures by it sees nothing. */
const clock = (takes: number): Service => ({ takes, answer: (s) => s.ticks++ });

const DEBUGGING: readonly (readonly [string, Service])[] = [
  ["IsDebuggerPresent", constant(0, 0)],
  ["CheckRemoteDebuggerPresent", writesZero(2, 1)],
  ["OutputDebugStringA", constant(1, 0)],
  ["NtQueryInformationProcess", writesZero(5, 2, 0)],
  ["ZwQueryInformationProcess", writesZero(5, 2, 0)],
  ["NtSetInformationThread", constant(4, 0)],
  ["ZwSetInformationThread", constant(4, 0)],
  ["NtQuerySystemInformation", constant(4, NOT_SUPPORTED)],
  ["ZwQuerySystemInformation", constant(4, NOT_SUPPORTED)],
  ["GetThreadContext", {
    takes: 2,
    answer: ({ memory }, [, context = 0]) => {
      for (const place of DEBUG_REGISTERS) memory.write(context + place, 4, 0);
      return 1;
    },
  }],
  ["FindWindowA", constant(2, 0)],
  ["FindWindowExA", constant(4, 0)],
  ["CreateToolhelp32Snapshot", constant(2, -1)],
  ["Process32First", constant(2, 0)],
  ["Process32Next", constant(2, 0)],
  ["BlockInput", constant(1, 1)],
  ["CreateMutexA", constant(3, MUTEX)],
  ["SetErrorMode", constant(1, 0)],
  ["GetTickCount", clock(0)],
  ["timeGetTime", clock(0)],
  ["QueryPerformanceCounter", {
    takes: 1,
    answer: (s, [place = 0]) => {
      s.memory.write(place, 4, s.ticks++);
      s.memory.write(place + 4, 4, 0);
      return 1;
    },
  }],
  ["Sleep", {
    takes: 1,
    answer: (s, [ms = 0]) => {
      s.ticks = (s.ticks + ms) | 0;
      return 0;
    },
  }],
];

const EXCEPTIONS: readonly (readonly [string, Service])[] = [
  ["SetUnhandledExceptionFilter", {
    takes: 1,
    answer: (s, [handler = 0]) => {
      const before = s.lastHandler;
      s.lastHandler = handler;
      return before;
    },
  }],
  ["AddVectoredExceptionHandler", {
    takes: 2,
    answer: (s, [, handler = 0]) => s.firstHandler = handler,
  }],
  ["RemoveVectoredExceptionHandler", {
    takes: 1,
    answer: (s) => {
      s.firstHandler = 0;
      return 1;
    },
  }],
  ["RtlUnwind", {
    takes: 4,
    answer: ({ memory }, [frame = 0, , , value = 0]) => {
      if (frame !== 0) memory.write(memory.threadAt, 4, frame);
      return value;
    },
  }],
];

/** All of them, by their names. */
export const SERVICES: ReadonlyMap<string, Service> = new Map<string, Service>([
  ["LoadLibraryA", { takes: 1, answer: library }],
  ["LoadLibraryExA", { takes: 3, answer: library }],
  ["LoadLibraryW", { takes: 1, answer: library }],
  ["GetModuleHandleA", {
    takes: 1,
    answer: (s, [name = 0]) => name === 0 ? s.memory.base : s.library,
  }],
  ["GetModuleHandleW", {
    takes: 1,
    answer: (s, [name = 0]) => name === 0 ? s.memory.base : s.library,
  }],
  ["GetProcAddress", {
    takes: 2,
    answer: (s, [, name = 0]) => s.addressOf(name >>> 16 === 0 ? `#${name}` : s.text(name)),
  }],
  ["FreeLibrary", constant(1, 1)],
  ...MEMORY,
  ...FILES,
  ...DEBUGGING,
  ...EXCEPTIONS,
  ["GetCurrentProcess", constant(0, -1)],
  ["GetCurrentThread", constant(0, -2)],
  ["GetCurrentProcessId", constant(0, PROCESS_NUMBER)],
  ["GetCurrentThreadId", constant(0, THREAD_NUMBER)],
  ["GetVersion", constant(0, 0x0a280105)],
  ["GetLastError", constant(0, 0)],
  ["SetLastError", constant(1, 0)],
]);

/** What the system's own library exports beside them. */
export const LEFT: readonly string[] = [
  "CreateProcessA",
  "CreateThread",
  "ExitProcess",
  "ExitThread",
  "FindResourceA",
  "GetCommandLineA",
  "GetStartupInfoA",
  "GetTempPathA",
  "GetVersionExA",
  "LoadResource",
  "OpenProcess",
  "SetThreadContext",
  "TerminateProcess",
  "UnhandledExceptionFilter",
  "WaitForSingleObject",
  "WriteFile",
  "WriteProcessMemory",
  "lstrcatA",
  "lstrcmpA",
];
