import { PosternError } from "../../errors.ts";
import { type LineEnd, type LiteralHead, literalHead } from "./literal_head.ts";

const NUL = 0;
const LF = 10;
const CR = 13;
const SPACE = 32;

/** A piece of a command or response. */
export type Fragment =
  | {
    readonly kind: "text";
    /** A line without its end, the announcement of a literal included. */
    readonly octets: Uint8Array;
    /** What follows it. A literal of no octets has no fragment. */
    readonly end: LineEnd;
    /** The line holds a CR or NUL. */
    readonly unclean: boolean;
  }
  | {
    readonly kind: "literal";
    /** Part of the literal, valid until the chunk that it came in is. */
    readonly octets: Uint8Array;
    /** Whether it is the last part. */
    readonly done: boolean;
  };

/** How lines are read. */
export interface FragmentDecoderOptions {
  /** Longest line, octets. */
  maxLine: number;
  /**
   * Whose lines these are. A client's may end in LF alone, as every server takes them (they are sent on with CRLF). A server's end
   * in CRLF, and a CR, LF or NUL inside of one is read as a blank: a client would take it for the begin of another response.
   */
  readonly from: "client" | "server";
  /** Whether a line may announce a literal; a server's status response is text for people, which may end in anything. */
  readonly announces?: (line: Uint8Array) => boolean;
}

/**
 * Splits what comes on a connection into lines and literals, led by the announced lengths and by nothing inside of a literal: RFC
 * 9051, section 4.3. Holds no more than one line. Once it has failed it stays failed.
 */
export class FragmentDecoder {
  readonly #options: FragmentDecoderOptions;
  #line = new Uint8Array(0);
  #length = 0;
  #left = 0;
  #failure: PosternError | undefined;

  constructor(options: FragmentDecoderOptions) {
    this.#options = options;
  }

  /** Longest line, octets; may change between lines. */
  set maxLine(octets: number) {
    this.#options.maxLine = octets;
  }

  /** Whether part of a line is held or part of a literal is missing. */
  get partial(): boolean {
    return this.#length > 0 || this.#left > 0;
  }

  /** The literal that was announced does not come: it waited for a continuation, and was refused. */
  cancelLiteral(): void {
    this.#left = 0;
  }

  /**
   * Reads at most one fragment; octets after `used` stay with the caller.
   *
   * @throws {PosternError} `wire/too-long` for a line above the limit.
   */
  take(chunk: Uint8Array, start = 0): { used: number; fragment?: Fragment } {
    if (this.#failure) throw this.#failure;
    if (start >= chunk.length) return { used: 0 };
    if (this.#left > 0) {
      const used = Math.min(this.#left, chunk.length - start);
      this.#left -= used;
      const octets = chunk.subarray(start, start + used);
      return { used, fragment: { kind: "literal", octets, done: this.#left === 0 } };
    }
    let from = start;
    while (true) {
      const lf = chunk.indexOf(LF, from);
      if (lf === -1) {
        this.#hold(chunk.subarray(start));
        return { used: chunk.length - start };
      }
      const before = lf > start ? chunk[lf - 1] : this.#line[this.#length - 1];
      const hasCr = before === CR && (lf > start || this.#length > 0);
      if (hasCr || this.#options.from === "client") {
        const line = this.#whole(chunk.subarray(start, lf), hasCr);
        return { used: lf + 1 - start, fragment: this.#text(line) };
      }
      from = lf + 1;
    }
  }

  #whole(rest: Uint8Array, hasCr: boolean): Uint8Array {
    if (this.#length > 0) {
      this.#hold(rest);
      rest = this.#line.slice(0, this.#length);
      this.#length = 0;
      if (this.#line.length > 64 * 1024) this.#line = new Uint8Array(0);
    }
    const line = hasCr ? rest.subarray(0, rest.length - 1) : rest;
    if (line.length > this.#options.maxLine) this.#fail();
    return line;
  }

  #text(line: Uint8Array): Fragment {
    let octets = line;
    let unclean = line.includes(CR) || line.includes(NUL);
    if (this.#options.from === "server" && (unclean || line.includes(LF))) {
      octets = line.map((octet) => octet === CR || octet === LF || octet === NUL ? SPACE : octet);
      unclean = false;
    }
    const announces = !unclean && (this.#options.announces?.(octets) ?? true);
    const end = announces ? literalHead(octets) : undefined;
    if (isLiteral(end)) this.#left = end.size;
    return { kind: "text", octets, end, unclean };
  }

  #hold(octets: Uint8Array): void {
    const length = this.#length + octets.length;
    if (length > this.#options.maxLine + 1) this.#fail(); // and the CR whose LF has not come yet
    if (length > this.#line.length) {
      const room = Math.min(
        Math.max(length, this.#line.length * 2, 256),
        this.#options.maxLine + 1,
      );
      const line = new Uint8Array(Math.max(room, length));
      line.set(this.#line.subarray(0, this.#length));
      this.#line = line;
    }
    this.#line.set(octets, this.#length);
    this.#length = length;
  }

  #fail(): never {
    throw this.#failure = new PosternError("wire/too-long", "Cannot read a line of IMAP");
  }
}

/** Whether a line announces a literal. */
export function isLiteral(end: LineEnd): end is LiteralHead {
  return typeof end === "object";
}
