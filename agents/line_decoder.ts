import { PosternError } from "../errors.ts";

const CR = 13;
const LF = 10;

/**
 * Splits octets at CRLF and at nothing else: RFC 5321, section 2.3.8. Holds no more than one line, and once it has failed it
 * stays failed: what follows a line that could not be read is no line either.
 */
export class LineDecoder {
  readonly #max: number;
  /** Part of a line; most lines come whole, and need none. */
  #line: Uint8Array | undefined;
  #length = 0;
  #failure: PosternError | undefined;

  /** @param maxOctets Longest line, CRLF not counted. */
  constructor(maxOctets: number) {
    this.#max = maxOctets;
  }

  /** Whether part of a line is held. */
  get partial(): boolean {
    return this.#length > 0;
  }

  /** Forgets what is held, as STARTTLS demands. */
  clear(): void {
    this.#length = 0;
  }

  /**
   * Reads at most one line; octets after `used` stay with the caller.
   *
   * @returns `line` without CRLF, valid until the next call.
   * @throws {PosternError} `wire/bare-line-end` for a CR or LF that stands alone, `wire/too-long` for a longer line.
   */
  take(chunk: Uint8Array, start = 0): { used: number; line?: Uint8Array } {
    if (this.#failure) throw this.#failure;
    const lf = chunk.indexOf(LF, start);
    const end = lf === -1 ? chunk.length : lf + 1;
    const count = end - start;
    const max = this.#max;
    if (lf === -1) {
      const cr = chunk[end - 1] === CR ? 1 : 0;
      if (this.#length + count - cr > max) this.#fail("wire/too-long");
      const line = this.#line ??= new Uint8Array(max + 1); // and the CR whose LF has not come yet
      line.set(chunk.subarray(start), this.#length);
      this.#length += count;
      const first = line.subarray(0, this.#length).indexOf(CR);
      if (first !== -1 && first !== this.#length - 1) this.#fail("wire/bare-line-end");
      return { used: count };
    }
    if (this.#length + count - 2 > max) this.#fail("wire/too-long");
    if (this.#length === 0 || !this.#line) {
      return { used: count, line: this.#checked(chunk.subarray(start, end)) };
    }
    const whole = new Uint8Array(this.#length + count);
    whole.set(this.#line.subarray(0, this.#length));
    whole.set(chunk.subarray(start, end), this.#length);
    this.#length = 0;
    return { used: count, line: this.#checked(whole) };
  }

  /** @param line With its LF. */
  #checked(line: Uint8Array): Uint8Array {
    const cr = line.length - 2;
    if (line[cr] !== CR || line.indexOf(CR) !== cr) this.#fail("wire/bare-line-end");
    return line.subarray(0, cr);
  }

  #fail(code: "wire/bare-line-end" | "wire/too-long"): never {
    throw this.#failure = new PosternError(code, "Cannot read a line");
  }
}
