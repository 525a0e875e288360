/** Bodies of ICAP messages: chunked, always. RFC 3507, section 4.4.2; RFC 9112, section 7.1. */
import { PosternError } from "../../errors.ts";
import type { WireStream } from "../../agents/stream.ts";
import { BODY_SLACK_OCTETS, CHUNK_OCTETS, MAX_CHUNK_LINE } from "./limits.ts";
import type { OctetReader } from "./octet_reader.ts";

const encoder = new TextEncoder();
const CRLF = encoder.encode("\r\n");

/** Writes octets in chunks, without the last one, which has no octets. */
export async function writeChunks(stream: WireStream, octets: Uint8Array): Promise<void> {
  for (let at = 0; at < octets.length; at += CHUNK_OCTETS) {
    const chunk = octets.subarray(at, at + CHUNK_OCTETS);
    const size = encoder.encode(`${chunk.length.toString(16)}\r\n`);
    const framed = new Uint8Array(size.length + chunk.length + 2);
    framed.set(size);
    framed.set(chunk, size.length);
    framed.set(CRLF, size.length + chunk.length);
    await stream.write(framed);
  }
}

/**
 * Writes the last chunk.
 *
 * @param whole The preview was all there is: RFC 3507, section 4.5.
 */
export async function writeLastChunk(stream: WireStream, whole = false): Promise<void> {
  await stream.write(encoder.encode(whole ? "0; ieof\r\n\r\n" : "0\r\n\r\n"));
}

/**
 * Reads a chunked body and tells whether it is what was sent. Reading ends where it differs.
 *
 * @throws {PosternError} `wire/bad-frame`, `wire/too-long`, `wire/closed`.
 */
export async function isSameBody(reader: OctetReader, sent: Uint8Array): Promise<boolean> {
  let at = 0;
  for (;;) {
    const line = await reader.until(CRLF, MAX_CHUNK_LINE);
    const size = /^([0-9a-fA-F]{1,8})\s*(?:;.*)?$/.exec(new TextDecoder("latin1").decode(line))
      ?.[1];
    if (size === undefined) throw new PosternError("wire/bad-frame", "Not the size of a chunk");
    let left = parseInt(size, 16);
    if (left === 0) return at === sent.length;
    if (at + left > sent.length + BODY_SLACK_OCTETS) return false;
    while (left > 0) {
      const piece = await reader.some(left);
      if (!piece) throw new PosternError("wire/closed", "The body ended early");
      if (piece.some((octet, i) => octet !== sent[at + i])) return false;
      at += piece.length;
      left -= piece.length;
    }
    await reader.until(CRLF, 0);
  }
}
