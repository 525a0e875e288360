import { PosternError } from "../../errors.ts";
import { DataDecoder } from "../data_decoder.ts";
import { LineDecoder } from "../line_decoder.ts";
import { latin1 } from "../line_ends.ts";
import type { WireStream } from "../stream.ts";
import { MAX_REPLY_TEXT, MAX_RESPONSE_OCTETS, SERVER_READ_OCTETS } from "./limits.ts";

/** A status line of a server (RFC 1939, section 3), or `continue` in an AUTH exchange. */
export interface Status {
  readonly kind: "ok" | "err" | "continue";
  /** What stands behind `+OK ` or `-ERR `: no control characters, cut to what a client must take; whole in `continue`. */
  readonly text: string;
}

/** Buffers of readers that have nothing to read: a server says nothing unasked, so most sessions need none. */
const buffers: Uint8Array[] = [];
/** Most of them. */
const BUFFERS_KEPT = 32;

/** Reads a server's answers, one at a time; what comes behind an answer that nobody asked for is an error. */
export class ResponseReader {
  readonly #stream: WireStream;
  readonly #lines = new LineDecoder(MAX_RESPONSE_OCTETS);
  #buffer: Uint8Array | undefined;
  #input: Uint8Array = new Uint8Array(0);

  constructor(stream: WireStream) {
    this.#stream = stream;
  }

  /**
   * Reads a status line.
   *
   * @throws {PosternError} `mailbox/protocol` for anything else, `wire/…` as the stream and line decoder do.
   */
  async status(): Promise<Status> {
    const line = await this.line();
    const match = /^(\+OK|-ERR)(?: ([^]*))?$/i.exec(line);
    if (match) {
      return {
        kind: match[1] === "-ERR" || match[1]![0] === "-" ? "err" : "ok",
        text: textOf(match[2]),
      };
    }
    if (line === "+" || line.startsWith("+ ")) return { kind: "continue", text: line.slice(2) };
    throw new PosternError(
      "mailbox/protocol",
      `The server answered ${JSON.stringify(line.slice(0, 80))}`,
    );
  }

  /** A line without CRLF, octets as characters. */
  async line(): Promise<string> {
    while (true) {
      const { used, line } = this.#lines.take(this.#input);
      this.#input = this.#input.subarray(used);
      if (line) return latin1(line);
      await this.#more();
    }
  }

  /** A line of a multi-line answer, the dot before a dot taken off; `undefined` at its end. */
  async listed(): Promise<string | undefined> {
    const line = await this.line();
    if (line === ".") return undefined;
    return line.startsWith(".") ? line.slice(1) : line;
  }

  /**
   * Reads a message.
   *
   * @param held Told how much is held for it now; false where that is too much: the rest is read and dropped.
   * @param moved Told octets read so far, for the deadline.
   * @returns `undefined` where it was larger than the limit, or there was no room for it.
   */
  async message(
    maxOctets: number,
    held: (octets: number) => Promise<boolean>,
    moved: (octets: number) => void,
  ): Promise<Uint8Array | undefined> {
    const decoder = new DataDecoder(maxOctets);
    let octets = 0;
    while (true) {
      if (this.#input.length === 0) await this.#more();
      const { used, message } = decoder.take(this.#input);
      this.#input = this.#input.subarray(used);
      octets += used;
      if (message) return decoder.tooLarge ? undefined : message;
      if (!decoder.tooLarge && !await held(decoder.capacity)) decoder.drop();
      moved(octets);
    }
  }

  /**
   * Says that the answer is read.
   *
   * @throws {PosternError} `mailbox/protocol` when octets stand behind it: the next answer would be the wrong one.
   */
  end(): void {
    if (this.#input.length > 0 || this.#lines.partial) {
      throw new PosternError("mailbox/protocol", "The server sent octets behind its answer");
    }
    this.release();
  }

  /** Gives the buffer back; nothing is being read. */
  release(): void {
    if (this.#buffer && buffers.length < BUFFERS_KEPT) buffers.push(this.#buffer);
    this.#buffer = undefined;
    this.#input = new Uint8Array(0);
  }

  async #more(): Promise<void> {
    const buffer = this.#buffer ??= buffers.pop() ?? new Uint8Array(SERVER_READ_OCTETS);
    let count: number | null;
    try {
      count = await this.#stream.read(buffer);
    } catch (error) {
      this.#buffer = undefined; // a read may still have it
      throw error;
    }
    if (count === null) throw new PosternError("wire/closed", "The server closed the connection");
    this.#input = buffer.subarray(0, count);
  }
}

/** What a client may be shown of a server's text. */
function textOf(text = ""): string {
  return text.replace(/[^\x20-\x7e\x80-\xff]/g, " ").trimEnd().slice(0, MAX_REPLY_TEXT);
}
