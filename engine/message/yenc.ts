/** yEnc files in text: draft of 2002, http://www.yenc.org/yenc-draft.1.3.txt. */
import { Buffer } from "node:buffer";
import { begins } from "./lines.ts";
import type { EmbeddedFile } from "./uuencode.ts";

const LF = 10, CR = 13, EQUALS = 61;

/** A yEnc file, or one piece of it. */
export interface YencFile extends EmbeddedFile {
  readonly piece?: YencPiece;
}

/** What a piece says of the file that it belongs to. */
export interface YencPiece {
  /** From 1. */
  readonly number: number;
  /** Octets of the whole file. */
  readonly size: number;
}

/**
 * Decodes the file whose `=ybegin` line starts at `at`; a piece of a file gives its own octets. Without `=yend` it ends where another
 * one begins.
 */
export function readYenc(octets: Uint8Array, at: number, end: number): YencFile | undefined {
  let position = lineNext(octets, at, end);
  const header = Buffer.from(octets.subarray(at, Math.min(position, at + 1024))).toString("latin1");
  const name = /name=([^\r\n]*)/i.exec(header)?.[1]?.trim() ?? "";
  const from = position;
  let stop = end; // where the data ends; looked for first, so that no more is held than there is
  let odd = true;
  for (let next = position; position < end; position = next) {
    next = lineNext(octets, position, end);
    if (octets[position] !== EQUALS) continue;
    if (begins(octets, position, "=yend")) {
      stop = position;
      position = next;
      odd = false;
      break;
    }
    if (begins(octets, position, "=ybegin ")) {
      stop = position;
      break;
    }
  }
  const out = new Uint8Array(stop - from);
  let size = 0;
  for (let line = from, next = from; line < stop; line = next) {
    next = lineNext(octets, line, stop);
    if (octets[line] === EQUALS && begins(octets, line, "=ypart")) continue;
    let i = line;
    // Dots that SMTP doubled and nobody removed: `..` at the start of a line.
    if (octets[i] === 46 && octets[i + 1] === 46) i++;
    for (; i < next; i++) {
      let octet = octets[i]!;
      if (octet === LF || octet === CR) continue;
      if (octet === EQUALS && i + 1 < next) octet = octets[++i]! - 64;
      out[size++] = octet - 42;
    }
  }
  if (size === 0) return undefined;
  const file = { name, octets: out.subarray(0, size), reading: "yenc", end: position, odd };
  const number = wholeNumber(/\bpart=(\d{1,9})/i, header);
  const total = wholeNumber(/\bsize=(\d{1,15})/i, header);
  return number === undefined ? file : { ...file, piece: { number, size: total ?? 0 } };
}

function wholeNumber(pattern: RegExp, text: string): number | undefined {
  const digits = pattern.exec(text)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

function lineNext(octets: Uint8Array, start: number, end: number): number {
  const lf = octets.indexOf(LF, start);
  return lf < 0 || lf >= end ? end : lf + 1;
}
