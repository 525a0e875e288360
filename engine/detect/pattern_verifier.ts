/**
 * Verifies that a pattern stands where one of its runs was seen. The cost of one content is bounded: gaps without end are not
 * searched twice over the same octets, and all verifications together may take {@link MAX_SEARCH_STEPS} steps.
 */
import { MAX_SEARCH_STEPS } from "./limits.ts";
import { LOWER } from "./pattern.ts";
import {
  BODY,
  ENDLESS,
  FOLDED_BIT,
  MASKED_BIT,
  NEGATED_BIT,
  type PatternTables,
  PIECE,
} from "./pattern_tables.ts";

/** Octets skipped by a native search that count as one step. */
const OCTETS_PER_STEP = 64;

function isLetterOrDigit(octet: number): boolean {
  return (octet >= 0x30 && octet <= 0x39) || (octet >= 0x61 && octet <= 0x7a) ||
    (octet >= 0x41 && octet <= 0x5a);
}

/** Verifies candidates in one content. */
export class Verifier {
  /** Whether all steps are used up. */
  exhausted = false;
  /** Whether a pattern failed only by an edge, which a part of the content may well have. */
  failedAtEdge = false;
  readonly #tables: PatternTables;
  readonly #octets: Uint8Array;
  #steps = 0;
  #folded = false;
  /** For gaps without end: from where on what follows them is not there. */
  readonly #nothingAfter = new Map<number, number>();
  /** For gaps without end: up to where what is before them is not there. */
  readonly #nothingBefore = new Map<number, number>();

  constructor(tables: PatternTables, octets: Uint8Array) {
    this.#tables = tables;
    this.#octets = octets;
  }

  /**
   * @param body Number of the body.
   * @param piece Number of the run within it that is thought to begin at `at`.
   * @returns Where the pattern starts; -1 where it does not match.
   */
  verify(body: number, piece: number, at: number): number {
    const { bodies } = this.#tables;
    const word = body * BODY.words;
    const first = bodies[word] ?? 0;
    const count = bodies[word + BODY.pieces] ?? 0;
    this.#folded = (count & FOLDED_BIT) !== 0;
    const anchor = first + piece;
    if (!this.#run(anchor * PIECE.words, at)) return -1;
    const end = first + (count & ~FOLDED_BIT);
    const length = this.#tables.pieces[anchor * PIECE.words + 2] ?? 0;
    if (anchor + 1 < end && this.#forward(anchor + 1, end, at + length) < 0) return -1;
    return this.#backward(anchor - 1, first, at);
  }

  #step(steps: number): boolean {
    this.#steps += steps;
    if (this.#steps > MAX_SEARCH_STEPS) this.exhausted = true;
    return this.exhausted;
  }

  #run(word: number, at: number): boolean {
    const { pieces } = this.#tables;
    const isMasked = ((pieces[word] ?? 0) & MASKED_BIT) !== 0;
    return this.#same(pieces[word + 1] ?? 0, pieces[word + 2] ?? 0, isMasked, at);
  }

  #same(from: number, length: number, isMasked: boolean, at: number): boolean {
    const octets = this.#octets;
    if (at < 0 || at + length > octets.length) return false;
    const values = this.#tables.octets;
    if (!isMasked && !this.#folded) {
      for (let i = 0; i < length; i++) if (octets[at + i] !== values[from + i]) return false;
      return true;
    }
    for (let i = 0; i < length; i++) {
      const octet = octets[at + i] ?? 0;
      const plain = this.#folded ? LOWER[octet] ?? 0 : octet;
      const mask = isMasked ? values[from + length + i] ?? 0 : 0xff;
      if ((plain & mask) !== values[from + i]) return false;
    }
    return true;
  }

