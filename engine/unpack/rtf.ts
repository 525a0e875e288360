/** RTF: objects in hex or binary inside groups, as loosely as word processors read them. */
import { isPackagedProgram, oleObject, packagedFile } from "./ole.ts";
import { latin1Text } from "../latin1.ts";
import type { Entry, UnpackContext } from "./unpacker.ts";

/** Pieces of data shorter than this hold nothing, octets. */
const MIN_DATA_OCTETS = 16;

/** Hex digits of a group from `at` to its end: other text, control words and inner groups are passed over; `\bin` data is taken as it is. */
function readData(
  text: string,
  octets: Uint8Array,
  from: number,
): { data: Uint8Array; end: number } {
  const data = new Uint8Array((text.length - from >> 1) + 1);
  let length = 0;
  let half = -1;
  let depth = 0;
  let at = from;
  const control = /\\([a-z]{1,32})(-?\d{1,10})? ?|\\[^a-z]/giy;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === 0x7b) depth++;
    else if (code === 0x7d && --depth < 0) break;
    else if (code === 0x5c) {
      control.lastIndex = at;
      const word = control.exec(text);
      if (word) {
        at = control.lastIndex;
        if (word[1]?.toLowerCase() === "bin") {
          const size = Math.min(
            Math.max(0, Number(word[2] ?? 0)),
            text.length - at,
            data.length - length,
          );
          data.set(octets.subarray(at, at + size), length);
          length += size;
          at += size;
        }
        continue;
      }
    } else {
      const digit = code >= 0x30 && code <= 0x39
        ? code - 0x30
        : (code | 32) >= 0x61 && (code | 32) <= 0x66
        ? (code | 32) - 0x57
        : -1;
      if (digit >= 0) {
        if (half < 0) half = digit;
        else {
          data[length++] = half << 4 | digit;
          half = -1;
        }
      }
    }
    at++;
  }
  return { data: data.subarray(0, length), end: at };
}

/** Opens RTF: each embedded object, the file in it if it is a package, and pictures' data where that is something else. */
export function* unrtf(octets: Uint8Array, context: UnpackContext): Generator<Entry> {
  const { budget } = context;
  const text = latin1Text(octets);
  const places = /\\(?:objdata|datastore|themedata|colorschememapping)\b|\\bin\d+ ?/gi;
  for (let found = places.exec(text); found && budget.time(); found = places.exec(text)) {
    const isBinary = found[0].toLowerCase().startsWith("\\bin");
    const { data, end } = readData(text, octets, isBinary ? found.index : places.lastIndex);
    places.lastIndex = Math.max(places.lastIndex, end);
    if (data.length < MIN_DATA_OCTETS) continue;
    budget.unpacked(data.length);
    const object = oleObject(data);
    const file = object && packagedFile(object.data);
    if (file && isPackagedProgram(file)) context.suspect?.("Heuristic.PackagedProgram");
    if (file) yield file;
    else if (object) yield { names: [object.className], content: object.data };
    yield { names: ["objdata"], content: data, quiet: true };
  }
}
