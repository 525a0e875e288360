/** Small readers over octets; past the end everything is 0. */
import { Buffer } from "node:buffer";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const latin1 = new TextDecoder("latin1");

/** Unsigned 16 bits, little-endian. */
export function u16(octets: Uint8Array, at: number): number {
  return (octets[at] ?? 0) | ((octets[at + 1] ?? 0) << 8);
}

/** Unsigned 32 bits, little-endian. */
export function u32(octets: Uint8Array, at: number): number {
  return (u16(octets, at) | (u16(octets, at + 2) << 16)) >>> 0;
}

/** Unsigned 64 bits, little-endian; beyond 2^53 only roughly. */
export function u64(octets: Uint8Array, at: number): number {
  return u32(octets, at) + u32(octets, at + 4) * 2 ** 32;
}

/** Unsigned 16 bits, big-endian. */
export function u16be(octets: Uint8Array, at: number): number {
  return ((octets[at] ?? 0) << 8) | (octets[at + 1] ?? 0);
}

/** Unsigned 32 bits, big-endian. */
export function u32be(octets: Uint8Array, at: number): number {
  return (u16be(octets, at) * 65536) + u16be(octets, at + 2);
}

/** A name whose charset is not told: UTF-8 if it is valid, else one character for each octet. */
export function nameText(octets: Uint8Array): string {
  try {
    return utf8.decode(octets);
  } catch {
    return latin1.decode(octets);
  }
}

/** A name in a field of fixed width: up to the first NUL. */
export function paddedName(octets: Uint8Array): string {
  const end = octets.indexOf(0);
  return nameText(end < 0 ? octets : octets.subarray(0, end));
}

/** Whether `octets` has `ascii` at `at`. */
export function hasAscii(octets: Uint8Array, at: number, ascii: string): boolean {
  for (let i = 0; i < ascii.length; i++) {
    if (octets[at + i] !== ascii.charCodeAt(i)) return false;
  }
  return true;
}

/** Each text once, in order. */
export function distinct(texts: readonly string[]): readonly string[] {
  return texts.length < 2 ? texts : [...new Set(texts)];
}

/** Joins pieces. */
export function concat(pieces: readonly Uint8Array[]): Uint8Array {
  const [first] = pieces;
  if (first && pieces.length === 1) return first;
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/** Name for the content of a single-file container: its own without the packing's ending. */
export function innerNames(names: readonly string[], endings: RegExp): readonly string[] {
  return distinct(
    names.filter((name) => endings.test(name)).map((name) => name.replace(endings, "")),
  );
}

/** Decodes base64 as loosely as browsers' data: URLs are written: other characters are passed over, padding ends it. */
export function base64Octets(text: string): Uint8Array {
  const end = text.indexOf("=");
  const digits = (end < 0 ? text : text.slice(0, end)).replace(/-/g, "+").replace(/_/g, "/")
    .replace(/[^A-Za-z0-9+/]/g, "");
  // one digit alone is no octet, and some runtimes refuse it
  const whole = digits.length % 4 === 1 ? digits.slice(0, -1) : digits;
  const buffer = Buffer.from(whole.padEnd(Math.ceil(whole.length / 4) * 4, "="), "base64");
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
}
