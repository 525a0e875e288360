/** The loop of quoted_printable.ts: decodes what is well-formed. */
import { HEX_TABLE, INPUT, OUTPUT } from "./octet_memory.ts";
import {
  add,
  all,
  and,
  br,
  brIf,
  equals,
  eqz,
  get,
  giveBack,
  i32,
  lessUnsigned,
  load,
  loadOctet,
  loop,
  mask,
  or,
  same,
  set,
  shiftLeft,
  store,
  storeOctet,
  subtract,
  tee,
  trailingZeros,
  vectorOr,
  type WasmFunction,
  when,
} from "../wasm_words.ts";

/** What the function answers where readers may differ. */
export const MALFORMED = -1;
/** What octets behind the piece are to be: the loop ends there. */
export const STOP = 61;
/** What the table has for what is no digit, or one in lower case. */
export const NO_DIGIT = 0x80;

const TAB = 9, LF = 10, CR = 13, SPACE = 32, EQUALS = 61;

/** The length, then locals: numbers first, vectors behind. */
const LENGTH = 0;
const AT = 1;
const OUT = 2;
const FROM = 3;
const FIRST = 4;
const SECOND = 5;
const NOW = 6;

const octetAt = (offset: number) => [...get(AT), ...loadOctet(INPUT + offset)];
const digitAt = (offset: number) => [...octetAt(offset), ...loadOctet(HEX_TABLE)];
const is = (octet: number) => [...i32(octet), ...same];
const move = (
  local: number,
  count: number,
) => [...get(local), ...i32(count), ...add, ...set(local)];
const put = (octet: number) => [
  ...[...get(OUT), ...i32(octet), ...storeOctet(OUTPUT)],
  ...move(OUT, 1),
];
const isBlank = (local: number) => [
  ...[...get(local), ...is(SPACE)],
  ...[...get(local), ...is(TAB), ...or],
];

/** Past what needs nothing: sixteen octets are copied, and count up to the first `=` or line end. */
const RUN = [
  ...loop(
    get(OUT),
    get(AT),
    load(INPUT),
    tee(NOW),
    store(OUTPUT),
    get(NOW),
    all(EQUALS),
    equals,
    get(NOW),
    all(LF),
    equals,
    vectorOr,
    mask,
    tee(FIRST),
    eqz,
    when(move(AT, 16), move(OUT, 16), br(1)),
  ),
  ...[...get(FIRST), ...trailingZeros, ...tee(FIRST), ...get(AT), ...add, ...set(AT)],
  ...[...get(FIRST), ...get(OUT), ...add, ...set(OUT)],
];

/** Escapes and soft breaks, one behind the other. */
const ESCAPES = loop(
  octetAt(0),
  is(EQUALS),
  when(
    get(OUT),
    digitAt(1),
    tee(FIRST),
    i32(4),
    shiftLeft,
    digitAt(2),
    tee(SECOND),
    or,
    storeOctet(OUTPUT),
    get(FIRST),
    get(SECOND),
    or,
    i32(16),
    lessUnsigned,
    when(move(AT, 3), move(OUT, 1), br(2)),
    octetAt(1),
    tee(FIRST),
    is(LF),
    when(move(AT, 2), br(2)),
    get(FIRST),
    is(CR),
    octetAt(2),
    is(LF),
    and,
    when(move(AT, 3), br(2)),
    // the end, or a lone = before it, which is a soft break before the delimiter
    get(LENGTH),
    get(AT),
    subtract,
    i32(2),
    lessUnsigned,
    when(get(OUT), giveBack),
    i32(MALFORMED),
    giveBack,
  ),
);

/** A line end, before which blanks go that stand in the text. All of them were copied, one octet for each. */
const LINE_END = [
  ...octetAt(0),
  ...is(LF),
  ...when(
    octetAt(-1),
    tee(FIRST),
    is(CR),
    tee(SECOND), // how many octets of it are before the LF
    when(octetAt(-2), set(FIRST)),
    isBlank(FIRST),
    when(
      get(OUT),
      get(SECOND),
      subtract,
      set(OUT),
      get(AT),
      get(SECOND),
      subtract,
      set(FROM),
      loop(
        move(OUT, -1),
        move(FROM, -1),
        get(FROM),
        loadOctet(INPUT - 1),
        set(FIRST),
        isBlank(FIRST),
        brIf(0),
      ),
      get(SECOND),
      when(put(CR)),
    ),
    put(LF),
    move(AT, 1),
  ),
];

/**
 * Takes the length of the piece, which has to end where pieceEnd() says. Behind it there have to be {@link STOP}s, and
 * before it two octets that are no blanks. Answers with the octets written.
 */
export const QUOTED_PRINTABLE_FUNCTION: WasmFunction = {
  name: "quotedPrintable",
  parameters: 1,
  numbers: 5,
  vectors: 1,
  code: [loop(RUN, ESCAPES, LINE_END, br(0)), i32(MALFORMED)],
};
