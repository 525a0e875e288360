import type { ConnStream } from "./stream.ts";

/** How long, ms, and how much, octets, is still read of a client that was answered in mid-sentence. */
const LINGER_MS = 2_000;
const LINGER_OCTETS = 64 * 2 ** 20;
const READ_OCTETS = 64 * 1024;

/**
 * Says that no more will be said, and drops for a while what the client still sends: a connection that is closed with octets
 * unread takes the last answer with it (RFC 9112, section 9.6). The stream is to be closed afterwards.
 */
export async function linger(stream: ConnStream): Promise<void> {
  try {
    await stream.conn.closeWrite();
    stream.deadline(LINGER_MS);
    const buffer = new Uint8Array(READ_OCTETS);
    for (let left = LINGER_OCTETS; left > 0;) {
      const count = await stream.read(buffer);
      if (count === null) break;
      left -= count;
    }
  } catch {
    // gone, or too slow: either way it was answered
  }
}
