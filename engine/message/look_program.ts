/** The loop of octet_look.ts: which line ends there are, and where a line of interest may be. */
import { INPUT, OUTPUT } from "./octet_memory.ts";
import {
  add,
  all,
  and,
  any,
  brIf,
  bySixteen,
  equals,
  get,
  i32,
  less,
  load,
  loop,
  mask,
  or,
  set,
  shiftLeft,
  storeTwo,
  subtract,
  tee,
  trailingZeros,
  vectorAnd,
  vectorOr,
  vectorWithout,
  type WasmFunction,
  when,
} from "../wasm_words.ts";

/** What the function answers: how many places it wrote, and what it met. */
export const LOOK = {
  places: 0xfffff,
  nul: 1 << 20,
  bareCr: 1 << 21,
  bareLf: 1 << 22,
  crlf: 1 << 23,
} as const;

const LF = 10, CR = 13, DASH = 45, OPEN = 40;

/** The length, then locals: numbers first, vectors behind. */
const LENGTH = 0;
const AT = 1;
const COUNT = 2;
const PLACES = 3;
const NOW = 4;
const BEFORE = 5;
const LINE_END = 6;
const AFTER_CR = 7;
const NUL = 8;
const BARE_CR = 9;
const BARE_LF = 10;
const CRLF = 11;
const DASHES = 12;
const NEXT = 13;

const is = (local: number, octet: number) => [...get(local), ...all(octet), ...equals];
/** Whether the octet so far behind is the letter, in any case. */
const letterBehind = (offset: number, letter: string) => [
  ...get(AT),
  ...load(INPUT + offset),
  ...isLetter(letter),
];
/** The same of the vector that is on the stack. */
const isLetter = (letter: string) => [
  ...all(0x20),
  ...vectorOr,
  ...all(letter.charCodeAt(0)),
  ...equals,
];
const gather = (local: number) => [...get(local), ...vectorOr, ...set(local)];
const flag = (local: number, bit: number) => [
  ...[...get(local), ...any],
  ...[...i32(Math.log2(bit)), ...shiftLeft, ...or],
];

/**
 * Takes the length of the piece. Before the piece there has to be the octet before it, or an LF, and behind it what follows, or blanks.
 * It writes the places, two octets each, of `--` behind a control character or blank, of `begi`, of `(` behind an LF, and of the
 * dash of `t-t`, as in Content-Transfer-Encoding.
 */
export const LOOK_FUNCTION: WasmFunction = {
  name: "look",
  parameters: 1,
  numbers: 3,
  vectors: 10,
  code: [
    bySixteen(
      AT,
      LENGTH,
      get(AT),
      load(INPUT),
      set(NOW),
      get(AT),
      load(INPUT - 1),
      set(BEFORE),
      is(NOW, LF),
      set(LINE_END),
      is(BEFORE, CR),
      set(AFTER_CR),
      is(NOW, 0),
      gather(NUL),
      get(AFTER_CR),
      get(LINE_END),
      vectorWithout,
      gather(BARE_CR),
      get(LINE_END),
      get(AFTER_CR),
      vectorWithout,
      gather(BARE_LF),
      get(LINE_END),
      get(AFTER_CR),
      vectorAnd,
      gather(CRLF),
      // two dashes, or one between two t: few octets are dashes at all
      is(NOW, DASH),
      tee(DASHES),
      any,
      when(
        get(AT),
        load(INPUT + 1),
        tee(NEXT),
        all(DASH),
        equals,
        get(BEFORE),
        all(33),
        less,
        vectorAnd,
        get(BEFORE),
        isLetter("t"),
        get(NEXT),
        isLetter("t"),
        vectorAnd,
        vectorOr,
        get(DASHES),
        vectorAnd,
        set(DASHES),
      ),
      get(DASHES),
      // begi
      letterBehind(0, "b"),
      letterBehind(1, "e"),
      vectorAnd,
      letterBehind(2, "g"),
      vectorAnd,
      letterBehind(3, "i"),
      vectorAnd,
      vectorOr,
      // a bracket
      is(NOW, OPEN),
      is(BEFORE, LF),
      vectorAnd,
      vectorOr,
      mask,
      tee(PLACES),
      when(loop(
        get(COUNT),
        i32(1),
        shiftLeft,
        get(PLACES),
        trailingZeros,
        get(AT),
        add,
        storeTwo(OUTPUT),
        get(COUNT),
        i32(1),
        add,
        set(COUNT),
        get(PLACES),
        get(PLACES),
        i32(1),
        subtract,
        and,
        tee(PLACES),
        brIf(0),
      )),
    ),
    get(COUNT),
    flag(NUL, LOOK.nul),
    flag(BARE_CR, LOOK.bareCr),
    flag(BARE_LF, LOOK.bareLf),
    flag(CRLF, LOOK.crlf),
  ],
};
