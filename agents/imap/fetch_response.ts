/** Reads one FETCH response item by item: RFC 9051, section 7.5.2. */
import { Buffer } from "node:buffer";
import { PosternError } from "../../errors.ts";
import type { LineEnd } from "./literal_head.ts";
import { type Fragment, isLiteral } from "./fragment_decoder.ts";
import { MAX_DEPTH, MAX_HELD_OCTETS, MAX_NAME_LITERAL_OCTETS } from "./limits.ts";
import { ArgumentReader, beforeLiteral, latin1, type LiteralPiece, type Piece } from "./pieces.ts";
import { type Item, parseItem } from "./sections.ts";

/** Where fragments come from. */
export interface FragmentSource {
  next(): Promise<Fragment | undefined>;
}

/** One item of a response. */
export interface FetchedItem {
  readonly item: Item;
  /** The name as it came. */
  readonly written: readonly Piece[];
  /** The value as it came; absent where a literal was streamed or dropped. */
  readonly value?: readonly Piece[];
}

/** What becomes of a response while it is read. */
export interface FetchHandler {
  /**
   * The value of an item is a literal of so many octets.
   *
   * @returns `hold`: it comes with the item; `stream`: it is given piece by piece; `drop`: it is read and forgotten.
   */
  literal(
    item: Item,
    written: readonly Piece[],
    size: number,
    binary: boolean,
  ): "hold" | "stream" | "drop" | Promise<"hold" | "stream" | "drop">;
  /** A piece of a literal that is streamed; valid until the promise settles. */
  streamed(octets: Uint8Array): Promise<void>;
  /** An item was read. */
  item(fetched: FetchedItem): void;
  /** The response is read. */
  end(): void | Promise<void>;
}

type Text = Fragment & { readonly kind: "text" };

/**
 * Reads a FETCH response whose first line was read.
 *
 * @throws {PosternError} `wire/bad-frame` where the server's response is none: nothing that follows can be trusted to be one then.
 */
export async function readFetch(
  source: FragmentSource,
  first: Text,
  handler: FetchHandler,
): Promise<void> {
  await new FetchReader(source, first).read(handler);
}

class FetchReader {
  readonly #source: FragmentSource;
  #text = "";
  #end: LineEnd;
  #at = 0;
  #held = 0;

  constructor(source: FragmentSource, first: Text) {
    this.#source = source;
    this.#take(first);
  }

