/** Quoted-printable (RFC 2045, section 6.7): one pass where it is well-formed, every reader's result where it is not. */
import { freeOctets } from "../../free_octets.ts";
import { octetPrograms } from "./octet_programs.ts";
import { INPUT, LOOK_AHEAD, OUTPUT, PIECE_OCTETS } from "./octet_memory.ts";
import { MALFORMED, STOP } from "./quoted_printable_program.ts";
import type { PartContent } from "./types.ts";

const TAB = 9, LF = 10, CR = 13, SPACE = 32, EQUALS = 61;

const HEX = new Uint8Array(256).fill(255);
for (let i = 0; i < 10; i++) HEX[48 + i] = i;
for (let i = 0; i < 6; i++) HEX[65 + i] = HEX[97 + i] = 10 + i;

/** What a reader does where the standard does not say. */
interface Manner {
  /** At `=` without two hex digits: keep it, drop it, or stop. */
  readonly bad: "keep" | "drop" | "stop" | "drop-both";
  /** Whether blanks between `=` and the line end still make a soft break, and whether a CR alone is a line end there. */
  readonly blanks: boolean;
  /** Whether blanks at the end of a line go (the standard says so). */
  readonly trim: boolean;
  readonly lowerCase: boolean;
  /** Python's: `=` and a CR make a soft break with all up to the next LF, and `==` is one `=`. */
  readonly skips?: boolean;
  readonly reading: string;
}

/** What a pass met. */
interface Met {
  /** What readers may decode differently. */
  odd: boolean;
  /** What only readers that skip do. */
  skips: boolean;
}

const STANDARD: Manner = {
  bad: "keep",
  blanks: true,
  trim: true,
  lowerCase: true,
  reading: "quoted-printable",
};
const MANNERS: readonly Manner[] = [
  STANDARD,
  { ...STANDARD, bad: "drop", reading: "quoted-printable/drop-bad" },
  { ...STANDARD, bad: "drop-both", reading: "quoted-printable/drop-escape" },
  { ...STANDARD, bad: "stop", reading: "quoted-printable/stop-at-bad" },
  { ...STANDARD, blanks: false, reading: "quoted-printable/blank-is-no-break" },
  { ...STANDARD, trim: false, reading: "quoted-printable/keep-blanks" },
  { ...STANDARD, lowerCase: false, reading: "quoted-printable/upper-case" },
];

const SKIPPING: Manner = {
  ...STANDARD,
  blanks: false,
  trim: false,
  skips: true,
  reading: "quoted-printable/skip-to-lf",
};

/** Decodes quoted-printable; the first reading is the standard one. More than one only where something is malformed. */
export function* quotedPrintableReadings(octets: Uint8Array): Generator<PartContent, void> {
  const wellFormed = decodeWellFormed(octets);
  if (wellFormed !== undefined) {
    yield { octets: wellFormed, reading: STANDARD.reading };
    return;
  }
  const met: Met = { odd: false, skips: false };
  yield { octets: decode(octets, STANDARD, met), reading: STANDARD.reading };
  if (!met.odd) return;
  for (const manner of [...MANNERS.slice(1), ...(met.skips ? [SKIPPING] : [])]) {
    yield { octets: decode(octets, manner), reading: manner.reading };
  }
  const plain = withoutOdd(octets);
  const decoded = decode(plain, STANDARD);
  freeOctets(plain);
  yield { octets: decoded, reading: "quoted-printable/without-odd" };
}

/** Without `=` and the lower-case letter behind it: readers that know no lower case drop both, and decode what comes together. */
function withoutOdd(octets: Uint8Array): Uint8Array {
  const out = new Uint8Array(octets.length);
  let size = 0;
  for (let i = 0; i < octets.length; i++) {
    const next = octets[i + 1] ?? 0;
    if (octets[i] === EQUALS && next > 96 && next < 123) i++;
    else out[size++] = octets[i]!;
  }
  return out.subarray(0, size);
}

