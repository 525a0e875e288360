/** The inner loop of text_normal.ts as a WebAssembly module: sixteen octets at a time. */
import {
  add,
  all,
  and,
  any,
  block,
  br,
  brIf,
  bySixteen,
  choose,
  equals,
  eqz,
  get,
  i32,
  less,
  lessUnsigned,
  load,
  loop,
  mask,
  oneByOne,
  or,
  select,
  set,
  shiftLeft,
  shiftRight,
  splat,
  store,
  subtract,
  swizzle,
  tee,
  trailingZeros,
  vectorAdd,
  vectorAnd,
  vectorOr,
  vectorSubtract,
  vectorXor,
  wasmModule,
  xor,
} from "../wasm_words.ts";

/** Where a piece of text is put, where its normal form is written, and the most octets of a piece. */
export const PIECE = { input: 0, output: 0x10100, octets: 0x10000 } as const;
/** Octets behind a piece that have to be zeros. */
export const PADDING = 16;
/** What the function answers: octets written, whether the last is a blank, whether an octet was changed. */
export const ANSWER = { length: 0xfffff, blank: 1 << 20, changed: 1 << 21 } as const;

const PAGES = 3;
const BLANK = 0x20;

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
  bySixteen(
    AT,
    LENGTH,
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
  ),
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
];

/** The module: exports `memory`, and `normal` with the length of the piece and whether a blank is before it. */
export function textNormalProgram(): Uint8Array<ArrayBuffer> {
  return wasmModule(PAGES, [{ name: "normal", parameters: 2, numbers: 6, vectors: 3, code: CODE }]);
}
