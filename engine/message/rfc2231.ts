/** Extended and continued parameters: RFC 2231, as the standard says and as readers stray from it. */
import { decodeText, octetsOf } from "./charsets.ts";
import type { RawParameter } from "./parameters.ts";

/** `charset'language'percent-encoded`, with and without its prefix, likeliest first. */
export function decodeExtended(value: string): string[] {
  const match = /^([^']*)'([^']*)'([\s\S]*)$/.exec(value);
  const out: string[] = [];
  if (match !== null) {
    out.push(decodeText(percentOctets(match[3]!), match[1]));
    const plain = percentText(match[3]!);
    if (plain !== out[0]) out.push(plain);
  }
  const whole = percentText(value);
  if (!out.includes(whole)) out.push(whole);
  return out;
}

/** Joins `name*0`, `name*1*`, ...: in order of number, without gaps, with gaps, and in the order in which they stand. */
export function joinContinuations(pieces: readonly RawParameter[], name: string): string[] {
  if (pieces.length === 0) return [];
  const numbered: { number: number; extended: boolean; value: string }[] = [];
  for (const piece of pieces) {
    const match = /^(\d{1,6})(\*?)$/.exec(piece.name.slice(name.length + 1));
    if (match !== null) {
      numbered.push({ number: Number(match[1]), extended: match[2] !== "", value: piece.value });
    }
  }
  if (numbered.length === 0) return [];
  const sorted = numbered.toSorted((a, b) => a.number - b.number);
  const contiguous = [];
  for (const piece of sorted) if (piece.number === contiguous.length) contiguous.push(piece);
  const orders = [contiguous, sorted, numbered, numbered.toReversed()];
  const out: string[] = [];
  for (const order of orders) {
    if (order.length === 0) continue;
    out.push(...joined(order));
    out.push(order.map((piece) => piece.value).join(""));
  }
  // Readers that know no continuations may take one piece for the whole.
  for (const piece of numbered.slice(0, 8)) out.push(...decodeExtended(piece.value), piece.value);
  return out;
}

/** One order of pieces: the charset of the first holds for all; only pieces marked with `*` are percent-encoded. */
function joined(order: readonly { extended: boolean; value: string }[]): string[] {
  let charset: string | undefined;
  const raw: string[] = [];
  const all: string[] = [];
  for (const [i, piece] of order.entries()) {
    let value = piece.value;
    const match = i === 0 ? /^([^']*)'([^']*)'([\s\S]*)$/.exec(value) : null;
    if (match !== null) {
      charset = match[1];
      value = match[3]!;
    }
    raw.push(piece.extended ? percentText(value) : value);
    all.push(percentText(value));
  }
  const strict = raw.join(""), loose = all.join("");
  const out = [decodeText(octetsOf(strict), charset)];
  if (loose !== strict) out.push(decodeText(octetsOf(loose), charset));
  return out;
}

/** `%41` to a character of that number. */
function percentText(text: string): string {
  return text.replace(
    /%([0-9a-f]{2})/gi,
    (_all, hex: string) => String.fromCharCode(parseInt(hex, 16)),
  );
}

function percentOctets(text: string): Uint8Array {
  return octetsOf(percentText(text));
}
