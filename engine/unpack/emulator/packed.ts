/** Run-time packed programs: their stubs are run until they have unpacked what they carry, whatever packed it. */
import type { Entry, UnpackContext } from "../unpacker.ts";
import { RATIO_FREE_OCTETS } from "../limits.ts";
import { MIN_WRITTEN_BEHIND_OCTETS, MIN_WRITTEN_OCTETS } from "./limits.ts";
import {
  imageFile,
  looksPacked,
  mapProgram,
  type Program,
  readProgram,
  resolveImports,
} from "./program.ts";
import { Run } from "./run.ts";

/** Images that were made here are not run again: their layers were unpacked in the same run. */
const made = new WeakSet<ArrayBufferLike>();

/**
 * Images of what a packed program unpacks in memory, each as a file in which sections lie where they lie in memory. A program that
 * cannot be unpacked gives none, and nothing is noted: it was searched as it is, and heuristics tell that it is packed.
 */
export function* unpacked(octets: Uint8Array, context: UnpackContext): Iterable<Entry> {
  // all at once: the program's memory is let go of before what came out is looked at, which may hold more such programs
  yield* run(octets, context);
}

function run(octets: Uint8Array, context: UnpackContext): readonly Entry[] {
  if (made.has(octets.buffer)) return [];
  const program = readProgram(octets);
  if (program === undefined) return [];
  const memory = mapProgram(octets, program);
  if (!looksPacked(octets, program, memory)) return [];
  return images(octets.length, program, new Run(program, memory, octets), context);
}

function images(
  packed: number,
  program: Program,
  run: Run,
  { budget, names: [name = "program"] }: UnpackContext,
): readonly Entry[] {
  const { memory } = run;
  const entries: Entry[] = [];
  let left = Math.max(RATIO_FREE_OCTETS, packed * budget.limits.ratio);
  const add = (content: Uint8Array) => {
    if (content.length === 0) return;
    left -= content.length;
    budget.unpacked(content.length);
    made.add(content.buffer);
    entries.push({ names: [`${name}.unpacked`], content });
  };
  const most = () => budget.octetsUpTo(Math.max(0, left));
  resolveImports(memory, program, run.system);
  run.start();
  let hasImage = false;
  for (;;) {
    const start = run.next(() => budget.timeNow());
    if (start === undefined) break;
    hasImage = true;
    add(imageFile(memory, program, start, most()));
  }
  if (run.end === "time") return entries;
  // the code was unpacked where the stub lies, or the stub got stuck behind it
  if (memory.writtenOctets >= (hasImage ? MIN_WRITTEN_BEHIND_OCTETS : MIN_WRITTEN_OCTETS)) {
    add(imageFile(memory, program, undefined, most()));
  }
  if (run.ranHeap) {
    const { heap } = memory;
    let end = Math.min(heap.length, most());
    while (end > 0 && heap[end - 1] === 0) end--;
    add(heap.slice(0, end));
  }
  return entries;
}
