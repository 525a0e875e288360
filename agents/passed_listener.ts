/**
 * Listening on a socket that another program has opened and passed to this process as a file descriptor. The runtime has no
 * function of its own for it: node:net does it, and its sockets are given the shape of the runtime's connections here.
 */
import net from "node:net";
import { PosternError } from "../errors.ts";
import type { Connection } from "./stream.ts";
import type { Accepting } from "./unix_listener.ts";

/** A socket that listens already. */
export interface PassedSocket {
  /** File descriptor, this listener's alone: it is closed when the listener is. */
  readonly fd: number;
  /** Where it listens: `127.0.0.1:25`, `[::1]:25` or `unix:/PATH`. */
  readonly address: string;
}

/**
 * Takes connections from a socket that listens already.
 *
 * @param listen What the configuration says, for errors: `fd:NAME`.
 * @throws {PosternError} `daemon/worker` where this runtime cannot do it.
 */
export function listenPassed({ fd, address }: PassedSocket, listen: string): Accepting {
  const unix = address.startsWith("unix:");
  const waiting: Connection[] = [];
  let next: PromiseWithResolvers<Connection> | undefined;
  let failure: Error | undefined;
  // A client that has said all may still be answered.
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    const conn = new NodeConnection(socket, unix);
    // A TCP client that has gone already cannot say who it was.
    if (!unix && conn.remoteAddr.transport !== "tcp") return conn.close();
    if (!next) return void waiting.push(conn);
    next.resolve(conn);
    next = undefined;
  });
  server.on("error", (error: Error) => {
    failure = error;
    next?.reject(error);
    next = undefined;
  });
  server.listen({ fd });
  if (!server.listening) {
    throw new PosternError(
      "daemon/worker",
      `Deno ${Deno.version.deno} cannot listen on a socket that is passed to it (${listen}). Take Deno 2.9 or later, or let ` +
        "listen name an address",
    );
  }
  const bound = server.address();
  return {
    addr: bound !== null && typeof bound === "object" && !unix
      ? { transport: "tcp", hostname: bound.address, port: bound.port }
      : { transport: "unix", path: address.slice("unix:".length) },
    accept() {
      const first = waiting.shift();
      if (first) return Promise.resolve(first);
      if (failure) return Promise.reject(failure);
      next = Promise.withResolvers();
      return next.promise;
    },
    close() {
      server.close();
      next?.reject(new PosternError("wire/closed", "The listener is closed"));
      next = undefined;
    },
  };
}

/** A connection over a socket of node:net, which keeps no more octets unread than its high-water mark. */
class NodeConnection implements Connection {
  readonly localAddr: Deno.Addr;
  readonly remoteAddr: Deno.Addr;
  readonly #socket: net.Socket;
  readonly #unix: boolean;
  #rest: Uint8Array | undefined;
  #ended = false;
  #failure: unknown;
  #wake: (() => void) | undefined;

  constructor(socket: net.Socket, unix: boolean) {
    this.#socket = socket;
    this.#unix = unix;
    this.localAddr = addr(socket.localAddress, socket.localPort);
    this.remoteAddr = addr(socket.remoteAddress, socket.remotePort);
    const wake = () => this.#wake?.();
    socket.on("readable", wake);
    socket.on("close", wake);
    socket.on("end", () => {
      this.#ended = true;
      wake();
    });
    socket.on("error", (error: unknown) => {
      this.#failure ??= error;
      wake();
    });
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    while (true) {
      const chunk: Uint8Array | null = this.#rest ?? this.#socket.read();
      if (chunk) {
        const count = Math.min(chunk.length, buffer.length);
        buffer.set(chunk.subarray(0, count));
        this.#rest = count < chunk.length ? chunk.subarray(count) : undefined;
        return count;
      }
      if (this.#ended) return null;
      if (this.#failure !== undefined || this.#socket.destroyed) throw this.#closed();
      await new Promise<void>((resolve) => this.#wake = resolve);
      this.#wake = undefined;
    }
  }

  async write(octets: Uint8Array): Promise<number> {
    if (this.#failure !== undefined || this.#socket.destroyed) throw this.#closed();
    await this.#called((done) => this.#socket.write(octets, done));
    return octets.length;
  }

  async closeWrite(): Promise<void> {
    await this.#called((done) => this.#socket.end(done));
  }

  setNoDelay(on = true): void {
    if (!this.#unix) this.#socket.setNoDelay(on);
  }

  close(): void {
    this.#socket.destroy();
  }

  /** Waits for a call back, which may never come where the socket is destroyed: so its close counts, too. */
  #called(call: (done: (error?: Error | null) => void) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const closed = () => reject(this.#closed());
      this.#socket.once("close", closed);
      call((error) => {
        this.#socket.off("close", closed);
        if (error) reject(error);
        else resolve();
      });
    });
  }

  #closed(): Deno.errors.ConnectionReset {
    return new Deno.errors.ConnectionReset("The connection is closed", { cause: this.#failure });
  }
}

function addr(hostname: string | undefined, port: number | undefined): Deno.Addr {
  return hostname === undefined || port === undefined
    ? { transport: "unix", path: "" }
    : { transport: "tcp", hostname, port };
}
