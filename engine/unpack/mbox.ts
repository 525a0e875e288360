/** mbox: messages one after the other, each behind a line `From `: RFC 4155, appendix A. */
import { Buffer } from "node:buffer";
import type { Entry, UnpackContext } from "./unpacker.ts";

const LF = 0x0a;

/** Opens an mbox: every stretch between separator lines is a message. */
export function* unmbox(octets: Uint8Array, { budget }: UnpackContext): Generator<Entry> {
  const whole = Buffer.from(octets.buffer, octets.byteOffset, octets.length);
  let start = octets.indexOf(LF) + 1;
  while (start > 0 && start < octets.length && budget.time()) {
    const next = whole.indexOf("\nFrom ", start - 1, "latin1");
    const content = octets.subarray(start, next < 0 ? octets.length : next + 1);
    budget.unpacked(content.length);
    yield { names: [], content };
    if (next < 0) return;
    start = octets.indexOf(LF, next + 1) + 1;
  }
}
