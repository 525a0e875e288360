import { Buffer } from "node:buffer";
import type { WireStream } from "../stream.ts";
import { WRITE_MS, WRITE_OCTETS } from "./limits.ts";
import { octetsOf } from "./pieces.ts";

/**
 * What is written to a client. A response may come in pieces; what others have to say meanwhile waits for its end, so that nothing
 * stands in the midst of it.
 */
export class ClientOutput {
  #stream: WireStream;
  #pieces: Uint8Array[] = [];
  #octets = 0;
  #open = false;
  #late: Uint8Array[] = [];
  #writing: Promise<void> = Promise.resolve();
  #failed = false;

  constructor(stream: WireStream) {
    this.#stream = stream;
  }

  /** Octets that are not written yet. */
  get pending(): number {
    return this.#octets;
  }

  /** Goes on over another stream: the same connection under TLS. */
  set stream(stream: WireStream) {
    this.#stream = stream;
  }

  /** A whole line, or several, each with its CRLF. */
  say(text: string): void {
    const octets = octetsOf(text);
    if (this.#open) this.#late.push(octets);
    else this.#push(octets);
  }

  /** Begins a response that comes in pieces. */
  begin(): void {
    this.#open = true;
  }

  /** A piece of the response that was begun; octets are copied where they are to be valid no longer. */
  push(piece: string | Uint8Array): void {
    this.#push(typeof piece === "string" ? octetsOf(piece) : piece);
  }

  /** Ends the response. */
  end(): void {
    this.#open = false;
    for (const octets of this.#late) this.#push(octets);
    this.#late = [];
  }

  /** Writes if there is much. */
  async relieve(): Promise<void> {
    if (this.#octets >= WRITE_OCTETS) await this.flush();
  }

  /**
   * Writes what is there; resolves when it is written.
   *
   * @throws {PosternError} as the stream does; from then on nothing is written any more.
   */
  async flush(): Promise<void> {
    const pieces = this.#pieces;
    if (pieces.length > 0) {
      this.#pieces = [];
      this.#octets = 0;
      const before = this.#writing;
      this.#writing = (async () => {
        await before;
        if (this.#failed) return;
        try {
          const octets = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
          for (let at = 0; at < octets.length; at += WRITE_OCTETS) {
            this.#stream.deadline(WRITE_MS);
            await this.#stream.write(octets.subarray(at, at + WRITE_OCTETS));
          }
          this.#stream.deadline(0);
        } catch (error) {
          this.#failed = true;
          throw error;
        }
      })();
      this.#writing.catch(() => {}); // whoever waits is told
    }
    await this.#writing;
  }

  #push(octets: Uint8Array): void {
    this.#pieces.push(octets);
    this.#octets += octets.length;
  }
}
