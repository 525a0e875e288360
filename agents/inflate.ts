import { PosternError } from "../errors.ts";
import type { IncomingObject } from "./incoming_object.ts";

/** Pieces that are given to the decompressor at once, octets: what one of them unpacks to is bounded so. */
const PIECE_OCTETS = 4096;

/**
 * Unpacks what came in zlib's format (RFC 1950) into another object, which is accounted for as it grows.
 *
 * @param maxOctets Most that it may unpack to.
 * @throws {PosternError} `wire/too-long` past it; `wire/bad-frame` where it is not in that format.
 */
export async function inflateInto(
  packed: Uint8Array,
  target: IncomingObject,
  maxOctets: number,
): Promise<void> {
  const stream = new DecompressionStream("deflate");
  const writer = stream.writable.getWriter();
  const feeding = (async () => {
    for (let at = 0; at < packed.length; at += PIECE_OCTETS) {
      await writer.write(packed.slice(at, at + PIECE_OCTETS));
    }
    await writer.close();
  })();
  feeding.catch(() => {}); // the reader hears of it
  const reader = stream.readable.getReader();
  try {
    while (true) {
      const { done, value } = await reader.read();
      if (done) return;
      if (target.length + value.length > maxOctets) {
        throw new PosternError("wire/too-long", "A compressed message unpacks to more than it may");
      }
      await target.push(value);
      if (target.noRoom) return;
    }
  } catch (cause) {
    if (cause instanceof PosternError) throw cause;
    throw new PosternError("wire/bad-frame", "Cannot read a compressed message", { cause });
  } finally {
    await reader.cancel().catch(() => {});
  }
}
