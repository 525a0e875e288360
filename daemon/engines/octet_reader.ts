/** Reads an answer piece by piece from a connection, each piece bounded. */
import { PosternError } from "../../errors.ts";
import type { WireStream } from "../../agents/stream.ts";

const READ_OCTETS = 16_384;

/** What of a connection is not yet used. */
export class OctetReader {
  readonly #stream: Pick<WireStream, "read">;
  #held: Uint8Array = new Uint8Array(0);
  #ended = false;

  constructor(stream: Pick<WireStream, "read">) {
    this.#stream = stream;
  }

  /**
   * Octets up to a mark, which is taken away.
   *
   * @param mark What ends the piece: `\r\n\r\n`, NUL.
   * @param max Longest piece, octets, without its mark.
   * @returns `undefined` where the connection ended before the first octet.
   * @throws {PosternError} `wire/too-long`; `wire/closed` where it ended within the piece; what the stream throws.
   */
  async until(mark: Uint8Array, max: number): Promise<Uint8Array | undefined> {
    let from = 0;
    for (;;) {
      const at = indexOf(this.#held, mark, from);
      if (at > max || at < 0 && this.#held.length > max + mark.length) {
        throw new PosternError("wire/too-long", `The answer is longer than ${max} octets`);
      }
      if (at >= 0) {
        const piece = this.#held.slice(0, at);
        this.#held = this.#held.subarray(at + mark.length);
        return piece;
      }
      from = Math.max(0, this.#held.length - mark.length + 1);
      if (!await this.#more()) {
        if (this.#held.length === 0) return undefined;
        throw new PosternError("wire/closed", "The answer ended early");
      }
    }
  }

  /**
   * At most so many octets, as they come; `undefined` at the end of the connection.
   *
   * @param max At least 1.
   */
  async some(max: number): Promise<Uint8Array | undefined> {
    if (this.#held.length === 0 && !await this.#more()) return undefined;
    const piece = this.#held.slice(0, max);
    this.#held = this.#held.subarray(piece.length);
    return piece;
  }

  /** What came and was not used, at the end of a connection. */
  rest(): Uint8Array {
    return this.#held;
  }

  async #more(): Promise<boolean> {
    if (this.#ended) return false;
    const buffer = new Uint8Array(READ_OCTETS);
    const count = await this.#stream.read(buffer);
    if (count === null || count === 0) {
      this.#ended = true;
      return false;
    }
    const joined = new Uint8Array(this.#held.length + count);
    joined.set(this.#held);
    joined.set(buffer.subarray(0, count), this.#held.length);
    this.#held = joined;
    return true;
  }
}

function indexOf(octets: Uint8Array, mark: Uint8Array, from: number): number {
  const [first = 0] = mark;
  for (let at = octets.indexOf(first, from); at >= 0; at = octets.indexOf(first, at + 1)) {
    if (at + mark.length > octets.length) return -1;
    if (mark.every((octet, i) => octets[at + i] === octet)) return at;
  }
  return -1;
}
