/**
 * The words of WebAssembly with which the inner loops are written that take sixteen octets at a time, which JavaScript cannot. They
 * are put together instruction by instruction, so that what runs can be read.
 *
 * @see https://webassembly.github.io/spec/core/binary/
 */

const I32 = 0x7f;
const V128 = 0x7b;

/** A number as LEB128; instructions know by themselves whether it is signed. */
function number(value: number): number[] {
  const octets: number[] = [];
  for (let rest = value;;) {
    const low = rest & 0x7f;
    rest >>= 7;
    if ((rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0)) {
      return [...octets, low];
    }
    octets.push(low | 0x80);
  }
}

function unsigned(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];
}

type Words = readonly number[][];

export const get = (local: number): number[] => [0x20, local];
export const set = (local: number): number[] => [0x21, local];
export const tee = (local: number): number[] => [0x22, local];
export const i32 = (value: number): number[] => [0x41, ...number(value)];
export const block = (...body: Words): number[] => [0x02, 0x40, ...body.flat(), 0x0b];
export const loop = (...body: Words): number[] => [0x03, 0x40, ...body.flat(), 0x0b];
/** Runs the body at 0, 16, 32 and so on below the length; the local that counts is 0 before. */
export const bySixteen = (at: number, length: number, ...body: Words): number[] =>
  block(loop(
    get(at),
    get(length),
    notLessUnsigned,
    brIf(1),
    ...body,
    get(at),
    i32(16),
    add,
    set(at),
    br(0),
  ));
/** Takes a number; the body is run where it is not 0. */
export const when = (...body: Words): number[] => [0x04, 0x40, ...body.flat(), 0x0b];
export const br = (depth: number): number[] => [0x0c, depth];
export const brIf = (depth: number): number[] => [0x0d, depth];
export const giveBack = [0x0f];
export const select = [0x1b];
export const eqz = [0x45];
export const same = [0x46];
export const lessUnsigned = [0x49];
const notLessUnsigned = [0x4f];
export const trailingZeros = [0x68];
export const add = [0x6a];
export const subtract = [0x6b];
export const and = [0x71];
export const or = [0x72];
export const xor = [0x73];
export const shiftLeft = [0x74];
export const shiftRight = [0x76];

/** One octet, or two, at an address and an offset. */
export const loadOctet = (offset: number): number[] => [0x2d, 0, ...unsigned(offset)];
export const storeOctet = (offset: number): number[] => [0x3a, 0, ...unsigned(offset)];
export const storeTwo = (offset: number): number[] => [0x3b, 0, ...unsigned(offset)];

const vector = (instruction: number, ...rest: readonly number[]) => [
  0xfd,
  ...unsigned(instruction),
  ...rest,
];
/** Sixteen times the octet. */
export const all = (octet: number): number[] => vector(12, ...new Array<number>(16).fill(octet));
export const oneByOne = vector(12, ...Array.from({ length: 16 }, (_, i) => i));
export const load = (offset: number): number[] => vector(0, 0, ...unsigned(offset));
export const store = (offset: number): number[] => vector(11, 0, ...unsigned(offset));
export const swizzle = vector(14);
export const splat = vector(15);
export const equals = vector(35);
export const less = vector(38);
export const vectorAnd = vector(78);
/** The first without what is in the second. */
export const vectorWithout = vector(79);
export const vectorOr = vector(80);
export const vectorXor = vector(81);
export const choose = vector(82);
export const any = vector(83);
export const mask = vector(100);
export const vectorAdd = vector(110);
export const vectorSubtract = vector(113);

/** A function that takes numbers and answers with one. */
export interface WasmFunction {
  readonly name: string;
  /** How many it takes; they are its first locals. */
  readonly parameters: number;
  /** Locals behind them: numbers, then vectors. */
  readonly numbers: number;
  readonly vectors: number;
  readonly code: Words;
}

const name = (text: string) => [text.length, ...new TextEncoder().encode(text)];
const section = (id: number, ...content: Words) => {
  const octets = content.flat();
  return [id, ...unsigned(octets.length), ...octets];
};

/** A module without any import, that exports `memory` and the functions. */
export function wasmModule(
  pages: number,
  functions: readonly WasmFunction[],
): Uint8Array<ArrayBuffer> {
  const types = functions.map(({ parameters }) => [
    ...[0x60, parameters],
    ...new Array<number>(parameters).fill(I32),
    ...[1, I32],
  ]);
  const bodies = functions.map(({ numbers, vectors, code }) => {
    const body = [2, numbers, I32, vectors, V128, ...code.flat(), 0x0b];
    return [...unsigned(body.length), ...body];
  });
  const count = functions.length;
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [count], ...types),
    ...section(3, [count], functions.map((_, i) => i)),
    ...section(5, [1, 1, pages, pages]),
    ...section(
      7,
      [1 + count],
      name("memory"),
      [2, 0],
      ...functions.map((one, i) => [
        ...name(one.name),
        ...[0, i],
      ]),
    ),
    ...section(10, [count], ...bodies),
  ]);
}
