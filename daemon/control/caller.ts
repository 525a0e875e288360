/** One connection to the control socket: what it asks for, several calls at once. */
import * as v from "valibot";
import { PosternError } from "../../errors.ts";
import { FrameReader, writeFrames } from "../../engine/scanner/frames.ts";
import { MAX_HEAD_OCTETS } from "../../engine/scanner/limits.ts";
import type { InFlight } from "../in_flight.ts";
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

/** What a connection is served with. */
export interface CallerOptions {
  readonly operate: Operate;
  /** What it sends is held on this account; where it is full, it waits. */
  readonly inFlight: InFlight;
  /** How long octets that were announced may take to come, and an answer to be read, ms. No limit by default. */
  readonly transferMs?: number | undefined;
  /** Told when it has nothing under way any more. */
  idle(): void;
}

/** One connection. */
export class Caller {
  readonly #connection: Deno.Conn;
  readonly #options: CallerOptions;
  readonly #calls = new Map<number, AbortController>();
  /** Whether a call has begun to come that is not under way yet. */
  #receiving = false;
  #since = performance.now();
  #closed = false;
  #writing: Promise<void> = Promise.resolve();
  #room: (() => void) | undefined;

  constructor(connection: Deno.Conn, options: CallerOptions) {
    this.#connection = connection;
    this.#options = options;
  }

  /** Since when it has asked for nothing, as performance.now() counts; `undefined` while it does, and when it is closed. */
  get idleSince(): number | undefined {
    return this.#closed || this.#receiving || this.#calls.size > 0 ? undefined : this.#since;
  }

  /** Ends the connection, and so what it asked for. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    try {
      this.#connection.close();
    } catch {
      // It is closed already.
    }
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
        this.#receiving = true;
        if (this.#calls.size >= MAX_CALLS) {
          await new Promise<void>((resolve) => this.#room = resolve);
        }
        if (!await this.#begin(request, reader)) return;
        this.#receiving = false;
      }
    } catch {
      // A client that breaks the protocol, or goes away: there is nobody to tell.
    } finally {
      this.close();
      for (const controller of this.#calls.values()) controller.abort();
    }
  }

  /** Reads the octets that a call announced, and begins it; false at the end of the connection. */
  async #begin(request: ControlRequest & { type: "call" }, reader: FrameReader): Promise<boolean> {
    const { octets: length } = request;
    if (length === undefined) {
      void this.#call(request, undefined);
      return true;
    }
    const { inFlight } = this.#options;
    await inFlight.wait(length);
    let octets: Uint8Array | undefined;
    try {
      octets = await this.#inTime(reader.read(length));
    } finally {
      if (octets === undefined) inFlight.release(length);
    }
    if (octets === undefined) return false;
    void this.#call(request, octets).finally(() => inFlight.release(length));
    return true;
  }

  async #call(
    { id, op, args }: ControlRequest & { type: "call" },
    octets: Uint8Array | undefined,
  ): Promise<void> {
    const controller = new AbortController();
    this.#calls.set(id, controller);
    try {
      const { operate } = this.#options;
      const { result, octets: made } = await operate(op, args, octets, controller.signal);
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
      this.#since = performance.now();
      if (this.idleSince !== undefined) this.#options.idle();
    }
  }

  #write(frames: readonly Uint8Array[]): Promise<void> {
    this.#writing = this.#writing
      .then(() => this.#inTime(writeFrames(this.#connection, ...frames)))
      .catch(() => this.close());
    return this.#writing;
  }

  /** Closing ends what waits for the connection: it is never raced against a timer. */
  async #inTime<T>(transfer: Promise<T>): Promise<T> {
    const { transferMs } = this.#options;
    if (transferMs === undefined) return await transfer;
    const late = setTimeout(() => this.close(), transferMs);
    try {
      return await transfer;
    } finally {
      clearTimeout(late);
    }
  }
}
