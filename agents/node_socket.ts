/** A socket of node:net or node:tls by promises; it keeps no more octets unread than its high-water mark. */
import type net from "node:net";

/** Read by one reader at a time. */
export class NodeSocket {
  readonly socket: net.Socket;
  readonly #error: (cause: unknown) => Error;
  #rest: Uint8Array | undefined;
  #ended = false;
  #failure: unknown;
  #wake: (() => void) | undefined;

  /**
   * @param error What is thrown where the connection is over, by its cause.
   * @param closeIsEnd Whether a connection that closes is at its end for a reader, as one that was ended is.
   */
  constructor(socket: net.Socket, error: (cause: unknown) => Error, closeIsEnd: boolean) {
    this.socket = socket;
    this.#error = error;
    const wake = () => this.#wake?.();
    socket.on("readable", wake);
    socket.on("end", () => {
      this.#ended = true;
      wake();
    });
    socket.on("error", (cause: unknown) => {
      this.#failure ??= cause;
      wake();
    });
    socket.on("close", () => {
      this.#ended ||= closeIsEnd;
      wake();
    });
  }

  /** Whether nothing can be written any more. */
  get isOver(): boolean {
    return this.#failure !== undefined || this.socket.destroyed;
  }

  /** Reads some octets; `null` at the end. */
  async read(buffer: Uint8Array): Promise<number | null> {
    while (true) {
      const chunk: Uint8Array | null = this.#rest ?? this.socket.read();
      if (chunk) {
        const count = Math.min(chunk.length, buffer.length);
        buffer.set(chunk.subarray(0, count));
        this.#rest = count < chunk.length ? chunk.subarray(count) : undefined;
        return count;
      }
      if (this.#failure !== undefined) throw this.closed();
      if (this.#ended) return null;
      if (this.socket.destroyed) throw this.closed();
      await this.#event();
    }
  }

  /** Writes all of the octets. */
  async write(octets: Uint8Array): Promise<void> {
    if (this.isOver) throw this.closed();
    await this.called((done) => this.socket.write(octets, done));
  }

  /** Waits for an event that comes once. */
  async opened(event: string): Promise<void> {
    let done = false;
    this.socket.once(event, () => {
      done = true;
      this.#wake?.();
    });
    while (!done) {
      if (this.isOver || this.#ended) throw this.closed();
      await this.#event();
    }
  }

  /** Waits for a call back, which may never come where the socket is destroyed: so its close counts, too. */
  called(call: (done: (error?: Error | null) => void) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const closed = () => reject(this.closed());
      this.socket.once("close", closed);
      call((error) => {
        this.socket.off("close", closed);
        if (error) reject(this.#error(error));
        else resolve();
      });
    });
  }

  /** Ends the connection now. */
  destroy(): void {
    this.socket.destroy();
    this.#wake?.();
  }

  /** The error of a connection that is over. */
  closed(): Error {
    return this.#error(this.#failure);
  }

  async #event(): Promise<void> {
    await new Promise<void>((resolve) => this.#wake = resolve);
    this.#wake = undefined;
  }
}
