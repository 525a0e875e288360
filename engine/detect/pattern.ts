/**
 * A byte pattern as signatures write it, and its matching at a place where its literal was seen.
 * The syntax is ClamAV's body signature (docs "Body-based Signature Content Format"): hex, `??` `a?` `?a`, `*`, `{n}` `{n-m}`
 * `{-n}` `{n-}`, `(aa|bbcc)`, `!(aa|bb)`.
 */

/** Octets that must agree where the mask has ones. */
export interface PatternRun {
  /** Tells it from the others. */
  readonly kind: "run";
  /** Octets, with zeros where the mask has zeros. */
  readonly values: Uint8Array;
  /** Bits that count, as many octets as values. */
  readonly masks: Uint8Array;
}
/** So many octets, whatever they are. */
export interface PatternGap {
  /** Tells it from the others. */
  readonly kind: "gap";
  /** Fewest octets. */
  readonly min: number;
  /** Infinity for `*`. */
  readonly max: number;
}
/** One of several; negated ones are all of one length. */
export interface PatternChoice {
  /** Tells it from the others. */
  readonly kind: "choice";
  /** What may stand here. */
  readonly options: readonly Uint8Array[];
  /** Whether just these may not stand here. */
  readonly negated: boolean;
}
/** A piece of a pattern. */
export type PatternPiece = PatternRun | PatternGap | PatternChoice;

/** Where in the content a pattern may start. */
export type PatternOffset =
  | { readonly from: "start" | "end"; readonly min: number; readonly max: number }
  | undefined;

/** A signature. */
export interface BytePattern {
  /** What is found. */
  readonly name: string;
  /** What it makes the object; `spam` gives a symptom and no finding. */
  readonly severity: "infected" | "suspicious" | "spam";
  /** Pieces that follow each other. */
  readonly pieces: readonly PatternPiece[];
  /** Absent: anywhere. */
  readonly offset?: PatternOffset;
  /** File types (file_type.ts) that it is for; absent: any. */
  readonly types?: ReadonlySet<string>;
}

/** Steps that one verification may take, so that gaps within gaps cannot be made to cost. */
const MAX_STEPS = 4_000;
/** An open gap (`*`) reaches so far, octets. */
const MAX_GAP_OCTETS = 8 << 20;

const TOKEN = /\*|\{(\d*)(-?)(\d*)\}|(!?)\(([0-9a-fA-F|]+)\)|[0-9a-fA-F?]{2}/y;

