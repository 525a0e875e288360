import { PosternError } from "../../errors.ts";
import { MAX_COMMAND_OCTETS } from "./limits.ts";

const LF = 10;
const NUL = 0;
const NEWLINE_PREFIX = 0x6e; // n
const ZERO_PREFIX = 0x7a; // z
/** Octets of a chunk's length. */
const LENGTH_OCTETS = 4;

/** How a command came, and so how it is answered. */
export type Form = "n" | "z" | "old";

/** What a client sent. */
export type ClamdEvent =
  | { readonly kind: "command"; readonly form: Form; readonly line: Uint8Array }
  /** A piece of the object that comes; valid until the next call. */
  | { readonly kind: "piece"; readonly octets: Uint8Array }
  | { readonly kind: "streamEnd" }
  /** The object is larger than the limit; where it ends is not read any more. */
  | { readonly kind: "tooLong" };

type State =
  | { readonly name: "prefix" } // the first octet says how a command ends
  | { readonly name: "command"; readonly form: Form }
  | { readonly name: "length" } // of the next chunk
  | { readonly name: "chunk"; readonly left: number }
  | { readonly name: "over" };

/**
 * Parts what a client sends into commands and the chunks of INSTREAM, whose lengths are told (clamd(8)): an object's octets are
 * never taken for commands. Holds no more than one command, and once it has failed it stays failed.
 */
export class CommandDecoder {
  readonly #maxStream: number;
  readonly #held = new Uint8Array(MAX_COMMAND_OCTETS);
  #length = 0;
  #streamed = 0;
  #state: State = { name: "prefix" };

  /** @param maxStream Largest object, octets. */
  constructor(maxStream: number) {
    this.#maxStream = maxStream;
  }

  /** Whether a command has begun and not ended. */
  get partial(): boolean {
    return this.#state.name === "command";
  }

  /** Whether an object is coming. */
  get streaming(): boolean {
    return this.#state.name === "length" || this.#state.name === "chunk";
  }

  /** Behind INSTREAM: what comes are chunks. */
  beginStream(): void {
    this.#streamed = 0;
    this.#length = 0;
    this.#state = { name: "length" };
  }

  /**
   * Reads at most one event; octets after `used` stay with the caller.
   *
   * @throws {PosternError} `wire/too-long` for a command longer than any.
   */
  take(input: Uint8Array): { readonly used: number; readonly event?: ClamdEvent } {
    const state = this.#state;
    switch (state.name) {
      case "prefix":
        return input.length === 0 ? { used: 0 } : this.#prefix(input[0]!);
      case "command":
        return this.#command(state.form, input);
      case "length":
        return this.#chunkLength(input);
      case "chunk": {
        const octets = input.subarray(0, state.left);
        if (octets.length === 0) return { used: 0 };
        const left = state.left - octets.length;
        this.#state = left === 0 ? { name: "length" } : { name: "chunk", left };
        return { used: octets.length, event: { kind: "piece", octets } };
      }
      case "over":
        throw new PosternError("wire/too-long", "The client was refused before");
    }
  }

  /** The client has sent all: a command of the old form needs no line end then, as clamd takes it. */
  end(): ClamdEvent | undefined {
    if (this.#state.name !== "command" || this.#state.form !== "old") return undefined;
    this.#state = { name: "prefix" };
    return { kind: "command", form: "old", line: this.#held.slice(0, this.#length) };
  }

  #prefix(octet: number): { used: number } {
    const form = octet === NEWLINE_PREFIX ? "n" : octet === ZERO_PREFIX ? "z" : "old";
    this.#length = 0;
    this.#state = { name: "command", form };
    return { used: form === "old" ? 0 : 1 };
  }

  #command(form: Form, input: Uint8Array): { used: number; event?: ClamdEvent } {
    const found = input.indexOf(form === "z" ? NUL : LF);
    const end = found === -1 ? input.length : found;
    if (this.#length + end > this.#held.length) {
      this.#state = { name: "over" };
      throw new PosternError("wire/too-long", "A command is longer than any that there is");
    }
    this.#held.set(input.subarray(0, end), this.#length);
    this.#length += end;
    if (found === -1) return { used: end };
    this.#state = { name: "prefix" };
    const line = this.#held.slice(0, this.#length);
    return { used: end + 1, event: { kind: "command", form, line } };
  }

  /** A length is checked against the limit before any of its octets comes. */
  #chunkLength(input: Uint8Array): { used: number; event?: ClamdEvent } {
    const used = Math.min(LENGTH_OCTETS - this.#length, input.length);
    this.#held.set(input.subarray(0, used), this.#length);
    this.#length += used;
    if (this.#length < LENGTH_OCTETS) return { used };
    this.#length = 0;
    const left = new DataView(this.#held.buffer).getUint32(0);
    if (left === 0) {
      this.#state = { name: "prefix" };
      return { used, event: { kind: "streamEnd" } };
    }
    this.#streamed += left;
    if (this.#streamed > this.#maxStream) {
      this.#state = { name: "over" };
      return { used, event: { kind: "tooLong" } };
    }
    this.#state = { name: "chunk", left };
    return { used };
  }
}
