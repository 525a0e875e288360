import type { WireStream } from "../stream.ts";
import { type Fragment, FragmentDecoder, type FragmentDecoderOptions } from "./fragment_decoder.ts";
import { READ_OCTETS } from "./limits.ts";

/** Lines and literals of one connection, read when they are asked for. */
export class FragmentInput {
  readonly decoder: FragmentDecoder;
  readonly #stream: WireStream;
  readonly #buffer: Uint8Array;
  #input: Uint8Array = new Uint8Array(0);
  /** A read that was begun to see the peer go away. */
  #ahead: Promise<number | null> | undefined;
  /** Told when the peer is waited for, and when it has said something. */
  reading: ((waits: boolean) => void) | undefined;

  /** @param readOctets What is read at once. */
  constructor(stream: WireStream, options: FragmentDecoderOptions, readOctets = READ_OCTETS) {
    this.#stream = stream;
    this.#buffer = new Uint8Array(readOctets);
    this.decoder = new FragmentDecoder(options);
  }

  /** Whether octets are there that were not looked at. */
  get unread(): boolean {
    return this.#input.length > 0 || this.decoder.partial;
  }

  /**
   * The next fragment, valid until the one after it is asked for; `undefined` at the end of the stream.
   *
   * @throws {PosternError} as the stream and the decoder do.
   */
  async next(): Promise<Fragment | undefined> {
    while (true) {
      if (this.#input.length > 0) {
        const { used, fragment } = this.decoder.take(this.#input);
        this.#input = this.#input.subarray(used);
        if (fragment) return fragment;
        continue;
      }
      const read = this.#ahead ?? this.#stream.read(this.#buffer);
      this.#ahead = undefined;
      this.reading?.(true);
      const count = await read;
      this.reading?.(false);
      if (count === null) return undefined;
      this.#input = this.#buffer.subarray(0, count);
    }
  }

  /** Reads ahead, if nothing is there to be read yet, and calls when the peer is gone. Not before a TLS handshake. */
  watch(gone: () => void): void {
    if (this.#input.length > 0 || this.#ahead) return;
    const ahead = this.#ahead = this.#stream.read(this.#buffer);
    ahead.then((count) => count === null && gone(), gone);
  }
}
