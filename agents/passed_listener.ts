/**
 * Listening on a socket that another program has opened and passed to this process as a file descriptor. The runtime has no
 * function of its own for it: node:net does it, and its sockets are given the shape of the runtime's connections here.
 */
import net from "node:net";
import { PosternError } from "../errors.ts";
import { NodeSocket } from "./node_socket.ts";
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

/** A connection over a socket of node:net. */
class NodeConnection implements Connection {
  readonly localAddr: Deno.Addr;
  readonly remoteAddr: Deno.Addr;
  readonly #node: NodeSocket;
  readonly #unix: boolean;

  constructor(socket: net.Socket, unix: boolean) {
    this.#node = new NodeSocket(socket, connectionClosed, false);
    this.#unix = unix;
    this.localAddr = addr(socket.localAddress, socket.localPort);
    this.remoteAddr = addr(socket.remoteAddress, socket.remotePort);
  }

  read(buffer: Uint8Array): Promise<number | null> {
    return this.#node.read(buffer);
  }

  async write(octets: Uint8Array): Promise<number> {
    await this.#node.write(octets);
    return octets.length;
  }

  async closeWrite(): Promise<void> {
    await this.#node.called((done) => this.#node.socket.end(done));
  }

  setNoDelay(on = true): void {
    if (!this.#unix) this.#node.socket.setNoDelay(on);
  }

  close(): void {
    this.#node.destroy();
  }
}

function connectionClosed(cause: unknown): Error {
  return new Deno.errors.ConnectionReset("The connection is closed", { cause });
}

function addr(hostname: string | undefined, port: number | undefined): Deno.Addr {
  return hostname === undefined || port === undefined
    ? { transport: "unix", path: "" }
    : { transport: "tcp", hostname, port };
}
