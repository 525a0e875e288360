/** RTF: objects in hex or binary inside groups, as loosely as word processors read them. */
import { isPackagedProgram, oleObject, packagedFile } from "./ole.ts";
import { latin1Text } from "../latin1.ts";
import { Output } from "./output.ts";
import type { Entry, UnpackContext } from "./unpacker.ts";

/** Pieces of data shorter than this hold nothing, octets. */
const MIN_DATA_OCTETS = 16;

/** What is read again, as objects may lie within objects, may be so many times the document's size; good ones have none. */
const MAX_TIMES = 4;
/** Small documents may have so much, octets. */
const FREE_OCTETS = 1 << 20;

const CONTROL = /\\([a-z]{1,32})(-?\d{1,10})? ?|\\[^a-z]/giy;
const IGNORABLE = /\{\s*\\\*/y;

/** What word processors differ in, and what they make of it. */
interface Manner {
  /** The two digits of `\'41` are no data. */
  readonly passesEscapes: boolean;
  /** Groups that begin with `\*` are no data. */
  readonly passesGroups: boolean;
}

/** Data of a group, where it ends, and what in it is read in more than one way. */
interface GroupData {
  readonly data: Uint8Array;
  readonly end: number;
  readonly hasEscapes: boolean;
  readonly hasGroups: boolean;
}

/** Hex digits of a group from `at` to its end: other text and control words are passed over; `\bin` data is taken as it is. */
function readData(
  text: string,
  octets: Uint8Array,
  from: number,
  { passesEscapes, passesGroups }: Manner,
): GroupData {
  const data = new Output(text.length - from, 0);
  let half = -1;
  let depth = 0;
  let passed = 0; // how deep the group is that is passed over
  let hasEscapes = false;
  let hasGroups = false;
  let at = from;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === 0x7b) {
      depth++;
      IGNORABLE.lastIndex = at;
      if (passed === 0 && IGNORABLE.test(text)) {
        hasGroups = true;
        if (passesGroups) passed = depth;
      }
    } else if (code === 0x7d) {
      if (depth === passed) passed = 0;
      if (--depth < 0) break;
    } else if (code === 0x5c) {
      CONTROL.lastIndex = at;
      const word = CONTROL.exec(text);
      if (word) {
        at = CONTROL.lastIndex;
        if (word[0] === "\\'") {
          hasEscapes = true;
          if (passesEscapes) at += 2;
        }
        if (word[1]?.toLowerCase() === "bin") {
          const size = Math.min(Math.max(0, Number(word[2] ?? 0)), text.length - at);
          if (passed === 0) data.append(octets.subarray(at, at + size));
          at += size;
        }
        continue;
      }
    } else if (passed === 0) {
      const digit = digitOf(code);
      if (digit >= 0) {
        if (half < 0) half = digit;
        else {
          data.put(half << 4 | digit);
          half = -1;
        }
      }
    }
    at++;
  }
  return { data: data.octets, end: at, hasEscapes, hasGroups };
}

/** Value of a hex digit; -1 of any other character. */
function digitOf(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 32;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

/** A group's data in every way that it may be read. */
function readings(text: string, octets: Uint8Array, from: number): readonly GroupData[] {
  const first = readData(text, octets, from, { passesEscapes: false, passesGroups: false });
  const found = [first];
  for (const passesEscapes of first.hasEscapes ? [false, true] : [false]) {
    for (const passesGroups of first.hasGroups ? [false, true] : [false]) {
      if (!passesEscapes && !passesGroups) continue;
      found.push(readData(text, octets, from, { passesEscapes, passesGroups }));
    }
  }
  return found;
}

/** Opens RTF: each embedded object, the file in it if it is a package, and pictures' data where that is something else. */
export function* unrtf(octets: Uint8Array, context: UnpackContext): Generator<Entry> {
  const { budget } = context;
  const text = latin1Text(octets);
  const places =
    /\\(?:objdata|datastore|themedata|colorschememapping)(?![a-z])(?:-?\d{1,10})? ?|\\bin\d+ ?/gi;
  let covered = 0;
  let left = octets.length * MAX_TIMES + FREE_OCTETS;
  for (let found = places.exec(text); found && budget.time(); found = places.exec(text)) {
    const isInside = found.index < covered;
    const isBinary = found[0].toLowerCase().startsWith("\\bin");
    if (isInside && isBinary) continue;
    if (isInside && left <= 0) return context.note("malformed");
    const from = isBinary ? found.index : places.lastIndex;
    const groups = readings(text, octets, from);
    for (const { data, end } of groups) {
      covered = Math.max(covered, end);
      if (isInside) left -= end - from;
      if (data.length >= MIN_DATA_OCTETS) yield* objects(data, context);
    }
  }
}

function* objects(data: Uint8Array, { budget, suspect }: UnpackContext): Generator<Entry> {
  budget.unpacked(data.length);
  const object = oleObject(data);
  const file = object && packagedFile(object.data);
  if (file && isPackagedProgram(file)) suspect?.("Heuristic.PackagedProgram");
  if (file) yield file;
  else if (object) yield { names: [object.className], content: object.data };
  yield { names: ["objdata"], content: data, quiet: true };
}
