/** mbox: messages one after the other, each behind a line `From `: RFC 4155, appendix A. */
import { Buffer } from "node:buffer";
import { latin1Text } from "../latin1.ts";
import type { Entry, UnpackContext } from "./unpacker.ts";

const LF = 0x0a;
/** Octets of a separator line in which its date is looked for. */
const MAX_LINE = 256;
/** With a date, as each program writes it: other lines may be a sentence of the text that nobody quoted. */
const DATED = /^From \S.*\b\d\d?:\d\d\b.*\b(?:19|20)\d\d\b/;
/** Names of single messages: what opens them reads on at every line. */
const MESSAGE_NAME = /\.(?:eml|mht|mhtml|msg|nws)$/i;

/**
 * Opens an mbox: every stretch between separator lines is a message. Where programs may take such a line for text, what it cuts is
 * a message once more, as a whole.
 */
export function* unmbox(octets: Uint8Array, { budget, names }: UnpackContext): Generator<Entry> {
  const whole = Buffer.from(octets.buffer, octets.byteOffset, octets.length);
  const first = octets.indexOf(LF) + 1;
  let start = first;
  let datedStart = first; // behind the last separator that is one beyond doubt
  let isCut = false; // whether others came behind it
  let areMore = false;
  const entry = (from: number, to: number): Entry => {
    const content = octets.subarray(from, to);
    budget.unpacked(content.length);
    return { names: [], content };
  };
  while (start > 0 && start < octets.length && budget.time()) {
    const next = whole.indexOf("\nFrom ", start - 1, "latin1");
    const end = next < 0 ? octets.length : next + 1;
    yield entry(start, end);
    const isDated = next >= 0 && DATED.test(latin1Text(octets.subarray(end, end + MAX_LINE)));
    start = next < 0 ? 0 : octets.indexOf(LF, end) + 1;
    if (isDated) {
      if (isCut) yield entry(datedStart, end);
      isCut = false;
      areMore = true;
      datedStart = start;
    } else if (next >= 0) isCut = true;
  }
  if (isCut && budget.time()) yield entry(datedStart, octets.length);
  if (areMore && names.some((name) => MESSAGE_NAME.test(name))) yield entry(first, octets.length);
}
