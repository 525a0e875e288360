/** Text as signatures for text are written: letters of ASCII in lower case, each run of blanks and line ends one blank. */
import { ANSWER, PADDING, PIECE, textNormalProgram } from "./text_normal_program.ts";

/** Longer texts are searched as they are only, octets. */
const MAX_TEXT_OCTETS = 16 << 20;

/** The program and its memory. */
interface Program {
  readonly normal: (length: number, before: number) => number;
  readonly memory: Uint8Array;
}

let program: Program | undefined;

function makeProgram(): Program {
  const module = new WebAssembly.Module(textNormalProgram());
  const { normal, memory } = new WebAssembly.Instance(module).exports;
  if (typeof normal !== "function" || !(memory instanceof WebAssembly.Memory)) {
    throw new TypeError("The program for normal text has other exports");
  }
  return { normal: normal as Program["normal"], memory: new Uint8Array(memory.buffer) };
}

/** The text in that form, good until the next call; `undefined` where it has it already, or is too long. */
export function normalText(octets: Uint8Array): Uint8Array | undefined {
  if (octets.length > MAX_TEXT_OCTETS) return undefined;
  const { normal, memory } = program ??= makeProgram();
  // of a short one, as most are, the result stays where it is written
  const made = octets.length > PIECE.octets ? new Uint8Array(octets.length) : undefined;
  let length = 0;
  let answer = 0;
  let changes = 0;
  for (let at = 0; at < octets.length; at += PIECE.octets) {
    const piece = octets.subarray(at, at + PIECE.octets);
    memory.set(piece, PIECE.input);
    memory.fill(0, PIECE.input + piece.length, PIECE.input + piece.length + PADDING);
    answer = normal(piece.length, (answer & ANSWER.blank) === 0 ? 0 : 1);
    changes |= answer;
    const count = answer & ANSWER.length;
    made?.set(memory.subarray(PIECE.output, PIECE.output + count), length);
    length += count;
  }
  const isSame = (changes & ANSWER.changed) === 0 && length === octets.length;
  if (isSame) return undefined;
  return made?.subarray(0, length) ?? memory.subarray(PIECE.output, PIECE.output + length);
}
