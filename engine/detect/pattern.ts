/**
 * A byte pattern as signatures write it. The syntax is ClamAV's body signature (docs "Body-based Signature Content Format"): hex,
 * `??` `a?` `?a`, `*`, `{n}` `{n-m}` `{-n}` `{n-}` `[n-m]`, `(aa|bb?c)`, `!(aa|bb)`, and the edges `(B)` `(L)` `(W)` with `!`.
 */
import { MAX_PIECES } from "./limits.ts";

/** Octets that must agree where the mask has ones. Values are zero where the mask is. */
export interface Run {
  readonly kind: "run";
  readonly values: Uint8Array;
  readonly masks: Uint8Array;
}
/** So many octets, whatever they are. */
export interface Gap {
  readonly kind: "gap";
  readonly min: number;
  /** Infinity for `*`. */
  readonly max: number;
}
/** One of several; negated ones are all of one length. */
export interface Choice {
  readonly kind: "choice";
  readonly options: readonly Run[];
  readonly negated: boolean;
}
/** An octet of a kind between two others, or the edge of the content; before the first and behind the last piece nothing is taken. */
export interface Edge {
  readonly kind: "edge";
  /** `B`: no letter, digit or `_`; `L`: the end of a line; `W`: no letter or digit; `V`: the same in UTF-16. */
  readonly of: EdgeKind;
  readonly negated: boolean;
}
/** Kinds of {@link Edge}, in the order of their numbers in modules. */
export const EDGE_KINDS = ["B", "L", "W", "V"] as const;
/** One of {@link EDGE_KINDS}. */
export type EdgeKind = (typeof EDGE_KINDS)[number];
/** A piece of a pattern. */
export type PatternPiece = Run | Gap | Choice | Edge;

/** From where the place of a pattern is counted, in the order of their numbers in modules. */
export const OFFSET_KINDS = [
  "any",
  "start",
  "end",
  "entry", // entry point of a program
  "section", // start of a section, counted from 0
  "lastSection",
  "inSection", // the pattern begins anywhere in it
] as const;
/** Where in the content a pattern may start: so far from there. Of `end`, so far before it. */
export interface PatternOffset {
  readonly from: (typeof OFFSET_KINDS)[number];
  readonly section?: number;
  readonly min: number;
  readonly max: number;
}

/** What is to be found somewhere. */
export interface Subpattern {
  readonly pieces: readonly PatternPiece[];
  /** Letters of ASCII agree in either case; values are lower case. */
  readonly folded?: boolean;
  /** Absent: anywhere. */
  readonly offset?: PatternOffset;
}

/** A signature of one pattern. */
export interface BytePattern extends Subpattern {
  readonly name: string;
  readonly severity: "infected" | "suspicious" | "spam";
  /** Number of ClamAV's target (clamav_types.ts); absent: any type. */
  readonly target?: number;
  /** Of a member of a macro's group, which is not looked for by itself: the number of the group. */
  readonly macro?: number;
}

const TOKEN =
  /\*|\{(\d{0,9})(-?)(\d{0,9})\}|\[(\d{1,9})-(\d{1,9})\]|(!?)\(([BLW]|[0-9a-fA-F?|]+)\)|[0-9a-fA-F?]{2}/y;

function readRun(hex: string): Run | undefined {
  if (hex.length === 0 || hex.length % 2 !== 0) return undefined;
  const pairs = hex.match(/../g) ?? [];
  return {
    kind: "run",
    values: Uint8Array.from(pairs, (pair) => parseInt(pair.replaceAll("?", "0"), 16)),
    masks: Uint8Array.from(
      pairs,
      (pair) => (pair[0] === "?" ? 0 : 0xf0) | (pair[1] === "?" ? 0 : 0x0f),
    ),
  };
}

function readChoice(text: string, negated: boolean): Choice | string {
  const options = text.split("|").map(readRun);
  const sound = options.filter((option) => option !== undefined);
  if (sound.length !== options.length) return "alternatives that are not whole octets";
  if (negated && new Set(sound.map(({ values }) => values.length)).size > 1) {
    return "negated alternatives of several lengths";
  }
  return { kind: "choice", options: sound, negated };
}

