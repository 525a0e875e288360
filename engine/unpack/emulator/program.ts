/**
 * 32-bit programs for Windows as their loader sees them, where that differs from what the headers should say: packers make use of it.
 *
 * @see Microsoft, "PE Format"
 */
import { peHeuristics } from "../../detect/program_heuristics.ts";
import { u16, u32 } from "../octets.ts";
import {
  FEW_FUNCTIONS,
  MAX_FUNCTIONS,
  MAX_IMAGE_OCTETS,
  MAX_LIBRARIES,
  MAX_NAME_OCTETS,
} from "./limits.ts";
import { Fault, Memory } from "./memory.ts";
import type { System } from "./system.ts";

const PAGE = 0x1000;
const SECTOR = 0x200;
const MAX_SECTIONS = 96;
const SECTION_OCTETS = 40;
/** The signature of the headers. */
const PE = 0x4550;
const I386 = 0x14c;
const PE32 = 0x10b;
/** Flags of sections. */
const CODE = 0x20, EXECUTABLE = 0x20000000, WRITABLE = 0x80000000;

/** A section in memory. */
export interface MappedSection {
  /** Octets from the address of the image. */
  readonly start: number;
  /** Octets in memory, in whole pages. */
  readonly size: number;
  /** Octets from the start of the file, in whole sectors. */
  readonly raw: number;
  /** Octets in the file, in whole sectors. */
  readonly rawSize: number;
  /** Its header, octets from the start of the file. */
  readonly header: number;
  /** Its characteristics. */
  readonly flags: number;
}

/** What is known of a program before it runs. */
export interface Program {
  /** The address that it wants. */
  readonly base: number;
  /** The first instruction, octets from there. */
  readonly entry: number;
  /** Octets in memory. */
  readonly size: number;
  /** The optional header, octets from the start of the file. */
  readonly optional: number;
  /** What the file begins with, up to the first section; not a copy. */
  readonly headers: Uint8Array;
  /** By address. */
  readonly sections: readonly MappedSection[];
}

const inPages = (octets: number) => Math.ceil(octets / PAGE) * PAGE;

/** Reads the headers; `undefined` for what is no 32-bit program, has no code of its own, or is too large to be run. */
export function readProgram(octets: Uint8Array): Program | undefined {
  const header = u32(octets, 60);
  if (header + 24 + 96 > octets.length || u32(octets, header) !== PE) return undefined;
  const optional = header + 24;
  if (u16(octets, header + 4) !== I386 || u16(octets, optional) !== PE32) return undefined;
  const hasRuntime = u32(octets, optional + 92) > 14 && u32(octets, optional + 96 + 14 * 8) !== 0;
  if (hasRuntime && u16(octets, header + 20) >= 96 + 15 * 8) return undefined; // .NET
  const table = optional + u16(octets, header + 20);
  const count = Math.min(u16(octets, header + 6), MAX_SECTIONS);
  const sections: MappedSection[] = [];
  for (let i = 0; i < count; i++) {
    const at = table + SECTION_OCTETS * i;
    if (at + SECTION_OCTETS > octets.length) break;
    const rawSize = u32(octets, at + 16);
    const raw = u32(octets, at + 20);
    sections.push({
      start: u32(octets, at + 12),
      size: inPages(u32(octets, at + 8) || rawSize),
      raw: raw - raw % SECTOR,
      rawSize: rawSize === 0
        ? 0
        : Math.ceil((raw + rawSize) / SECTOR) * SECTOR - (raw - raw % SECTOR),
      header: at,
      flags: u32(octets, at + 36),
    });
  }
  sections.sort((a, b) => a.start - b.start);
  const size = inPages(
    Math.max(u32(octets, optional + 56), ...sections.map((one) => one.start + one.size), PAGE),
  );
  const base = u32(octets, optional + 28);
  if (size > MAX_IMAGE_OCTETS || base < 0x10000 || base + size > 0x80000000) return undefined;
  const first = sections[0]?.start ?? size;
  const headers = octets.subarray(0, Math.min(u32(octets, optional + 60) || first, first, size));
  return { base, entry: u32(octets, optional + 16), size, optional, headers, sections };
}

