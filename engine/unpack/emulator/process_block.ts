/**
 * What the system tells a program of itself in memory: the blocks of its thread and process, and the lists of its modules. Stubs look
 * functions up from here, and look for a debugger.
 *
 * @see winternl.h, TEB, PEB and PEB_LDR_DATA for i386
 */
import { STACK_OCTETS } from "./limits.ts";
import { type Memory, TRAP_OCTETS } from "./memory.ts";
import { FILE_NAME } from "./own_file.ts";
import type { Program } from "./program.ts";

/** The system's frame of exceptions lies so far below the end of the stack, octets. */
const LAST_FRAME_BELOW = 0x40;

/** Places in the block of the thread; the other blocks lie behind its own, where stubs do not look. */
const THREAD = {
  frame: 0,
  stackTop: 4,
  stackEnd: 8,
  self: 0x18,
  processNumber: 0x20,
  threadNumber: 0x24,
  process: 0x30,
};
const PROCESS_AT = 0x800, LISTS_AT = 0xa40, HEAP_AT = 0xa80, MODULES_AT = 0xac0, NAMES_AT = 0xbc0;
const PROCESS = { image: 8, modules: 12, heap: 0x18, processors: 0x64, version: 0xa4 };
/** Windows XP: 5.1, build 2600, platform 2. */
const VERSION = [5, 1, 2600, 2];
/** Flags of the heap where there is no debugger: HEAP_GROWABLE. */
const HEAP = { flags: 12, growable: 2 };
/** Of each of the three lists its place in the head and in an entry. */
const LOADED = [12, 0] as const, PLACED = [20, 8] as const, STARTED = [28, 16] as const;
const MODULE_OCTETS = 0x50;
const MODULE = { base: 0x18, entry: 0x1c, size: 0x20, path: 0x24, name: 0x2c };

/** Numbers of the process and the thread. */
export const PROCESS_NUMBER = 0x5a4, THREAD_NUMBER = 0x5a8;

/** Address of the heap that each process has; nothing is allocated there. */
export function heapOf(memory: Memory): number {
  return memory.threadAt + HEAP_AT;
}

/** Address of the block of the process. */
export function processOf(memory: Memory): number {
  return memory.threadAt + PROCESS_AT;
}

/**
 * Writes the blocks.
 *
 * @param library Address of the system's own library.
 * @param lastHandler The handler of the last frame of exceptions.
 */
export function writeBlocks(
  memory: Memory,
  { base, entry, size }: Program,
  library: number,
  lastHandler: number,
): void {
  const thread = memory.threadAt;
  const top = memory.stackAt + STACK_OCTETS;
  const put = (place: number, value: number) => memory.write(thread + place, 4, value);
  const frame = top - LAST_FRAME_BELOW;
  memory.write(frame, 4, -1);
  memory.write(frame + 4, 4, lastHandler);
  put(THREAD.frame, frame);
  put(THREAD.stackTop, top);
  put(THREAD.stackEnd, memory.stackAt);
  put(THREAD.self, thread);
  put(THREAD.processNumber, PROCESS_NUMBER);
  put(THREAD.threadNumber, THREAD_NUMBER);
  put(THREAD.process, thread + PROCESS_AT);
  put(PROCESS_AT + PROCESS.image, base);
  put(PROCESS_AT + PROCESS.modules, thread + LISTS_AT);
  put(PROCESS_AT + PROCESS.heap, thread + HEAP_AT);
  put(PROCESS_AT + PROCESS.processors, 1);
  for (const [i, value] of VERSION.entries()) put(PROCESS_AT + PROCESS.version + 4 * i, value);
  put(HEAP_AT + HEAP.flags, HEAP.growable);
  let name = NAMES_AT;
  const text = (place: number, value: string) => {
    put(place, ((2 * value.length + 2) << 16) | (2 * value.length));
    put(place + 4, thread + name);
    for (let i = 0; i < value.length; i++) {
      memory.write(thread + name + 2 * i, 2, value.charCodeAt(i));
    }
    name += 2 * value.length + 2;
  };
  const modules = [
    { base, entry: base + entry, size, folder: "C:\\", name: FILE_NAME.slice(3) },
    ...["ntdll.dll", "kernel32.dll"].map((one) => (
      { base: library, entry: 0, size: TRAP_OCTETS, folder: "C:\\WINDOWS\\system32\\", name: one }
    )),
  ].map((module, i) => ({ ...module, at: MODULES_AT + MODULE_OCTETS * i }));
  for (const module of modules) {
    put(module.at + MODULE.base, module.base);
    put(module.at + MODULE.entry, module.entry);
    put(module.at + MODULE.size, module.size);
    text(module.at + MODULE.path, module.folder + module.name);
    text(module.at + MODULE.name, module.name);
  }
  const link = ([inHead, inEntry]: readonly [number, number], list: typeof modules) => {
    const places = [LISTS_AT + inHead, ...list.map(({ at }) => at + inEntry)];
    for (const [i, place] of places.entries()) {
      const next = places[(i + 1) % places.length] ?? 0;
      put(place, thread + next);
      put(next + 4, thread + place);
    }
  };
  link(LOADED, modules);
  link(PLACED, modules);
  link(STARTED, modules.slice(1));
}
