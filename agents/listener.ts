import { PosternError } from "../errors.ts";
import { reasonOf } from "./describe.ts";
import { inNetworks } from "./networks.ts";
import { listenPassed, type PassedSocket } from "./passed_listener.ts";
import { readProxyHeader } from "./proxy_protocol.ts";
import { SessionRate } from "./session_rate.ts";
import { type Connection, ConnStream } from "./stream.ts";
import { type Accepting, listenUnix } from "./unix_listener.ts";

/** Connections that the kernel keeps until they are accepted. */
const BACKLOG = 511;
/** Wait after an accept that failed for want of file descriptors, ms. */
const ACCEPT_PAUSE_MS = 100;

/** How long a proxy may take for its header, ms: it comes with the connection. */
const PROXY_HEADER_MS = 10_000;

/** How many sessions there may be. */
export interface SessionLimits {
  readonly sessions: number;
  readonly sessionsPerClient: number;
  /** New sessions of one client in a minute; no limit where it is absent. */
  readonly sessionsPerMinute?: number | undefined;
}

/** What a listener needs. */
export interface ListenerOptions {
  /** `HOST:PORT`, `[IPv6]:PORT`, `*:PORT` or `unix:/PATH`; there must be room for the last ({@link makeRoom}). `fd:NAME` with `passed`. */
  readonly listen: string;
  /** The socket that was passed to the daemon under that name. */
  readonly passed?: PassedSocket | undefined;
  /** Mode of a socket in the file system; default 0660. */
  readonly socketMode?: number;
  readonly limits: SessionLimits;
  /** Another listener of this process has the address, and will leave it. */
  readonly shareAddress?: boolean;
  /**
   * Addresses and networks of proxies in front: their connections begin with the PROXY protocol's header, which says who the client
   * is, and nobody else may connect. Absent where there is no proxy: a header is never guessed.
   */
  readonly proxies?: readonly string[] | undefined;
  /** Runs one session; the stream is closed when it settles. It catches its own errors. */
  serve(stream: ConnStream): Promise<void>;
  /** Told instead of serve when there are too many; writes its line, the listener closes. */
  refuse(stream: ConnStream): Promise<void>;
  /** An accept failed; the listener goes on. */
  failed(error: unknown): void;
}

/** Splits `HOST:PORT`; `*` is every address. */
export function parseListen(listen: string): { hostname: string; port: number } {
  const colon = listen.lastIndexOf(":");
  const host = listen.slice(0, colon).replace(/^\[|\]$/g, "");
  return { hostname: host === "*" ? "0.0.0.0" : host, port: Number(listen.slice(colon + 1)) };
}

/**
 * Listens so that a successor can listen beside it (SO_REUSEPORT, Linux). The kernel would let any process of the same user do
 * so: one that is not to share sees first that nobody listens.
 */
function listen({ listen, passed, shareAddress, socketMode }: ListenerOptions): Accepting {
  if (passed) return listenPassed(passed, listen);
  if (listen.startsWith("unix:")) {
    return listenUnix(listen.slice("unix:".length), socketMode ?? 0o660);
  }
  const address = { ...parseListen(listen), tcpBacklog: BACKLOG };
  if (Deno.build.os !== "linux") return Deno.listen(address);
  if (!shareAddress && address.port !== 0) Deno.listen(address).close();
  return Deno.listen({ ...address, reusePort: true });
}

/** Accepts TCP sessions up to its limits, in all and for one client address. */
export class Listener {
  readonly #options: ListenerOptions;
  readonly #listener: Accepting;
  readonly #sessions = new Set<ConnStream>();
  readonly #perClient = new Map<string, number>();
  #limits: SessionLimits;
  readonly #rate = new SessionRate();
  #open = true;
  /** Connections whose PROXY header is to come. */
  #waiting = 0;