/** The one reading of what is well-formed, the octets themselves where nothing has to be decoded; `undefined` where it may not be. */
function decodeWellFormed(octets: Uint8Array): Uint8Array | undefined {
  const { quotedPrintable, memory } = octetPrograms();
  const { length } = octets;
  const made = length > PIECE_OCTETS ? new Uint8Array(length) : undefined;
  let size = 0;
  for (let at = 0; at < length;) {
    const end = pieceEnd(octets, at);
    const count = end - at;
    if (count === 0) return undefined; // a piece of nothing but blanks
    memory.set(count === length ? octets : octets.subarray(at, end), INPUT);
    memory[INPUT - 2] = memory[INPUT - 1] = 0;
    memory.fill(STOP, INPUT + count, INPUT + count + LOOK_AHEAD);
    const written = quotedPrintable(count);
    if (written === MALFORMED) return undefined;
    if (made === undefined) {
      return written === length ? octets : memory.slice(OUTPUT, OUTPUT + written);
    }
    made.set(memory.subarray(OUTPUT, OUTPUT + written), size);
    size += written;
    at = end;
  }
  return size === length ? octets : made!.subarray(0, size);
}

/** Where a piece may end: not within an escape, nor where blanks or a CR could belong to a line end; its start if nowhere. */
function pieceEnd(octets: Uint8Array, start: number): number {
  if (octets.length - start <= PIECE_OCTETS) return octets.length;
  for (let end = start + PIECE_OCTETS; end > start + 1; end--) {
    const last = octets[end - 1]!;
    if (last === LF) return end;
    if (last > SPACE && last !== EQUALS && octets[end - 2] !== EQUALS) return end;
  }
  return start;
}

function decode(octets: Uint8Array, manner: Manner, met?: Met): Uint8Array {
  const out = new Uint8Array(octets.length);
  const length = octets.length;
  let size = 0;
  let i = 0;
  while (i < length) {
    const octet = octets[i]!;
    if (octet === LF) {
      if (manner.trim && size > 0) {
        let end = size;
        const cr = out[end - 1] === CR && octets[i - 1] === CR;
        if (cr) end--;
        if (end > 0 && (out[end - 1] === SPACE || out[end - 1] === TAB)) {
          // Only blanks that stand in the text go: those that were escaped stay.
          let from = i - (cr ? 1 : 0);
          while (end > 0 && from > 0 && isBlank(octets[from - 1]!) && isBlank(out[end - 1]!)) {
            end--;
            from--;
          }
          if (cr) out[end++] = CR;
          size = end;
        }
      }
      out[size++] = octet;
      i++;
      continue;
    }
    if (octet !== EQUALS) {
      out[size++] = octet;
      i++;
      continue;
    }
    const high = HEX[octets[i + 1] ?? 0]!, low = HEX[octets[i + 2] ?? 0]!;
    const lower = (octets[i + 1] ?? 0) > 96 || (octets[i + 2] ?? 0) > 96;
    if (high < 16 && low < 16 && (manner.lowerCase || !lower)) {
      if (lower && met) met.odd = true;
      out[size++] = high << 4 | low;
      i += 3;
      continue;
    }
    const next = octets[i + 1];
    const isBareCr = next === CR && octets[i + 2] !== LF && i + 2 < length;
    if (met && (isBareCr || next === EQUALS)) met.odd = met.skips = true;
    if (manner.skips && next === CR) {
      const lf = octets.indexOf(LF, i + 2);
      i = lf < 0 ? length : lf + 1;
      continue;
    }
    if (manner.skips && next === EQUALS) {
      out[size++] = EQUALS;
      i += 2;
      continue;
    }
    const soft = softBreak(octets, i + 1);
    if (soft > 0 && (manner.blanks || next === LF || next === CR && !isBareCr)) {
      if (met && next !== CR && next !== LF) met.odd = true;
      i = soft;
      continue;
    }
    if (i + 1 >= length) break; // a lone = at the end is a soft break before the delimiter
    if (met) met.odd = true;
    if (manner.bad === "stop") break;
    if (manner.bad === "keep") out[size++] = octet;
    i += manner.bad === "drop-both" ? 3 : 1;
  }
  return out.subarray(0, size);
}

function isBlank(octet: number): boolean {
  return octet === SPACE || octet === TAB;
}

/** Past the line end of a soft break whose `=` stands before `at`; 0 if it is none. */
function softBreak(octets: Uint8Array, at: number): number {
  let i = at;
  while (i < octets.length && isBlank(octets[i]!)) i++;
  if (octets[i] === CR && octets[i + 1] === LF) return i + 2;
  if (octets[i] === LF || octets[i] === CR) return i + 1;
  return i >= octets.length && i > at ? i : 0;
}