function gap(low: string, dash: string, high: string): Gap | string {
  if (low === "" && high === "") return "a gap without a number";
  const min = low === "" ? 0 : Number(low);
  const max = dash === "" ? min : high === "" ? Infinity : Number(high);
  return max < min ? "a gap that ends before it starts" : { kind: "gap", min, max };
}

/**
 * Reads a pattern.
 *
 * @returns Its pieces, runs joined; or a few words that say what is not supported in it.
 */
export function parsePattern(text: string): readonly PatternPiece[] | string {
  const pieces: PatternPiece[] = [];
  let hex = "";
  const flush = () => {
    const run = readRun(hex);
    if (run) pieces.push(run);
    hex = "";
  };
  TOKEN.lastIndex = 0;
  for (let at = 0; at < text.length; at = TOKEN.lastIndex) {
    const token = TOKEN.exec(text);
    if (!token) {
      return text[at] === "(" || text.startsWith("!(", at)
        ? "alternatives with gaps or alternatives in them"
        : "a pattern that is not hexadecimal";
    }
    const [whole, low = "", dash = "", high = "", from, to, not = "", choice] = token;
    if (/^[0-9a-fA-F?]/.test(whole)) {
      hex += whole;
      continue;
    }
    flush();
    const piece: PatternPiece | string = whole === "*"
      ? { kind: "gap", min: 0, max: Infinity }
      : from !== undefined && to !== undefined
      ? gap(from, "-", to)
      : choice === undefined
      ? gap(low, dash, high)
      : choice === "B" || choice === "L" || choice === "W"
      ? { kind: "edge", of: choice, negated: not === "!" }
      : readChoice(choice, not === "!");
    if (typeof piece === "string") return piece;
    pieces.push(piece);
  }
  flush();
  if (pieces.length > MAX_PIECES) return "a pattern of more than 1,024 pieces";
  if (!pieces.some((piece) => piece.kind === "run")) return "a pattern without fixed octets";
  return pieces;
}

/** A pattern of just these octets. */
export function literalPieces(octets: Uint8Array): readonly PatternPiece[] {
  return [{ kind: "run", values: octets, masks: new Uint8Array(octets.length).fill(0xff) }];
}

/** Letters of ASCII in lower case. */
export const LOWER: Uint8Array = Uint8Array.from(
  { length: 256 },
  (_, octet) => octet >= 0x41 && octet <= 0x5a ? octet + 0x20 : octet,
);

function mapRuns(pieces: readonly PatternPiece[], change: (run: Run) => Run): PatternPiece[] {
  return pieces.map((piece) =>
    piece.kind === "run"
      ? change(piece)
      : piece.kind === "choice"
      ? { ...piece, options: piece.options.map(change) }
      : piece
  );
}

/** The pattern in lower case, to be used as `folded`. Half octets stay as they are. */
export function lowerCase(pieces: readonly PatternPiece[]): readonly PatternPiece[] {
  return mapRuns(pieces, (run) => ({
    ...run,
    values: run.values.map((value, i) => run.masks[i] === 0xff ? LOWER[value] ?? value : value),
  }));
}

/** The pattern with a zero behind each octet, as UTF-16 has ASCII. */
export function widen(pieces: readonly PatternPiece[]): readonly PatternPiece[] {
  return mapRuns(pieces, ({ values, masks }) => {
    const wide = { kind: "run" as const, values: new Uint8Array(values.length * 2), masks };
    wide.masks = new Uint8Array(values.length * 2).fill(0xff);
    for (const [i, value] of values.entries()) {
      wide.values[2 * i] = value;
      wide.masks[2 * i] = masks[i] ?? 0;
    }
    return wide;
  });
}

/** The pattern with no letter or digit before and behind it. */
export function asWord(pieces: readonly PatternPiece[], wide: boolean): readonly PatternPiece[] {
  const edge: Edge = { kind: "edge", of: wide ? "V" : "W", negated: false };
  return [edge, ...pieces, edge];
}