function hexOctets(hex: string): Uint8Array | undefined {
  if (hex.length % 2 !== 0 || !/^[0-9a-fA-F]+$/.test(hex)) return undefined;
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

/**
 * Reads a pattern.
 *
 * @returns Its pieces, runs joined; or a sentence that says what is not supported in it.
 */
export function parsePattern(text: string): readonly PatternPiece[] | string {
  const pieces: PatternPiece[] = [];
  let values: number[] = [];
  let masks: number[] = [];
  const flush = () => {
    if (values.length === 0) return;
    pieces.push({ kind: "run", values: Uint8Array.from(values), masks: Uint8Array.from(masks) });
    values = [];
    masks = [];
  };
  TOKEN.lastIndex = 0;
  for (let at = 0; at < text.length; at = TOKEN.lastIndex) {
    const token = TOKEN.exec(text);
    if (!token) return `Cannot read the pattern at character ${at + 1}`;
    const [whole, low = "", dash = "", high = "", not = "", options] = token;
    if (whole === "*" || whole.startsWith("{")) {
      flush();
      const min = whole === "*" || low === "" ? 0 : Number(low);
      const max = whole === "*"
        ? Infinity
        : dash === ""
        ? min
        : high === ""
        ? Infinity
        : Number(high);
      if (max < min) return `The gap ${whole} ends before it starts`;
      pieces.push({ kind: "gap", min, max });
    } else if (options !== undefined) {
      flush();
      const read = options.split("|").map(hexOctets);
      const sound = read.filter((o) => o !== undefined);
      if (sound.length !== read.length) return `Cannot read the alternatives ${whole.slice(0, 40)}`;
      const negated = not === "!";
      if (negated && new Set(sound.map((o) => o.length)).size > 1) {
        return "Negated alternatives must be of one length";
      }
      pieces.push({ kind: "choice", options: sound, negated });
    } else {
      values.push(parseInt(whole.replaceAll("?", "0"), 16));
      masks.push((whole[0] === "?" ? 0 : 0xf0) | (whole[1] === "?" ? 0 : 0x0f));
    }
  }
  flush();
  if (!pieces.some((piece) => piece.kind === "run")) return "The pattern has no fixed octets";
  return pieces;
}

/** A pattern of just these octets. */
export function literalPieces(octets: Uint8Array): readonly PatternPiece[] {
  return [{ kind: "run", values: octets, masks: new Uint8Array(octets.length).fill(0xff) }];
}

class Matcher {
  readonly #octets: Uint8Array;
  readonly #pieces: readonly PatternPiece[];
  #steps = 0;

  constructor(octets: Uint8Array, pieces: readonly PatternPiece[]) {
    this.#octets = octets;
    this.#pieces = pieces;
  }

  run({ values, masks }: PatternRun, at: number): boolean {
    if (at < 0 || at + values.length > this.#octets.length) return false;
    for (let i = 0; i < values.length; i++) {
      if (((this.#octets[at + i] ?? 0) & (masks[i] ?? 0)) !== values[i]) return false;
    }
    return true;
  }

  /** Where the pieces from `index` on end, if they match from `at`; -1 if not. */
  forward(index: number, at: number): number {
    const piece = this.#pieces[index];
    if (!piece) return at;
    if (++this.#steps > MAX_STEPS) return -1;
    if (piece.kind === "run") {
      return this.run(piece, at) ? this.forward(index + 1, at + piece.values.length) : -1;
    }
    if (piece.kind === "choice") {
      for (const length of this.#lengths(piece, at)) {
        const end = this.forward(index + 1, at + length);
        if (end >= 0) return end;
      }
      return -1;
    }
    const last = Math.min(this.#octets.length, at + Math.min(piece.max, MAX_GAP_OCTETS));
    const first = at + piece.min;
    if (index + 1 === this.#pieces.length) return first <= this.#octets.length ? first : -1;
    for (let from = first; from <= last; from++) {
      from = this.#nextStart(index + 1, from, last);
      if (from < 0) return -1;
      const end = this.forward(index + 1, from);
      if (end >= 0) return end;
      if (this.#steps > MAX_STEPS) return -1;
    }
    return -1;
  }

  /** Where the pieces up to `index` start, if they match so as to end at `at`; -1 if not. */
  backward(index: number, at: number): number {
    const piece = this.#pieces[index];
    if (!piece) return at;
    if (at < 0 || ++this.#steps > MAX_STEPS) return -1;
    if (piece.kind === "run") {
      const from = at - piece.values.length;
      return this.run(piece, from) ? this.backward(index - 1, from) : -1;
    }
    if (piece.kind === "choice") {
      for (const length of new Set(piece.options.map((option) => option.length))) {
        if (at - length < 0 || !this.#lengths(piece, at - length).includes(length)) continue;
        const start = this.backward(index - 1, at - length);
        if (start >= 0) return start;
      }
      return -1;
    }
    const last = Math.max(0, at - Math.min(piece.max, MAX_GAP_OCTETS));
    for (let to = at - piece.min; to >= last; to--) {
      const start = this.backward(index - 1, to);
      if (start >= 0) return start;
      if (this.#steps > MAX_STEPS) return -1;
    }
    return -1;
  }

  /** Lengths of the options that match at `at`. */
  #lengths(piece: PatternChoice, at: number): readonly number[] {
    const matching = piece.options.filter((option) => {
      for (let i = 0; i < option.length; i++) if (this.#octets[at + i] !== option[i]) return false;
      return true;
    });
    if (!piece.negated) return matching.map((option) => option.length);
    const length = piece.options[0]?.length ?? 0;
    return matching.length === 0 && at + length <= this.#octets.length ? [length] : [];
  }

  /** The next place where the piece could start, found natively where its first octet is fixed. */
  #nextStart(index: number, from: number, last: number): number {
    const piece = this.#pieces[index];
    if (piece?.kind !== "run" || piece.masks[0] !== 0xff) return from;
    const at = this.#octets.indexOf(piece.values[0] ?? 0, from);
    return at < 0 || at > last ? -1 : at;
  }
}

/**
 * Verifies a pattern of which the run `index` is thought to stand at `at`.
 *
 * @returns Where the pattern starts; -1 if it does not match.
 */
export function matchAround(
  octets: Uint8Array,
  pieces: readonly PatternPiece[],
  index: number,
  at: number,
): number {
  const run = pieces[index];
  if (run?.kind !== "run") return -1;
  const matcher = new Matcher(octets, pieces);
  if (!matcher.run(run, at)) return -1;
  if (matcher.forward(index + 1, at + run.values.length) < 0) return -1;
  return matcher.backward(index - 1, at);
}

/** Whether a match that starts at `start` is where the pattern may be. */
export function offsetAllows(offset: PatternOffset, start: number, length: number): boolean {
  if (!offset) return true;
  const place = offset.from === "start" ? start : length - start;
  return place >= offset.min && place <= offset.max;
}
