/** Compressed messages, as clients of mail filters send them: unpacked piece by piece, into an account of octets that grows with them. */
import * as zlib from "node:zlib";
import { Readable } from "node:stream";
import { PosternError } from "../errors.ts";
import type { IncomingObject } from "./incoming_object.ts";

/** Ways to compress. */
export type Compression = "zlib" | "zstd";

/** Pieces that are given to the decompressor at once, octets: what comes out of one of them at once is bounded so. */
const PIECE_OCTETS = 4096;
/** Largest window of zstd's format that is taken, as a power of two: 8 MB, what RFC 8878, section 3.1.1.1.2 asks for. */
const ZSTD_WINDOW_LOG = 23;

/** Whether this runtime can unpack it: Deno 2.4 does not know zstd. */
export function canDecompress(compression: Compression): boolean {
  return compression === "zlib" || typeof zlib.createZstdDecompress === "function";
}

/**
 * Unpacks into another object.
 *
 * @param packed zlib's format is RFC 1950, zstd's RFC 8878.
 * @param maxOctets Most that it may unpack to.
 * @throws {PosternError} `wire/too-long` past it; `wire/bad-frame` where it is not in that format. (That a frame of zstd is cut off
 * the runtime does not say: that all of it came is the length's business in the protocol around it.)
 */
export async function decompressInto(
  compression: Compression,
  packed: Uint8Array,
  target: IncomingObject,
  maxOctets: number,
): Promise<void> {
  const decompressor = compression === "zlib" ? zlib.createInflate() : zlib.createZstdDecompress({
    params: { [zlib.constants.ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG },
  });
  const source = Readable.from(pieces(packed));
  source.on("error", (error) => decompressor.destroy(error));
  source.pipe(decompressor);
  try {
    for await (const piece of decompressor as AsyncIterable<Uint8Array>) {
      if (target.length + piece.length > maxOctets) {
        throw new PosternError("wire/too-long", "A compressed message unpacks to more than it may");
      }
      await target.push(piece);
      if (target.noRoom) return;
    }
  } catch (cause) {
    if (cause instanceof PosternError) throw cause;
    throw new PosternError("wire/bad-frame", "Cannot read a compressed message", { cause });
  } finally {
    source.destroy();
    decompressor.destroy();
  }
}

function* pieces(octets: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < octets.length; at += PIECE_OCTETS) {
    yield octets.subarray(at, at + PIECE_OCTETS);
  }
}