  async read(handler: FetchHandler): Promise<void> {
    this.#expect(/\* \d+ FETCH \(/iy);
    if (!this.#accept(")")) {
      while (true) {
        const written = await this.#name();
        const item = parseItem(new ArgumentReader(written));
        this.#expect(/ /y);
        const literal = this.#literalHere();
        const how = literal &&
          await handler.literal(item, written, literal.size, literal.binary);
        if (literal && how !== "hold") {
          await this.#passLiteral(literal.size, how === "stream" ? handler : undefined);
          handler.item({ item, written });
        } else handler.item({ item, written, value: await this.#value(how === "hold") });
        const more = this.#match(/ +/y) !== undefined; // some servers have one before the end, too
        if (this.#accept(")")) break;
        if (!more) this.#fail("a blank");
      }
    }
    if (this.#at !== this.#text.length || this.#end !== undefined) this.#fail("its end");
    await handler.end();
  }

  /** A name up to the blank before its value; header fields in it may be literals. */
  async #name(): Promise<Piece[]> {
    const pieces: Piece[] = [];
    const start = this.#expect(/[A-Za-z0-9.\-_]+/y);
    let text = start;
    if (this.#peek() === "[") {
      while (true) {
        text += this.#match(/(?:"(?:[^"\\]|\\.)*"|[^"\]])*/y) ?? "";
        if (this.#accept("]")) break;
        const literal = this.#literalHere();
        if (!literal || literal.size > MAX_NAME_LITERAL_OCTETS) this.#fail("a section's end");
        pieces.push(text, await this.#readLiteral(literal.size, literal.binary));
        text = "";
      }
      text += "]" + (this.#match(/<\d{1,19}>/y) ?? "");
    }
    pieces.push(text);
    return pieces;
  }

  /** A value: a string, number or NIL, or a list with all that is in it. */
  async #value(atLiteral: boolean): Promise<Piece[]> {
    if (atLiteral) {
      const { size, binary } = this.#literalHere()!;
      return [await this.#readLiteral(size, binary, Infinity), ""]; // its holder has looked at the size
    }
    const pieces: Piece[] = [];
    let text = "";
    let depth = 0;
    do {
      const piece = this.#match(/\(|\)|"(?:[^"\\]|\\.)*"|[^ ()"]+| /y);
      if (piece === undefined || depth === 0 && (piece === ")" || piece === " ")) {
        const literal = piece === undefined && depth > 0 ? this.#literalHere() : undefined;
        if (!literal) this.#fail("a value");
        pieces.push(text, await this.#readLiteral(literal.size, literal.binary));
        text = "";
        continue;
      }
      if (piece === "(") depth++;
      if (piece === ")") depth--;
      if (depth > MAX_DEPTH) this.#fail(`at most ${MAX_DEPTH} lists in lists`);
      text += piece;
    } while (depth > 0);
    pieces.push(text);
    return pieces;
  }

  #literalHere(): { size: number; binary: boolean } | undefined {
    return this.#at === this.#text.length && isLiteral(this.#end) ? this.#end : undefined;
  }

  async #readLiteral(
    size: number,
    binary: boolean,
    most = MAX_HELD_OCTETS,
  ): Promise<LiteralPiece> {
    this.#held += size;
    if (size > most || most !== Infinity && this.#held > MAX_HELD_OCTETS) this.#fail("less");
    const octets = new Uint8Array(size);
    let at = 0;
    await this.#passLiteral(size, {
      streamed: (part) => {
        octets.set(part, at);
        at += part.length;
        return Promise.resolve();
      },
    });
    return { octets, binary };
  }

  async #passLiteral(size: number, to: Pick<FetchHandler, "streamed"> | undefined): Promise<void> {
    let done = size === 0;
    while (!done) {
      const fragment = await this.#source.next();
      if (fragment?.kind !== "literal") throw closed();
      await to?.streamed(fragment.octets);
      done = fragment.done;
    }
    const next = await this.#source.next();
    if (next?.kind !== "text") throw closed();
    this.#take(next);
  }

  #take({ octets, end }: Text): void {
    this.#end = end;
    this.#text = isLiteral(end) ? beforeLiteral(octets) : latin1(octets);
    this.#at = 0;
    this.#held += this.#text.length;
    if (this.#held > MAX_HELD_OCTETS) this.#fail("less");
  }

  #peek(): string {
    return this.#text.charAt(this.#at);
  }

  #accept(char: string): boolean {
    if (this.#peek() !== char) return false;
    this.#at++;
    return true;
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text)?.[0];
    if (match === undefined || match === "") return undefined;
    this.#at += match.length;
    return match;
  }

  #expect(pattern: RegExp): string {
    return this.#match(pattern) ?? this.#fail(String(pattern));
  }

  #fail(expected: string): never {
    const place = this.#text.slice(this.#at, this.#at + 40);
    throw new PosternError(
      "wire/bad-frame",
      `The server's FETCH response has ${JSON.stringify(place)} where ${expected} was expected`,
    );
  }
}

function closed(): PosternError {
  return new PosternError("wire/closed", "The server closed the connection within a response");
}

/** Pieces as they go out; literals announced as a server does. */
export function piecesToOctets(pieces: readonly Piece[]): Uint8Array {
  return Buffer.concat(
    pieces.flatMap((piece) =>
      typeof piece === "string" ? [Buffer.from(piece, "latin1")] : [
        Buffer.from(`${piece.binary ? "~" : ""}{${piece.octets.length}}\r\n`),
        piece.octets,
      ]
    ),
  );
}
