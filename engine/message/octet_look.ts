/** One look at octets: which line ends occur, and the lines at which structure can begin. */
import { MAX_LINES } from "./limits.ts";
import { type Line, lineOfInterest, linesOfInterest, MAX_INDENT } from "./lines.ts";
import { LOOK } from "./look_program.ts";
import { octetPrograms } from "./octet_programs.ts";
import { INPUT, LOOK_AHEAD, OUTPUT, PIECE_OCTETS } from "./octet_memory.ts";

const LF = 10, SPACE = 32;

/** Which line ends occur. */
export interface LineEnds {
  readonly bareCr: boolean;
  readonly bareLf: boolean;
  readonly crlf: boolean;
  readonly nul: boolean;
}

/** What a look gives. */
export interface Look {
  readonly ends: LineEnds;
  /** At most {@link MAX_LINES}. */
  readonly lines: readonly Line[];
}

/** Looks at octets, each once. */
export function lookAt(octets: Uint8Array): Look {
  const { look, memory } = octetPrograms();
  const { length } = octets;
  const lines: Line[] = [];
  let met = 0;
  let before = -1; // the last place: of its line nothing more is to be known
  for (let at = 0; at < length; at += PIECE_OCTETS) {
    const count = Math.min(PIECE_OCTETS, length - at);
    const end = Math.min(length, at + count + LOOK_AHEAD);
    memory.set(at === 0 && end === length ? octets : octets.subarray(at, end), INPUT);
    memory[INPUT - 1] = at === 0 ? LF : octets[at - 1]!;
    const behind = INPUT + end - at;
    memory.fill(SPACE, behind, INPUT + count + LOOK_AHEAD);
    const answer = look(at + count < length ? count : count + 1); // whether a CR is bare, the octet behind it says
    met |= answer;
    if ((met & LOOK.bareCr) !== 0 || lines.length >= MAX_LINES) continue;
    const places = answer & LOOK.places;
    for (let i = 0; i < places && lines.length < MAX_LINES; i++) {
      const place = at + (memory[OUTPUT + 2 * i]! | memory[OUTPUT + 2 * i + 1]! << 8);
      const start = startOfLine(octets, place, before);
      before = place;
      const line = start < 0 ? undefined : lineOfInterest(octets, start);
      if (line !== undefined) lines.push(line);
    }
  }
  const bareCr = (met & LOOK.bareCr) !== 0;
  return {
    ends: {
      bareCr,
      bareLf: (met & LOOK.bareLf) !== 0,
      crlf: (met & LOOK.crlf) !== 0,
      nul: (met & LOOK.nul) !== 0,
    },
    lines: bareCr ? linesOfInterest(octets) : lines,
  };
}

/** Where the line of a place starts; -1 if that is too far before, or the place before it is on the same line. */
function startOfLine(octets: Uint8Array, place: number, before: number): number {
  const least = Math.max(before, place - MAX_INDENT - 1, -1);
  let start = place;
  while (start > 0 && octets[start - 1] !== LF) {
    if (--start <= least) return -1;
  }
  return start;
}
