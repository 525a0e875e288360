/** The client's end of the control socket: commands and tests. */
import * as v from "valibot";
import { ERROR_CODES, PosternError } from "../../errors.ts";
import { FrameReader, writeFrames } from "../../engine/scanner/frames.ts";
import { MAX_HEAD_OCTETS, MAX_OBJECT_OCTETS } from "../../engine/scanner/limits.ts";
import { decodeHead, encodeHead, replySchema } from "./protocol.ts";

/** What a call gives. */
export interface ControlResult {
  readonly result: unknown;
  readonly octets?: Uint8Array;
}

/** A call that waits for its answer. */
interface Pending {
  readonly resolve: (result: ControlResult) => void;
  readonly reject: (error: PosternError) => void;
}

/** A connection to the daemon. */
export class ControlClient {
  readonly #connection: Deno.UnixConn;
  readonly #pending = new Map<number, Pending>();
  /** Writes go one after the other: two messages do not mix. */
  #writing: Promise<void> = Promise.resolve();
  #nextId = 1;
  #failure: PosternError | undefined;
  readonly #ended: Promise<void>;

  private constructor(connection: Deno.UnixConn) {
    this.#connection = connection;
    this.#ended = this.#read();
  }

  /**
   * Connects to the daemon of a control socket.
   *
   * @throws {PosternError} `"daemon/not-running"` where nothing answers, or the socket is another user's.
   */
  static async connect(path: string): Promise<ControlClient> {
    try {
      return new ControlClient(await Deno.connect({ transport: "unix", path }));
    } catch (cause) {
      const why = cause instanceof Deno.errors.PermissionDenied
        ? "it belongs to another user"
        : cause instanceof Deno.errors.WouldBlock
        ? "too many wait to be served"
        : "nothing listens there";
      throw new PosternError("daemon/not-running", `Cannot reach a daemon at ${path}: ${why}`, {
        cause,
      });
    }
  }

  /** Resolves when the connection is over, by either end. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  /**
   * Asks for one operation; many may be under way.
   *
   * @param octets Stay the caller's.
   * @param signal Lets go of the call: the daemon is told, and the promise rejects.
   * @throws {PosternError} the daemon's own error; `"wire/closed"` where the connection ends first; `"scan/cancelled"`.
   */
  async call(
    op: string,
    args?: unknown,
    octets?: Uint8Array,
    signal?: AbortSignal,
  ): Promise<ControlResult> {
    if (this.#failure) throw this.#failure;
    const cancelled = () => new PosternError("scan/cancelled", `The call ${op} was cancelled`);
    if (signal?.aborted) throw cancelled();
    const id = this.#nextId++;
    const { promise, resolve, reject } = Promise.withResolvers<ControlResult>();
    this.#pending.set(id, { resolve, reject });
    const length = octets === undefined ? {} : { octets: octets.length };
    this.#write(encodeHead({ type: "call", id, op, args, ...length }), octets);
    const cancel = () => {
      this.#pending.delete(id);
      this.#write(encodeHead({ type: "cancel", id }));
      reject(cancelled());
    };
    signal?.addEventListener("abort", cancel, { once: true });
    return await promise.finally(() => signal?.removeEventListener("abort", cancel));
  }

  /** Ends the connection; calls under way reject. */
  close(): void {
    this.#fail(new PosternError("wire/closed", "The connection to the daemon was closed"));
  }

  #write(...frames: readonly (Uint8Array | undefined)[]): void {
    const present = frames.filter((frame) => frame !== undefined);
    this.#writing = this.#writing.then(() => writeFrames(this.#connection, ...present)).catch(
      (cause) => {
        this.#fail(new PosternError("wire/closed", "The daemon closed the connection", { cause }));
      },
    );
  }

  async #read(): Promise<void> {
    const reader = new FrameReader(this.#connection);
    try {
      for (;;) {
        const frame = await reader.read(MAX_HEAD_OCTETS);
        if (!frame) break;
        const reply = v.parse(replySchema, decodeHead(frame));
        const octets = reply.ok && reply.octets ? await reader.read(MAX_OBJECT_OCTETS) : undefined;
        const pending = this.#pending.get(reply.id);
        this.#pending.delete(reply.id);
        if (!pending) continue;
        if (reply.ok) pending.resolve({ result: reply.result, ...(octets ? { octets } : {}) });
        else {
          const code = ERROR_CODES.find((each) => each === reply.code) ?? "wire/bad-frame";
          pending.reject(new PosternError(code, reply.message));
        }
      }
      this.#fail(new PosternError("wire/closed", "The daemon closed the connection"));
    } catch (cause) {
      this.#fail(new PosternError("wire/closed", "The connection to the daemon broke", { cause }));
    }
  }

  #fail(error: PosternError): void {
    if (this.#failure) return;
    this.#failure = error;
    try {
      this.#connection.close();
    } catch {
      // It is closed already.
    }
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }
}
