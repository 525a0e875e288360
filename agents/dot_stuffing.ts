import { latin1 } from "./line_ends.ts";

const DOT = 46;
const CR = 13;
const LF = 10;
const ONE_DOT = new Uint8Array([DOT]);
const END = new TextEncoder().encode(".\r\n");
const END_OF_LINE_TOO = new TextEncoder().encode("\r\n.\r\n");

/**
 * Encodes a message for DATA: a dot more before each line that begins with one, CRLF at the end where it is missing, and the end
 * of data (RFC 5321, section 4.5.2). Octets are not copied: what comes back are pieces of the input with dots between.
 *
 * @param chunks The message; every line end in it is CRLF, also across chunks.
 */
export function stuffDots(chunks: readonly Uint8Array[]): Uint8Array[] {
  const out: Uint8Array[] = [];
  let last = LF; // the two octets before the next one: a message begins at the begin of a line
  let lastButOne = CR;
  for (const chunk of chunks) {
    if (chunk.length === 0) continue;
    let from = 0;
    const first = chunk[0];
    if (first === DOT && last === LF && lastButOne === CR) out.push(ONE_DOT);
    else if (last === CR && first === LF && chunk[1] === DOT) {
      out.push(chunk.subarray(0, 1), ONE_DOT);
      from = 1;
    }
    const text = latin1(chunk);
    for (let at = text.indexOf("\r\n."); at !== -1; at = text.indexOf("\r\n.", at + 2)) {
      out.push(chunk.subarray(from, at + 2), ONE_DOT);
      from = at + 2;
    }
    out.push(chunk.subarray(from));
    lastButOne = chunk.length > 1 ? chunk[chunk.length - 2]! : last;
    last = chunk[chunk.length - 1]!;
  }
  out.push(last === LF && lastButOne === CR ? END : END_OF_LINE_TOO);
  return out;
}

/** Joins pieces into one buffer. */
export function join(pieces: readonly Uint8Array[]): Uint8Array {
  if (pieces.length === 1) return pieces[0]!;
  const out = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let length = 0;
  for (const piece of pieces) {
    out.set(piece, length);
    length += piece.length;
  }
  return out;
}

/** Gathers pieces into buffers of no more than so many octets, so that each is one write, with its own time. */
export function* gather(
  pieces: readonly Uint8Array[],
  maxOctets: number,
): Generator<Uint8Array, void> {
  let from = 0;
  let octets = 0;
  for (const [i, piece] of pieces.entries()) {
    if (octets > 0 && octets + piece.length > maxOctets) {
      yield join(pieces.slice(from, i));
      from = i;
      octets = 0;
    }
    octets += piece.length;
    if (octets <= maxOctets) continue;
    for (let at = 0; at < piece.length; at += maxOctets) yield piece.subarray(at, at + maxOctets);
    from = i + 1;
    octets = 0;
  }
  if (from < pieces.length) yield join(pieces.slice(from));
}
