/** The daemon's end of the control socket. */
import { reasonOf } from "../../agents/describe.ts";
import { PosternError } from "../../errors.ts";
import type { InFlight } from "../in_flight.ts";
import { Caller, type Operate } from "./caller.ts";
import { ControlClient } from "./client.ts";

/** Longest path of a socket (sun_path of Linux, less its end), octets. */
const MAX_PATH_OCTETS = 107;

/** What differs where others than the owner may connect. */
export interface ControlServerOptions {
  /** Permission bits of the socket; its owner's alone by default. */
  readonly mode?: number;
  /**
   * Connections at once. For one more, the one is closed that has asked for nothing for the longest time; while all have something
   * under way, it waits. No limit by default.
   */
  readonly connections?: number;
  /**
   * How long octets that were announced may take to come, and an answer to be read, ms; after it the connection ends. No limit by
   * default.
   */
  readonly transferMs?: number;
}

/** Listens on the control socket. */
export class ControlServer {
  readonly #path: string;
  readonly #listener: Deno.UnixListener;
  readonly #operate: Operate;
  readonly #inFlight: InFlight;
  readonly #options: ControlServerOptions;
  readonly #callers = new Set<Caller>();
  readonly #accepting: Promise<void>;
  #closed = false;
  /** Told when there may be room for one more connection. */
  #room: (() => void) | undefined;

  private constructor(
    path: string,
    listener: Deno.UnixListener,
    operate: Operate,
    inFlight: InFlight,
    options: ControlServerOptions,
  ) {
    this.#path = path;
    this.#listener = listener;
    this.#operate = operate;
    this.#inFlight = inFlight;
    this.#options = options;
    this.#accepting = this.#accept();
  }

  /**
   * Opens the socket, for its owner alone where the options do not say otherwise. One that was left behind is replaced.
   *
   * @param inFlight What callers send is held on this account; where it is full, they wait.
   * @throws {PosternError} `"daemon/running"` where a daemon answers on it; `"wire/closed"` where it cannot be made.
   */
  static async listen(
    path: string,
    operate: Operate,
    inFlight: InFlight,
    options: ControlServerOptions = {},
  ): Promise<ControlServer> {
    if (new TextEncoder().encode(path).length > MAX_PATH_OCTETS) {
      throw new PosternError(
        "document/invalid",
        `The state directory's path is too long: a socket cannot be named ${path}`,
      );
    }
    await refuseSecond(path);
    await Deno.remove(path).catch(() => {});
    const listener = await open(path, options.mode ?? 0o600);
    return new ControlServer(path, listener, operate, inFlight, options);
  }

  /** Takes no more connections, ends those there are, and removes the socket. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#listener.close();
    for (const caller of this.#callers) caller.close();
    this.#room?.();
    // Until no accept is under way the runtime holds the socket, and removes its name then: not a successor's.
    await this.#accepting;
    await Deno.remove(this.#path).catch(() => {});
  }

  async #accept(): Promise<void> {
    while (!this.#closed) {
      let connection: Deno.Conn;
      try {
        connection = await this.#listener.accept();
      } catch (error) {
        // Out of descriptors is a moment, a closed listener is the end.
        if (error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted) {
          return;
        }
        await new Promise((resolve) => setTimeout(resolve, 50));
        continue;
      }
      await this.#makeRoom();
      this.#serve(connection);
    }
  }

  /** Resolves when there is room for one more, or the server is closed. */
  async #makeRoom(): Promise<void> {
    const { connections: most = Infinity } = this.#options;
    while (!this.#closed && this.#callers.size >= most) {
      this.#longestIdle()?.close();
      await new Promise<void>((resolve) => this.#room = resolve);
    }
  }

  #longestIdle(): Caller | undefined {
    const idle = [...this.#callers].filter(({ idleSince }) => idleSince !== undefined);
    return idle.sort((a, b) => a.idleSince! - b.idleSince!)[0];
  }

  #serve(connection: Deno.Conn): void {
    const caller = new Caller(connection, {
      operate: this.#operate,
      inFlight: this.#inFlight,
      transferMs: this.#options.transferMs,
      idle: () => this.#room?.(),
    });
    if (this.#closed) return caller.close();
    this.#callers.add(caller);
    void caller.serve().finally(() => {
      this.#callers.delete(caller);
      this.#room?.();
    });
  }
}

async function open(path: string, mode: number): Promise<Deno.UnixListener> {
  try {
    const listener = Deno.listen({ transport: "unix", path });
    await Deno.chmod(path, mode);
    return listener;
  } catch (cause) {
    const what = `Cannot make the socket ${path}: ${reasonOf(cause)}`;
    throw new PosternError("wire/closed", what, { cause });
  }
}

/** @throws {PosternError} `"daemon/running"` where a daemon answers on the socket. */
export async function refuseSecond(path: string): Promise<void> {
  let client: ControlClient;
  try {
    client = await ControlClient.connect(path);
  } catch {
    return;
  }
  client.close();
  throw new PosternError("daemon/running", `A daemon runs already: it answers at ${path}`);
}