/** Number of functions that a program's table of imports names; up to a few. */
function countFunctions(memory: Memory, program: Program): number {
  let count = 0;
  eachImport(memory, program, () => ++count <= FEW_FUNCTIONS);
  return count;
}

/** Whether a program looks as if another one had packed it. */
export function looksPacked(octets: Uint8Array, program: Program, memory: Memory): boolean {
  if (peHeuristics(octets).length > 0) return true;
  const { sections, entry } = program;
  const isCode = ({ flags }: MappedSection) => (flags & (CODE | EXECUTABLE)) !== 0;
  const home = sections.findIndex(({ start, size }) => entry >= start && entry < start + size);
  const section = sections[home];
  const isOdd = section === undefined || (section.flags & WRITABLE) !== 0 ||
    (home > 0 && home === sections.length - 1) ||
    sections.some((one) => isCode(one) && one.rawSize === 0 && one.size > 0);
  return isOdd && countFunctions(memory, program) <= FEW_FUNCTIONS;
}

/** Puts a program into memory as the loader does, without its imports. */
export function mapProgram(octets: Uint8Array, program: Program): Memory {
  const memory = new Memory(program.base, program.size);
  const { image } = memory;
  image.set(program.headers);
  for (const { start, size, raw, rawSize } of program.sections) {
    const length = Math.min(size, rawSize, image.length - start);
    if (length > 0 && raw < octets.length) image.set(octets.subarray(raw, raw + length), start);
  }
  return memory;
}

/**
 * Reads the table of imports.
 *
 * @param each Gets the function, by number where it has no name, and where its address belongs; `false` ends it.
 */
function eachImport(
  memory: Memory,
  { base, optional }: Program,
  each: (name: string, place: number) => boolean,
): void {
  const { image } = memory;
  const table = u32(image, optional + 96 + 8);
  const headers = Math.max(1, u32(image, optional + 60));
  if (table === 0) return;
  try {
    for (let i = 0, at = base + table; i < MAX_LIBRARIES; i++, at += 20) {
      const lookup = memory.read32(at);
      const library = memory.read32(at + 12);
      const places = memory.read32(at + 16);
      if (library === 0 || places === 0) return;
      // the loader takes no table that lies in the headers
      const hasLookup = lookup >= headers && lookup < image.length;
      for (let n = 0; n < MAX_FUNCTIONS; n++) {
        const place = base + places + 4 * n;
        const thunk = memory.read32(hasLookup ? base + lookup + 4 * n : place);
        if (thunk === 0) break;
        const name = thunk < 0
          ? `#${thunk & 0xffff}`
          : memory.text(base + thunk + 2, MAX_NAME_OCTETS);
        if (!each(name, place)) return;
      }
    }
  } catch (error) {
    if (!(error instanceof Fault)) throw error; // the table is damaged from here on
  }
}

/** Puts the addresses of the functions where the program looks for them. */
export function resolveImports(memory: Memory, program: Program, system: System): void {
  eachImport(memory, program, (name, place) => {
    const address = system.addressOf(name);
    memory.write(place, 4, address);
    return address !== 0;
  });
}

/**
 * The image as a file: each section lies in it where it lies in memory.
 *
 * @param entry The first instruction, octets from the start of the image; absent: as it was.
 * @param most Octets.
 */
export function imageFile(
  memory: Memory,
  program: Program,
  entry: number | undefined,
  most: number,
): Uint8Array {
  const { image } = memory;
  let end = Math.min(image.length, most);
  while (end > 0 && image[end - 1] === 0) end--;
  const file = image.slice(0, end);
  // some stubs wipe the headers, so that what they unpacked is no program any more
  const { optional, headers } = program;
  const isProgram = u32(file, 60) === optional - 24 && u32(file, optional - 24) === PE;
  if (!isProgram) file.set(headers.subarray(0, file.length));
  const view = new DataView(file.buffer);
  const put = (at: number, value: number) => {
    if (at + 4 <= file.length) view.setUint32(at, value, true);
  };
  put(optional + 36, PAGE);
  if (entry !== undefined) put(optional + 16, entry);
  for (const { start, size, header } of program.sections) {
    put(header + 8, size);
    put(header + 12, start);
    put(header + 16, Math.max(0, Math.min(size, end - start)));
    put(header + 20, start);
  }
  return file;
}
