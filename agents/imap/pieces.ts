/** A command or response as it came: text with literals between. */
import { Buffer } from "node:buffer";
import { PosternError } from "../../errors.ts";
import type { LiteralHead } from "./literal_head.ts";

/** Text of a line, octets as Latin-1, without line end and without the announcement of the literal that follows. */
export type Piece = string | LiteralPiece;

/** A literal. */
export interface LiteralPiece {
  readonly octets: Uint8Array;
  readonly binary: boolean;
}

/** Octets as characters of the same value. */
export function latin1(octets: Uint8Array): string {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength).toString("latin1");
}

/** Characters of Latin-1 as octets. */
export function octetsOf(text: string): Uint8Array {
  return Buffer.from(text, "latin1");
}

/** A line that announces a literal, without the announcement. */
export function beforeLiteral(line: Uint8Array): string {
  return latin1(line).replace(/~?\{\d+\+?\}$/, "");
}

/** The announcement of a literal. */
export function announce({ octets, binary }: LiteralPiece): string {
  return `${binary ? "~" : ""}{${octets.length}}`;
}

/** What a literal's announcement leaves of it for one who has read it. */
export function asPiece(head: LiteralHead, octets: Uint8Array): LiteralPiece {
  return { octets, binary: head.binary };
}

/** Text as a string of IMAP: quoted where it may be, else a literal. */
export function imapString(text: string): string {
  if (text.length <= 4096 && /^[\t -~]*$/.test(text)) {
    return `"${text.replace(/["\\]/g, "\\$&")}"`;
  }
  const clean = text.replaceAll("\0", " "); // a literal holds no NUL (RFC 9051, section 4.3)
  return `{${clean.length}}\r\n${clean}`;
}

/** Characters of an atom; octets above 127 are taken for letters. */
const ATOM = /[!#-'*-z|}~\u0080-\u00ff]+/y;
const WHOLE_ATOM = new RegExp(`^${ATOM.source}$`);

/** A string for a command: quoted where it may be, else a literal. */
export function stringPiece(text: string): Piece {
  const quoted = imapString(text);
  return quoted.startsWith('"') ? quoted : { octets: octetsOf(text), binary: false };
}

/**
 * Reads the arguments of a command one by one. Every method throws a {@link PosternError} `wire/bad-frame` where something else
 * stands.
 */
export class ArgumentReader {
  readonly #pieces: readonly Piece[];
  #piece = 0;
  #at = 0;

  constructor(pieces: readonly Piece[]) {
    this.#pieces = pieces;
  }

  /** Whether all is read. */
  get atEnd(): boolean {
    return this.#piece >= this.#pieces.length ||
      this.#piece === this.#pieces.length - 1 && this.#text() !== undefined &&
        this.#at >= this.#text()!.length;
  }

  /** The next character; `""` before a literal and at the end. */
  get next(): string {
    return this.#text()?.charAt(this.#at) ?? "";
  }

  /** Whether a literal comes next. */
  get atLiteral(): boolean {
    this.#skipEmpty();
    return typeof this.#pieces[this.#piece] === "object";
  }

  /** Reads characters that must stand here, upper and lower case alike. */
  expect(text: string): void {
    if (!this.accept(text)) fail(`expected ${JSON.stringify(text)}`);
  }

  /** Reads characters if they stand here. */
  accept(text: string): boolean {
    this.#skipEmpty();
    const there = this.#text()?.slice(this.#at, this.#at + text.length);
    if (there?.toUpperCase() !== text.toUpperCase()) return false;
    this.#at += text.length;
    return true;
  }

  /** Reads what a pattern matches here; the pattern is sticky. `undefined` where it does not match. */
  match(pattern: RegExp): string | undefined {
    this.#skipEmpty();
    const text = this.#text();
    if (text === undefined) return undefined;
    pattern.lastIndex = this.#at;
    const match = pattern.exec(text);
    if (!match) return undefined;
    this.#at += match[0].length;
    return match[0];
  }

  /** Reads up to the next blank, parenthesis or quote, at least one character. */
  atom(): string {
    return this.match(ATOM) ?? fail("expected an atom");
  }

  /** Reads an atom, quoted string or literal; its octets as Latin-1. */
  astring(): string {
    if (this.atLiteral) {
      const piece = this.#pieces[this.#piece] as LiteralPiece;
      this.#piece++;
      this.#at = 0;
      return latin1(piece.octets);
    }
    if (this.next === '"') return this.quoted();
    return this.atom();
  }

  /** Reads a quoted string. */
  quoted(): string {
    const raw = this.match(/"(?:[^"\\]|\\.)*"/ys) ?? fail("expected a quoted string");
    return raw.slice(1, -1).replace(/\\(.)/gs, "$1");
  }

  /** What is left, literals included. */
  rest(): readonly Piece[] {
    const [first, ...more] = this.#pieces.slice(this.#piece);
    const rest = typeof first === "string" ? first.slice(this.#at) : first;
    this.#piece = this.#pieces.length;
    return rest === undefined || rest === "" ? more : [rest, ...more];
  }

  #text(): string | undefined {
    const piece = this.#pieces[this.#piece];
    return typeof piece === "string" ? piece : undefined;
  }

  /** Text that is read to its end gives way to the literal behind it. */
  #skipEmpty(): void {
    const text = this.#text();
    if (text !== undefined && this.#at >= text.length && this.#piece < this.#pieces.length - 1) {
      this.#piece++;
      this.#at = 0;
    }
  }
}

/** Whether a text may stand as an atom. */
export function isAtom(text: string): boolean {
  return WHOLE_ATOM.test(text);
}

function fail(what: string): never {
  throw new PosternError("wire/bad-frame", what);
}
