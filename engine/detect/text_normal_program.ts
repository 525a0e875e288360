/**
 * The inner loop of text_normal.ts as a WebAssembly module: sixteen octets at a time, which JavaScript cannot. It is put together
 * here, instruction by instruction, so that what runs can be read; it has no import.
 *
 * @see https://webassembly.github.io/spec/core/binary/
 */

/** Where a piece of text is put, where its normal form is written, and the most octets of a piece. */
export const PIECE = { input: 0, output: 0x10100, octets: 0x10000 } as const;
/** Octets behind a piece that have to be zeros. */
export const PADDING = 16;
/** What the function answers: octets written, whether the last is a blank, whether an octet was changed. */
export const ANSWER = { length: 0xfffff, blank: 1 << 20, changed: 1 << 21 } as const;

const PAGES = 3;
const BLANK = 0x20;

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

const get = (local: number) => [0x20, local];
const set = (local: number) => [0x21, local];
const tee = (local: number) => [0x22, local];
const i32 = (value: number) => [0x41, ...number(value)];
const block = (...body: readonly number[][]) => [0x02, 0x40, ...body.flat(), 0x0b];
const loop = (...body: readonly number[][]) => [0x03, 0x40, ...body.flat(), 0x0b];
const br = (depth: number) => [0x0c, depth];
const brIf = (depth: number) => [0x0d, depth];
const select = [0x1b];
const eqz = [0x45];
const lessUnsigned = [0x49];
const notLessUnsigned = [0x4f];
const trailingZeros = [0x68];
const add = [0x6a];
const subtract = [0x6b];
const and = [0x71];
const or = [0x72];
const xor = [0x73];
const shiftLeft = [0x74];
const shiftRight = [0x76];

const vector = (instruction: number, ...rest: readonly number[]) => [
  0xfd,
  ...unsigned(instruction),
  ...rest,
];
const all = (octet: number) => vector(12, ...new Array<number>(16).fill(octet));
const oneByOne = vector(12, ...Array.from({ length: 16 }, (_, i) => i));
const load = (offset: number) => vector(0, 0, ...unsigned(offset));
const store = (offset: number) => vector(11, 0, ...unsigned(offset));
const swizzle = vector(14);
const splat = vector(15);
const equals = vector(35);
const less = vector(38);
const vectorAnd = vector(78);
const vectorOr = vector(80);
const vectorXor = vector(81);
const choose = vector(82);
const any = vector(83);
const mask = vector(100);
const vectorAdd = vector(110);
const vectorSubtract = vector(113);

/** Parameters, then locals: numbers first, vectors behind. */
const LENGTH = 0;
const BEFORE = 1;
const AT = 2;
const OUT = 3;
const BLANKS = 4;
const DROPPED = 5;
const COUNT = 6;
const STEP = 7;
const RAW = 8;
const MADE = 9;
const CHANGES = 10;

/** Whether each octet lies in a range, as a vector of zeros and ones. */
const within = (from: number, count: number) => [
  ...get(RAW),
  ...all(from),
  ...vectorSubtract,
  ...all(count),
  ...less,
];

const CODE = [
  block(loop(
    get(AT),
    get(LENGTH),
    notLessUnsigned,
    brIf(1),
    get(AT),
    load(PIECE.input),
    set(RAW),
    // a blank where there is any kind of one, else letters in lower case
    all(BLANK),
    get(RAW),
    within(0x41, 26),
    all(0x20),
    vectorAnd,
    vectorOr,
    within(0x09, 5),
    choose,
    tee(MADE),
    get(RAW),
    vectorXor,
    get(CHANGES),
    vectorOr,
    set(CHANGES),
    // how many of the sixteen are text
    get(LENGTH),
    get(AT),
    subtract,
    tee(COUNT),
    i32(16),
    get(COUNT),
    i32(16),
    lessUnsigned,
    select,
    set(COUNT),
    // blanks behind blanks
    get(MADE),
    all(BLANK),
    equals,
    mask,
    tee(BLANKS),
    get(BLANKS),
    i32(1),
    shiftLeft,
    get(BEFORE),
    or,
    and,
    i32(1),
    get(COUNT),
    shiftLeft,
    i32(1),
    subtract,
    and,
    set(DROPPED),
    get(BLANKS),
    get(COUNT),
    i32(1),
    subtract,
    shiftRight,
    i32(1),
    and,
    set(BEFORE),
    // what is before each run of these is written, the run is taken out of the vector
    block(loop(
      get(DROPPED),
      eqz,
      brIf(1),
      get(OUT),
      get(MADE),
      store(PIECE.output),
      get(DROPPED),
      trailingZeros,
      tee(STEP),
      get(OUT),
      add,
      set(OUT),
      get(DROPPED),
      get(STEP),
      shiftRight,
      i32(-1),
      xor,
      trailingZeros,
      get(STEP),
      add,
      set(STEP),
      get(MADE),
      oneByOne,
      get(STEP),
      splat,
      vectorAdd,
      swizzle,
      set(MADE),
      get(DROPPED),
      get(STEP),
      shiftRight,
      set(DROPPED),
      get(COUNT),
      get(STEP),
      subtract,
      set(COUNT),
      br(0),
    )),
    get(OUT),
    get(MADE),
    store(PIECE.output),
    get(OUT),
    get(COUNT),
    add,
    set(OUT),
    get(AT),
    i32(16),
    add,
    set(AT),
    br(0),
  )),
  get(OUT),
  get(BEFORE),
  i32(20),
  shiftLeft,
  or,
  get(CHANGES),
  any,
  i32(21),
  shiftLeft,
  or,
].flat();

const I32 = 0x7f;
const V128 = 0x7b;
const name = (text: string) => [text.length, ...new TextEncoder().encode(text)];
const section = (id: number, ...content: readonly number[][]) => {
  const octets = content.flat();
  return [id, ...unsigned(octets.length), ...octets];
};

/** The module: exports `memory`, and `normal` with the length of the piece and whether a blank is before it. */
export function textNormalProgram(): Uint8Array<ArrayBuffer> {
  const body = [2, 6, I32, 3, V128, ...CODE, 0x0b];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 2, I32, I32, 1, I32]),
    ...section(3, [1, 0]),
    ...section(5, [1, 1, PAGES, PAGES]),
    ...section(7, [2], name("memory"), [2, 0], name("normal"), [0, 0]),
    ...section(10, [1], unsigned(body.length), body),
  ]);
}
