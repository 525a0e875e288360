import { Buffer } from "node:buffer";
import { PosternError } from "../../errors.ts";
import { describe } from "../describe.ts";
import { IncomingObject } from "../incoming_object.ts";
import { decompressInto } from "../decompress.ts";
import { linger } from "../linger.ts";
import type { Runner } from "../session_books.ts";
import type { ConnStream } from "../stream.ts";
import { answer } from "./answer.ts";
import type { SpamdContext, SpamdSettings } from "./context.ts";
import { HEADER_READ_OCTETS, READ_OCTETS, WRITE_MS } from "./limits.ts";
import { EX, PONG, refusal } from "./replies.ts";
import { RequestDecoder, type SpamdRequest } from "./request_decoder.ts";

/** Runs the conversation on one connection, which is one request: the only place that reads and writes its socket. */
export class SpamdRunner implements Runner {
  readonly #context: SpamdContext;
  readonly #settings: SpamdSettings;
  readonly #stream: ConnStream;
  #buffer = new Uint8Array(HEADER_READ_OCTETS);
  #input: Uint8Array = new Uint8Array(0);
  #object: IncomingObject | undefined;
  #idle = true;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(context: SpamdContext, stream: ConnStream) {
    this.#context = context;
    this.#settings = context.settings;
    this.#stream = stream;
  }

  async run(): Promise<void> {
    try {
      this.#patience(this.#settings.commandMs);
      const reply = await this.#converse();
      this.#still();
      if (reply.length > 0) {
        await this.#write(reply);
        await linger(this.#stream);
      }
    } catch (error) {
      this.#report(error);
    } finally {
      this.#still();
      this.#object?.release();
      this.#stream.close();
    }
  }

  shutDown(): void {
    if (this.#idle) this.#stream.close();
  }

  /** @returns what is said; nothing where the client said nothing. */
  async #converse(): Promise<readonly Uint8Array[]> {
    let request: SpamdRequest | undefined;
    try {
      request = await this.#header();
    } catch (error) {
      if (!(error instanceof PosternError) || error.code !== "wire/bad-frame") throw error;
      return text(refusal(EX.protocol, `Bad header line: ${error.message}`));
    }
    if (!request) return [];
    switch (request.method) {
      case "SKIP":
        return [];
      case "PING":
        return text(PONG);
      case "TELL":
        return text(
          refusal(EX.unavailable, "Service Unavailable: TELL commands are not enabled here"),
        );
      default:
        return await this.#message(request);
    }
  }

  async #header(): Promise<SpamdRequest | undefined> {
    const decoder = new RequestDecoder();
    while (true) {
      while (this.#input.length > 0) {
        const { used, request } = decoder.take(this.#input);
        this.#input = this.#input.subarray(used);
        if (request) return request;
      }
      if (!await this.#read()) {
        if (this.#idle) return undefined;
        throw new PosternError("wire/bad-frame", "(EOF during headers)");
      }
      this.#idle = false;
    }
  }

  async #message(request: SpamdRequest): Promise<readonly Uint8Array[]> {
    const { ports } = this.#context;
    const { messageSize, dataMs } = this.#settings;
    const expected = request.contentLength;
    if (request.compressed && expected === undefined) {
      return text(refusal(
        EX.unavailable,
        "Service Unavailable: Compress requires Content-length header",
      ));
    }
    if (expected !== undefined && expected > messageSize) return tooLarge(messageSize);
    let object = this.#object = new IncomingObject(ports, dataMs);
    let left = expected ?? Infinity;
    while (left > 0) {
      const piece = this.#input.subarray(0, left);
      this.#input = this.#input.subarray(piece.length);
      left -= piece.length;
      if (object.length + piece.length > messageSize) return tooLarge(messageSize);
      await object.push(piece);
      if (left === 0) break;
      this.#patience(object.patienceMs);
      if (this.#buffer.length < READ_OCTETS) this.#buffer = new Uint8Array(READ_OCTETS);
      if (!await this.#read()) break;
      object.received(this.#input.length);
    }
    this.#still();
    if (object.noRoom) return busy();
    if (expected !== undefined && left > 0) {
      const mismatch = `(Content-Length mismatch: Expected ${expected} bytes, got ${
        expected - left
      } bytes)`;
      return text(refusal(EX.protocol, `Bad header line: ${mismatch}`));
    }
    if (request.compressed) {
      const packed = object;
      object = this.#object = new IncomingObject(ports, dataMs);
      try {
        await decompressInto("zlib", packed.octets(), object, messageSize);
      } catch (error) {
        if (!(error instanceof PosternError) || !error.code.startsWith("wire/")) throw error;
        return text(refusal(EX.unavailable, `Service Unavailable: zlib: ${error.message}`));
      } finally {
        packed.release();
      }
      if (object.noRoom) return busy();
    }
    return await this.#ask(request, object.octets());
  }

  async #ask(request: SpamdRequest, message: Uint8Array): Promise<readonly Uint8Array[]> {
    const { remoteAddress } = this.#stream;
    this.#context.active++;
    try {
      return await answer(this.#context, this.#settings, request, message, remoteAddress);
    } catch (error) {
      this.#context.ports.log("error", "Cannot look at a message", {
        listener: this.#settings.listener,
        error: describe(error),
      });
      return text(refusal(EX.tempfail, "EX_TEMPFAIL"));
    } finally {
      this.#context.active--;
    }
  }

  /** @returns false at the end of the stream. */
  async #read(): Promise<boolean> {
    const count = await this.#stream.read(this.#buffer);
    this.#input = this.#buffer.subarray(0, count ?? 0);
    return count !== null;
  }

  async #write(reply: readonly Uint8Array[]): Promise<void> {
    this.#stream.deadline(WRITE_MS);
    await this.#stream.write(reply.length === 1 ? reply[0]! : Buffer.concat(reply));
  }

  /** What is to come must have come in so many ms; else the client is told and let go. */
  #patience(ms: number): void {
    this.#still();
    this.#timer = setTimeout(() => {
      this.#write(text(refusal(EX.timeout, "Timeout: nothing came in time"))).catch(() => {})
        .finally(() => this.#stream.close());
    }, ms);
  }

  #still(): void {
    clearTimeout(this.#timer);
  }

  #report(error: unknown): void {
    const ours = error instanceof PosternError && error.code.startsWith("wire/");
    this.#context.ports.log(ours ? "debug" : "error", "A session ended early", {
      listener: this.#settings.listener,
      client: this.#stream.remoteAddress || "unix socket",
      error: describe(error),
    });
  }
}

function text(line: string): readonly Uint8Array[] {
  return [Buffer.from(line)];
}

function tooLarge(maxOctets: number): readonly Uint8Array[] {
  return text(refusal(
    EX.unavailable,
    `Service Unavailable: the message is larger than ${maxOctets} octets and was not scanned`,
  ));
}

function busy(): readonly Uint8Array[] {
  return text(refusal(EX.tempfail, "EX_TEMPFAIL"));
}
