/**
 * Frames on the private socket between pool and scanner, and on the control socket: a length of four octets, little-endian, then
 * so many octets. The reader hands out whole frames however the octets were cut on their way, reads long ones straight into
 * their own buffer, and holds no more than the caller allows.
 */
import { PosternError } from "../../errors.ts";
import { FRAME_PREFIX_OCTETS, JOIN_OCTETS, READ_OCTETS } from "./limits.ts";

/** What frames are read from: `Deno.Conn`, or a test's own. */
export interface FrameSource {
  /** Reads some octets; `null` at the end. */
  read(into: Uint8Array): Promise<number | null>;
}

/** What frames are written to. */
export interface FrameSink {
  /** Writes some octets, at least one; resolves with how many. */
  write(octets: Uint8Array): Promise<number>;
}

/** Reads frames one after the other. Once it has failed it stays failed. */
export class FrameReader {
  readonly #source: FrameSource;
  readonly #buffer = new Uint8Array(READ_OCTETS);
  /** Octets of the buffer that were read and not yet handed out. */
  #start = 0;
  #end = 0;
  #failure: PosternError | undefined;

  constructor(source: FrameSource) {
    this.#source = source;
  }

  /**
   * Reads one frame.
   *
   * @param maxOctets Longest frame that the caller takes here.
   * @returns The frame's octets, the caller's own; `undefined` where the other end closed between two frames.
   * @throws {PosternError} `"wire/too-long"` for a longer frame; `"wire/closed"` where the octets end inside one.
   */
  async read(maxOctets: number): Promise<Uint8Array | undefined> {
    if (this.#failure) throw this.#failure;
    while (this.#end - this.#start < FRAME_PREFIX_OCTETS) {
      if (await this.#fill()) continue;
      if (this.#start === this.#end) return undefined;
      return this.#fail("wire/closed", "The connection ended inside the length of a frame");
    }
    const length = new DataView(this.#buffer.buffer).getUint32(this.#start, true);
    if (length > maxOctets) {
      return this.#fail(
        "wire/too-long",
        `A frame of ${length} octets came, allowed are ${maxOctets}`,
      );
    }
    this.#start += FRAME_PREFIX_OCTETS;
    const frame = new Uint8Array(length);
    const there = Math.min(length, this.#end - this.#start);
    frame.set(this.#buffer.subarray(this.#start, this.#start + there));
    this.#start += there;
    let filled = there;
    while (filled < length) {
      // What is long goes straight to its place; what is short is read with whatever follows it.
      if (length - filled >= READ_OCTETS) {
        const count = await this.#source.read(frame.subarray(filled));
        if (count === null) return this.#fail("wire/closed", "The connection ended inside a frame");
        filled += count;
        continue;
      }
      if (!await this.#fill()) {
        return this.#fail("wire/closed", "The connection ended inside a frame");
      }
      const part = Math.min(length - filled, this.#end - this.#start);
      frame.set(this.#buffer.subarray(this.#start, this.#start + part), filled);
      this.#start += part;
      filled += part;
    }
    return frame;
  }

  /** Reads once into the free end of the buffer; false at the end of the octets. */
  async #fill(): Promise<boolean> {
    if (this.#start === this.#end) this.#start = this.#end = 0;
    else if (this.#buffer.length - this.#end < FRAME_PREFIX_OCTETS) {
      this.#buffer.copyWithin(0, this.#start, this.#end);
      this.#end -= this.#start;
      this.#start = 0;
    }
    const count = await this.#source.read(this.#buffer.subarray(this.#end));
    if (count === null) return false;
    this.#end += count;
    return true;
  }

  #fail(code: "wire/closed" | "wire/too-long", message: string): never {
    throw this.#failure = new PosternError(code, message);
  }
}

/** Writes all of the octets. */
async function writeAll(sink: FrameSink, octets: Uint8Array): Promise<void> {
  let written = 0;
  while (written < octets.length) written += await sink.write(octets.subarray(written));
}

/**
 * Writes frames in order. Long ones are written from the caller's buffer; short ones go together in one write.
 *
 * @param frames Octets of each frame; they stay the caller's and are not held after the promise is settled.
 * @throws What the sink throws.
 */
export async function writeFrames(
  sink: FrameSink,
  ...frames: readonly Uint8Array[]
): Promise<void> {
  let total = 0;
  for (const frame of frames) total += FRAME_PREFIX_OCTETS + frame.length;
  if (total <= JOIN_OCTETS) {
    const joined = new Uint8Array(total);
    const view = new DataView(joined.buffer);
    let at = 0;
    for (const frame of frames) {
      view.setUint32(at, frame.length, true);
      joined.set(frame, at + FRAME_PREFIX_OCTETS);
      at += FRAME_PREFIX_OCTETS + frame.length;
    }
    return await writeAll(sink, joined);
  }
  for (const frame of frames) {
    const prefix = new Uint8Array(FRAME_PREFIX_OCTETS);
    new DataView(prefix.buffer).setUint32(0, frame.length, true);
    await writeAll(sink, prefix);
    await writeAll(sink, frame);
  }
}
