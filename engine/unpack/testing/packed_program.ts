/** Small programs for tests. */
import { mapProgram, readProgram } from "../emulator/program.ts";
import { Run } from "../emulator/run.ts";

/** Address of the image. */
export const BASE = 0x400000;
/** Sections of {@link makeProgram}: where they lie from the start of the image, and what they are called. */
export const TARGET_AT = 0x1000, STUB_AT = 0x2000;
const SECTOR = 0x200;

/**
 * A program of two sections, writable and executable: an empty one, and behind it one with code that is started.
 *
 * @param targetOctets Octets of the empty one in memory.
 */
export function makeProgram(code: Uint8Array, name = "UPX", targetOctets = 0x1000): Uint8Array {
  const size = Math.ceil(code.length / SECTOR) * SECTOR;
  const file = new Uint8Array(0x400 + size);
  const view = new DataView(file.buffer);
  const put = (at: number, value: number) => view.setUint32(at, value, true);
  put(0, 0x5a4d);
  put(60, 0x40);
  put(0x40, 0x4550);
  view.setUint16(0x44, 0x14c, true);
  view.setUint16(0x46, 2, true);
  view.setUint16(0x54, 0xe0, true);
  view.setUint16(0x56, 0x103, true);
  const optional = 0x58;
  const stub = TARGET_AT + targetOctets;
  view.setUint16(optional, 0x10b, true);
  put(optional + 16, stub);
  put(optional + 28, BASE);
  put(optional + 32, 0x1000);
  put(optional + 36, SECTOR);
  put(optional + 56, stub + Math.ceil(code.length / 0x1000) * 0x1000);
  put(optional + 60, 0x400);
  put(optional + 92, 16);
  const section = (at: number, index: number, fields: readonly number[]) => {
    file.set(new TextEncoder().encode(`${name}${index}`), at);
    for (const [i, field] of fields.entries()) put(at + 8 + 4 * i, field);
    put(at + 36, 0xe0000060);
  };
  section(optional + 0xe0, 0, [targetOctets, TARGET_AT, 0, 0x400]);
  section(optional + 0xe0 + 40, 1, [code.length, stub, size, 0x400]);
  file.set(code, 0x400);
  return file;
}

/** Octets of their hexadecimal digits; spaces are left out. */
export function hex(text: string): Uint8Array {
  const pairs = text.replace(/\s/g, "").match(/../g) ?? [];
  return Uint8Array.from(pairs, (pair) => Number.parseInt(pair, 16));
}

/** Hexadecimal digits of a number of four octets, as code has it. */
export function le(value: number): string {
  return [0, 8, 16, 24].map((by) => ((value >>> by) & 255).toString(16).padStart(2, "0")).join("");
}

/**
 * Runs a stub in the program of {@link makeProgram} until it ends.
 *
 * @param mostSlices As often its time is asked for; then it is over.
 */
export function runStub(code: string, mostSlices = Infinity): { run: Run; file: Uint8Array } {
  const file = makeProgram(hex(code));
  const program = readProgram(file);
  if (program === undefined) throw new Error("no program");
  const run = new Run(program, mapProgram(file, program), file);
  run.start();
  let slices = 0;
  while (run.next(() => slices++ < mostSlices) !== undefined);
  return { run, file };
}

/** Address of a function of the system in such a program. */
export function addressOf(name: string): number {
  return runStub("f4").run.system.addressOf(name);
}