  /** Where the pieces from `piece` on end, if they match from `at`; -1 if not. */
  #forward(piece: number, end: number, at: number): number {
    const { pieces } = this.#tables;
    for (; piece < end; piece++) {
      if (this.#step(1)) return -1;
      const word = piece * PIECE.words;
      const kind = (pieces[word] ?? 0) & 0xff;
      if (kind === PIECE.run) {
        if (!this.#run(word, at)) return -1;
        at += pieces[word + 2] ?? 0;
      } else if (kind === PIECE.edge) {
        const taken = this.#edgeAhead(word, at, piece + 1 === end);
        if (taken < 0) return -1;
        at += taken;
      } else if (kind === PIECE.gap) return this.#gapAhead(piece, end, at);
      else return this.#choiceAhead(piece, end, at);
    }
    return at;
  }

  #choiceAhead(piece: number, end: number, at: number): number {
    const { pieces, options } = this.#tables;
    const word = piece * PIECE.words;
    const first = pieces[word + 1] ?? 0;
    const count = pieces[word + 2] ?? 0;
    const negated = ((pieces[word] ?? 0) & NEGATED_BIT) !== 0;
    let length = 0;
    for (let option = first; option < first + count; option++) {
      length = (options[option * 2 + 1] ?? 0) & ~FOLDED_BIT;
      if (!this.#option(option, at)) continue;
      if (negated) return -1;
      const found = this.#forward(piece + 1, end, at + length);
      if (found >= 0) return found;
    }
    if (!negated || at + length > this.#octets.length) return -1;
    return this.#forward(piece + 1, end, at + length);
  }

  #option(option: number, at: number): boolean {
    const { options } = this.#tables;
    const length = options[option * 2 + 1] ?? 0;
    const isMasked = (length & FOLDED_BIT) !== 0;
    return this.#same(options[option * 2] ?? 0, length & ~FOLDED_BIT, isMasked, at);
  }

  #gapAhead(piece: number, end: number, at: number): number {
    const { pieces } = this.#tables;
    const word = piece * PIECE.words;
    const first = at + (pieces[word + 1] ?? 0);
    const max = pieces[word + 2] ?? 0;
    const isEndless = max === ENDLESS;
    const last = isEndless ? this.#octets.length : Math.min(this.#octets.length, at + max);
    if (piece + 1 === end) return first <= this.#octets.length ? first : -1;
    if (isEndless && first >= (this.#nothingAfter.get(piece) ?? Infinity)) return -1;
    for (let from = first; from <= last; from++) {
      if (isEndless) from = this.#nextStart(piece + 1, from);
      if (from < 0) break;
      const found = this.#forward(piece + 1, end, from);
      if (found >= 0) return found;
      if (this.exhausted) return -1;
    }
    if (isEndless) this.#nothingAfter.set(piece, first);
    return -1;
  }

  /** The next place where the piece could start, found natively where its first octet is fixed; -1 where there is none. */
  #nextStart(piece: number, from: number): number {
    const { pieces, octets } = this.#tables;
    const word = piece * PIECE.words;
    if (this.#folded || (pieces[word] ?? 0) !== PIECE.run) return from; // flags included
    const at = this.#octets.indexOf(octets[pieces[word + 1] ?? 0] ?? 0, from);
    this.#step(((at < 0 ? this.#octets.length : at) - from) / OCTETS_PER_STEP);
    return at;
  }

  /** Where the pieces from `first` to `piece` start, if they match so as to end at `at`; -1 if not. */
  #backward(piece: number, first: number, at: number): number {
    const { pieces } = this.#tables;
    for (; piece >= first; piece--) {
      if (at < 0 || this.#step(1)) return -1;
      const word = piece * PIECE.words;
      const kind = (pieces[word] ?? 0) & 0xff;
      if (kind === PIECE.run) {
        at -= pieces[word + 2] ?? 0;
        if (!this.#run(word, at)) return -1;
      } else if (kind === PIECE.edge) {
        const taken = this.#edgeBehind(word, at, piece === first);
        if (taken < 0) return -1;
        at -= taken;
      } else if (kind === PIECE.gap) return this.#gapBehind(piece, first, at);
      else return this.#choiceBehind(piece, first, at);
    }
    return at;
  }

  #choiceBehind(piece: number, first: number, at: number): number {
    const { pieces, options } = this.#tables;
    const word = piece * PIECE.words;
    const from = pieces[word + 1] ?? 0;
    const count = pieces[word + 2] ?? 0;
    const negated = ((pieces[word] ?? 0) & NEGATED_BIT) !== 0;
    let length = 0;
    for (let option = from; option < from + count; option++) {
      length = (options[option * 2 + 1] ?? 0) & ~FOLDED_BIT;
      if (at < length || !this.#option(option, at - length)) continue;
      if (negated) return -1;
      const found = this.#backward(piece - 1, first, at - length);
      if (found >= 0) return found;
    }
    return negated && at >= length ? this.#backward(piece - 1, first, at - length) : -1;
  }

  #gapBehind(piece: number, first: number, at: number): number {
    const { pieces } = this.#tables;
    const word = piece * PIECE.words;
    const nearest = at - (pieces[word + 1] ?? 0);
    const max = pieces[word + 2] ?? 0;
    if (piece === first) return nearest;
    const known = max === ENDLESS ? this.#nothingBefore.get(piece) ?? -1 : -1;
    const farthest = max === ENDLESS ? known + 1 : Math.max(0, at - max);
    for (let to = nearest; to >= farthest; to--) {
      const start = this.#backward(piece - 1, first, to);
      if (start >= 0) return start;
      if (this.exhausted) return -1;
    }
    if (max === ENDLESS) this.#nothingBefore.set(piece, Math.max(known, nearest));
    return -1;
  }

  /** Octets that an edge takes at `at`; -1 where there is none. */
  #edgeAhead(word: number, at: number, isLast: boolean): number {
    const octets = this.#octets;
    const kind = this.#tables.pieces[word + 1] ?? 0;
    if (at >= octets.length && isLast) return 0;
    const isThere = at < octets.length &&
      (kind === 3
        ? !(isLetterOrDigit(octets[at] ?? 0) && (octets[at + 1] ?? 1) === 0)
        : this.#isEdge(kind, at, at + 1));
    if (isThere === (((this.#tables.pieces[word] ?? 0) & NEGATED_BIT) !== 0)) return this.#failed();
    if (isLast) return 0;
    return kind === 1 && octets[at] === 0x0d && octets[at + 1] === 0x0a ? 2 : 1;
  }

  /** Octets that an edge takes before `at`; -1 where there is none. */
  #edgeBehind(word: number, at: number, isFirst: boolean): number {
    const octets = this.#octets;
    const kind = this.#tables.pieces[word + 1] ?? 0;
    if (at === 0 && isFirst) return 0;
    const isThere = at > 0 &&
      (kind === 3
        ? !(at > 1 && isLetterOrDigit(octets[at - 2] ?? 0) && octets[at - 1] === 0)
        : this.#isEdge(kind, at - 1, at - 2));
    if (isThere === (((this.#tables.pieces[word] ?? 0) & NEGATED_BIT) !== 0)) return this.#failed();
    if (isFirst) return 0;
    return kind === 1 && octets[at - 1] === 0x0a && octets[at - 2] === 0x0d ? 2 : 1;
  }

  #isEdge(kind: number, at: number, next: number): boolean {
    const octet = this.#octets[at] ?? 0;
    if (kind === 0) return !isLetterOrDigit(octet) && octet !== 0x5f;
    if (kind === 1) return octet === 0x0a || (octet === 0x0d && this.#octets[next] !== undefined);
    return !isLetterOrDigit(octet);
  }

  #failed(): -1 {
    this.failedAtEdge = true;
    return -1;
  }
}
