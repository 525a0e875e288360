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

/** What a stream needs of the connection that it is over: the runtime's own, or one with the same shape. */
export type Connection = Pick<
  Deno.Conn,
  "localAddr" | "remoteAddr" | "read" | "write" | "closeWrite" | "close"
>;

/** How often the deadlines are looked at, ms: none is kept more exactly. */
const TICK_MS = 50;

/** The deadlines of all connections, on one timer, which runs while there are any: most are moved a hundred times and never come. */
class Deadlines {
  readonly #at = new Map<ConnStream, number>();
  #timer: ReturnType<typeof setInterval> | undefined;

  set(stream: ConnStream, ms: number): void {
    this.#at.set(stream, performance.now() + ms);
    this.#timer ??= setInterval(() => this.#look(), TICK_MS);
  }

  delete(stream: ConnStream): void {
    if (!this.#at.delete(stream) || this.#at.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #look(): void {
    const now = performance.now();
    for (const [stream, at] of this.#at) if (at <= now) stream.expire();
  }
}

const deadlines = new Deadlines();

/**
 * The stream over a Deno connection. Its deadline closes the connection, and only so ends a pending read: a read that lost a
 * race against a timer would go on and swallow the octets that come next.
 */
export class ConnStream implements WireStream {
  readonly conn: Connection;
  readonly remoteAddress: string;
  readonly remotePort: number;
  #end: "open" | "closed" | "timeout" = "open";

  /**
   * @param conn The connection.
   * @param client Who is at its other end, where a proxy is between.
   */
  constructor(conn: Connection, client?: { readonly address: string; readonly port: number }) {
    this.conn = conn;
    const remote = conn.remoteAddr;
    const net = remote.transport === "tcp" ? remote : undefined;
    this.remoteAddress = client?.address ?? plainAddress(net?.hostname ?? "");
    this.remotePort = client?.port ?? net?.port ?? 0;
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

  deadline(ms: number): void {
    if (this.#end !== "open") return;
    if (ms === 0) deadlines.delete(this);
    else deadlines.set(this, ms);
  }

  /** For the clock of all deadlines. */
  expire(): void {
    this.#close("timeout");
  }

  end(): Promise<void> {
    this.close();
    return Promise.resolve();
  }

  close(): void {
    this.#close("closed");
  }

  #close(how: "closed" | "timeout"): void {
    if (this.#end !== "open") return;
    this.#end = how;
    deadlines.delete(this);
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
