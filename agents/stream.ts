import { PosternError } from "../errors.ts";

/** What an agent reads from and writes to: a TCP or unix connection, in clear or under TLS. */
export interface WireStream {
  /** Peer's address without its port, IPv4 in IPv6 unwrapped; `""` on a unix socket. */
  readonly remoteAddress: string;
  readonly remotePort: number;
  /**
   * Reads once, as much as there is. One read at a time.
   *
   * @returns octets read; `null` at the end of the stream.
   * @throws {PosternError} `wire/timeout` past the deadline, `wire/closed` when the connection broke or was closed.
   */
  read(buffer: Uint8Array): Promise<number | null>;
  /** Writes all octets. Errors as with read. */
  write(octets: Uint8Array): Promise<void>;
  /** The connection is closed in so many ms from now, unless the deadline is moved before; 0 takes it away. */
  deadline(ms: number): void;
  /** Says goodbye where the protocol below has one (TLS), then closes. */
  end(): Promise<void>;
  /** Closes at once; a pending read or write fails with `wire/closed`. */
  close(): void;
}

/**
 * The stream over a Deno connection. Its deadline closes the connection, and only so ends a pending read: a read that lost a
 * race against a timer would go on and swallow the octets that come next.
 */
export class ConnStream implements WireStream {
  readonly conn: Deno.Conn;
  readonly remoteAddress: string;
  readonly remotePort: number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #fires = 0;
  #at = 0;
  #end: "open" | "closed" | "timeout" = "open";

  constructor(conn: Deno.Conn) {
    this.conn = conn;
    const remote = conn.remoteAddr;
    const net = remote.transport === "tcp" ? remote : undefined;
    this.remoteAddress = plainAddress(net?.hostname ?? "");
    this.remotePort = net?.port ?? 0;
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    if (this.#end !== "open") throw this.#failure();
    try {
      return await this.conn.read(buffer);
    } catch (error) {
      throw this.#failure(error);
    }
  }

  async write(octets: Uint8Array): Promise<void> {
    if (this.#end !== "open") throw this.#failure();
    try {
      let written = await this.conn.write(octets);
      while (written < octets.length) written += await this.conn.write(octets.subarray(written));
    } catch (error) {
      throw this.#failure(error);
    }
  }

  /** Moving a deadline costs a clock reading; the timer follows lazily. */
  deadline(ms: number): void {
    if (this.#end !== "open") return;
    this.#at = ms === 0 ? 0 : performance.now() + ms;
    if (ms === 0) return;
    if (this.#timer !== undefined) {
      if (this.#fires <= this.#at) return;
      clearTimeout(this.#timer);
    }
    this.#arm(ms);
  }

  end(): Promise<void> {
    this.close();
    return Promise.resolve();
  }

  close(): void {
    this.#close("closed");
  }

  #arm(ms: number): void {
    this.#fires = performance.now() + ms;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#at === 0) return;
      const left = this.#at - performance.now();
      if (left > 0) this.#arm(left);
      else this.#close("timeout");
    }, ms);
  }

  #close(how: "closed" | "timeout"): void {
    if (this.#end !== "open") return;
    this.#end = how;
    clearTimeout(this.#timer);
    try {
      this.conn.close();
    } catch {
      // The peer was first; it is closed either way.
    }
  }

  #failure(cause?: unknown): PosternError {
    return this.#end === "timeout"
      ? new PosternError("wire/timeout", "The peer did not answer in time", { cause })
      : new PosternError("wire/closed", "The connection is closed", { cause });
  }
}

/** `::ffff:192.0.2.1` is the IPv4 client that it is. */
export function plainAddress(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  return mapped?.[1] ?? address;
}