  /** @throws {PosternError} `wire/closed` when the address cannot be listened on. */
  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#limits = options.limits;
    try {
      this.#listener = listen(options);
    } catch (cause) {
      if (cause instanceof PosternError) throw cause;
      // The reason is in the sentence: of an error that leaves a worker that is all.
      const what = `Cannot listen on ${options.listen}: ${reasonOf(cause)}`;
      throw new PosternError("wire/closed", what, { cause });
    }
    void this.#accept();
  }

  /** `127.0.0.1:2525`, with the real port; `unix:/PATH`. */
  get address(): string {
    const { addr } = this.#listener;
    if (addr.transport !== "tcp") return this.#options.passed?.address ?? this.#options.listen;
    const { hostname, port } = addr;
    return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
  }

  /** Sessions that run now. */
  get count(): number {
    return this.#sessions.size;
  }

  /** New limits hold for the sessions that come. */
  set limits(limits: SessionLimits) {
    this.#limits = limits;
  }

  /** Takes no new sessions. */
  stop(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#listener.close();
  }

  /** Closes every session's connection. */
  closeAll(): void {
    for (const stream of this.#sessions) stream.close();
  }

  async #accept(): Promise<void> {
    while (this.#open) {
      let conn: Connection;
      try {
        conn = await this.#listener.accept();
      } catch (error) {
        if (!this.#open) return;
        this.#options.failed(error); // a client that reset before it was accepted, or no file descriptor left
        await new Promise((wake) => setTimeout(wake, ACCEPT_PAUSE_MS));
        continue;
      }
      void this.#run(conn);
    }
  }

  async #run(conn: Connection): Promise<void> {
    let stream = new ConnStream(conn);
    let client = stream.remoteAddress;
    try {
      if ("setNoDelay" in conn) (conn as Deno.TcpConn).setNoDelay(true);
      const { proxies } = this.#options;
      if (proxies) {
        stream = await this.#behindProxy(stream, proxies);
        client = stream.remoteAddress;
      }
      const mine = this.#perClient.get(client) ?? 0;
      if (!this.#hasRoom(client, mine)) {
        await this.#options.refuse(stream);
        return;
      }
      this.#perClient.set(client, mine + 1);
      this.#sessions.add(stream);
      await this.#options.serve(stream);
    } catch (error) {
      const known = error instanceof PosternError && error.code !== "wire/proxy";
      if (!known) this.#options.failed(error);
    } finally {
      stream.close();
      if (this.#sessions.delete(stream)) {
        const left = (this.#perClient.get(client) ?? 1) - 1;
        if (left > 0) this.#perClient.set(client, left);
        else this.#perClient.delete(client);
      }
    }
  }

  #hasRoom(client: string, mine: number): boolean {
    const { sessions, sessionsPerClient, sessionsPerMinute } = this.#limits;
    if (this.#sessions.size >= sessions || mine >= sessionsPerClient) return false;
    return sessionsPerMinute === undefined || this.#rate.admit(client, sessionsPerMinute);
  }

  /** @throws {PosternError} `wire/proxy` for whoever is no proxy of ours, or does not say for whom he connects. */
  async #behindProxy(stream: ConnStream, proxies: readonly string[]): Promise<ConnStream> {
    const { remoteAddress } = stream;
    try {
      this.#waiting++;
      if (!inNetworks(remoteAddress, proxies)) {
        throw new PosternError("wire/bad-frame", "Only proxies may connect here");
      }
      stream.deadline(PROXY_HEADER_MS);
      if (this.#waiting > this.#limits.sessions) {
        throw new PosternError("wire/bad-frame", "Too many connections without a PROXY header");
      }
      const { source } = await readProxyHeader(stream);
      stream.deadline(0);
      return source ? new ConnStream(stream.conn, source) : stream;
    } catch (cause) {
      stream.close();
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new PosternError("wire/proxy", `Refused ${remoteAddress}: ${why}`, { cause });
    } finally {
      this.#waiting--;
    }
  }
}
