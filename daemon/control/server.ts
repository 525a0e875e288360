/** The daemon's end of the control socket. */
import * as v from "valibot";
import { PosternError } from "../../errors.ts";
import { FrameReader, writeFrames } from "../../engine/scanner/frames.ts";
import { MAX_HEAD_OCTETS } from "../../engine/scanner/limits.ts";
import type { InFlight } from "../in_flight.ts";
import { ControlClient } from "./client.ts";
import { type ControlRequest, decodeHead, encodeHead, requestSchema } from "./protocol.ts";

/** Does one operation. */
export type Operate = (
  op: string,
  args: unknown,
  octets: Uint8Array | undefined,
  signal: AbortSignal,
) => Promise<{ readonly result?: unknown; readonly octets?: Uint8Array }>;

/** Calls of one connection that may be under way at once; more wait unread. */
const MAX_CALLS = 1024;

/** Longest path of a socket (sun_path of Linux, less its end), octets. */
const MAX_PATH_OCTETS = 107;

/** What differs where others than the owner may connect. */
export interface ControlServerOptions {
  /** Permission bits of the socket; its owner's alone by default. */
  readonly mode?: number;
  /** Connections at once; more wait to be taken. No limit by default. */
  readonly connections?: number;
  /** How long octets that were announced may take to come, ms; after it the connection ends. No limit by default. */
  readonly readMs?: number;
}

/** Listens on the control socket. */
export class ControlServer {
  readonly #path: string;
  readonly #listener: Deno.UnixListener;
  readonly #operate: Operate;
  readonly #inFlight: InFlight;
  readonly #options: ControlServerOptions;
  readonly #connections = new Set<Deno.Conn>();
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
    void this.#accept();
  }

  /**
   * Opens the socket, for its owner alone where the options do not say otherwise. One that was left behind is replaced.
   *
   * @param inFlight What callers send is held on this account; where it is full, they wait.
   * @throws {PosternError} `"daemon/running"` where a daemon answers on it.
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
    const listener = Deno.listen({ transport: "unix", path });
    await Deno.chmod(path, options.mode ?? 0o600);
    return new ControlServer(path, listener, operate, inFlight, options);
  }

  /** Takes no more connections, ends those there are, and removes the socket. */
  async close(): Promise<void> {
    this.#listener.close();
    for (const connection of this.#connections) closeQuietly(connection);
    await Deno.remove(this.#path).catch(() => {});
  }

  async #accept(): Promise<void> {
    const { connections: most = Infinity } = this.#options;
    for (;;) {
      while (this.#connections.size >= most) {
        await new Promise<void>((resolve) => this.#room = resolve);
      }
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
      this.#connections.add(connection);
      const caller = new Caller(connection, this.#operate, this.#inFlight, this.#options.readMs);
      void caller.serve().finally(() => {
        this.#connections.delete(connection);
        closeQuietly(connection);
        this.#room?.();
      });
    }
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

/** One connection. */
class Caller {
  readonly #connection: Deno.Conn;
  readonly #operate: Operate;
  readonly #inFlight: InFlight;
  readonly #readMs: number | undefined;
  readonly #calls = new Map<number, AbortController>();
  #writing: Promise<void> = Promise.resolve();
  #room: (() => void) | undefined;

  constructor(
    connection: Deno.Conn,
    operate: Operate,
    inFlight: InFlight,
    readMs: number | undefined,
  ) {
    this.#connection = connection;
    this.#operate = operate;
    this.#inFlight = inFlight;
    this.#readMs = readMs;
  }

  /** Resolves at the end of the connection; what it asked for is let go of. */
  async serve(): Promise<void> {
    const reader = new FrameReader(this.#connection);
    try {
      for (;;) {
        const frame = await reader.read(MAX_HEAD_OCTETS);
        if (!frame) return;
        const request = v.parse(requestSchema, decodeHead(frame));
        if (request.type === "cancel") {
          this.#calls.get(request.id)?.abort();
          continue;
        }
        if (this.#calls.size >= MAX_CALLS) {
          await new Promise<void>((resolve) => this.#room = resolve);
        }
        const length = request.octets;
        if (length === undefined) {
          void this.#call(request, undefined);
          continue;
        }
        await this.#inFlight.wait(length);
        let octets: Uint8Array | undefined;
        // Closing ends the read: one is never raced against a timer.
        const late = this.#readMs === undefined
          ? undefined
          : setTimeout(() => closeQuietly(this.#connection), this.#readMs);
        try {
          octets = await reader.read(length);
        } finally {
          clearTimeout(late);
          if (octets === undefined) this.#inFlight.release(length);
        }
        if (octets === undefined) return;
        void this.#call(request, octets).finally(() => this.#inFlight.release(length));
      }
    } catch {
      // A client that breaks the protocol, or goes away: there is nobody to tell.
    } finally {
      for (const controller of this.#calls.values()) controller.abort();
    }
  }

  async #call(
    { id, op, args }: ControlRequest & { type: "call" },
    octets: Uint8Array | undefined,
  ): Promise<void> {
    const controller = new AbortController();
    this.#calls.set(id, controller);
    try {
      const { result, octets: made } = await this.#operate(op, args, octets, controller.signal);
      const head = encodeHead({ ok: true, id, result, octets: made !== undefined });
      await this.#write(made === undefined ? [head] : [head, made]);
    } catch (error) {
      const code = error instanceof PosternError ? error.code : "command/usage";
      const message = error instanceof Error ? error.message : String(error);
      await this.#write([encodeHead({ ok: false, id, code, message })]);
    } finally {
      this.#calls.delete(id);
      this.#room?.();
      this.#room = undefined;
    }
  }

  #write(frames: readonly Uint8Array[]): Promise<void> {
    this.#writing = this.#writing.then(() => writeFrames(this.#connection, ...frames)).catch(() => {
      closeQuietly(this.#connection);
    });
    return this.#writing;
  }
}

function closeQuietly(resource: { close(): void }): void {
  try {
    resource.close();
  } catch {
    // It is closed already.
  }
}
