/**
 * Sub-signatures that compare a number in the content: `trigger(offset#options#comparisons)`.
 *
 * @see ClamAV documentation, "Byte Compare Subsignatures"
 */

/** A comparison, read. */
export interface ByteCompare {
  readonly kind: "compare";
  /** Number of the sub-signature from whose last place the number is found. */
  readonly trigger: number;
  /** Octets from there. */
  readonly offset: number;
  /** Text in hexadecimal, in decimal, in either as it says itself, or octets as they are. */
  readonly as: "hex" | "decimal" | "auto" | "binary";
  readonly little: boolean;
  /** All octets have to be digits. */
  readonly exact: boolean;
  readonly length: number;
  readonly comparisons: readonly { readonly sign: "<" | ">" | "="; readonly value: bigint }[];
}

const FORM =
  /^(\d{1,2})\((?:(>>|<<)(0x[0-9a-fA-F]{1,7}|\d{1,9})|0?)#([hdai])([lb]?)(e?)(0x[0-9a-fA-F]{1,4}|\d{1,5})#([<>=])(-?(?:0x[0-9a-fA-F]{1,16}|\d{1,19}))(?:,([<>=])(-?(?:0x[0-9a-fA-F]{1,16}|\d{1,19})))?\)$/;
const KINDS = { h: "hex", d: "decimal", a: "auto", i: "binary" } as const;
/** Longest number in hexadecimal text, octets. */
const MAX_HEX = 18;
/** Longest number in other text, octets. */
const MAX_TEXT = 64;

/** Whether a sub-signature is of this kind. */
export function isByteCompare(text: string): boolean {
  return /^\d+\s*\(.*#.*\)$/.test(text);
}

/** Reads a comparison; a few words where it cannot be. */
export function parseByteCompare(text: string): ByteCompare | string {
  const found = FORM.exec(text.replace(/\s+/g, ""));
  if (!found) return "a comparison of numbers that cannot be read";
  const [, trigger, way, distance, kind, order, exact, octets, sign, value, sign2, value2] = found;
  const as = KINDS[kind as keyof typeof KINDS];
  const length = Number(octets);
  const little = order === "l";
  if (as === "decimal" && little) return "a comparison of decimal numbers in little-endian order";
  if (as === "binary" && ![1, 2, 4, 8].includes(length)) {
    return "a comparison of octets of no number";
  }
  if (length === 0 || length > (as === "hex" ? MAX_HEX : MAX_TEXT)) {
    return "a comparison of numbers that are too long";
  }
  const comparisons = [{ sign: sign as "<" | ">" | "=", value: number(value ?? "0") }];
  if (sign2 && value2) comparisons.push({ sign: sign2 as "<" | ">" | "=", value: number(value2) });
  return {
    kind: "compare",
    trigger: Number(trigger),
    offset: way === "<<" ? -Number(distance) : Number(distance ?? 0),
    as,
    little,
    exact: exact === "e",
    length,
    comparisons,
  };
}

function number(text: string): bigint {
  return text.startsWith("-") ? -BigInt(text.slice(1)) : BigInt(text);
}

/**
 * Whether a comparison holds.
 *
 * @param place Last place of its trigger.
 */
export function compares(compare: ByteCompare, octets: Uint8Array, place: number): boolean {
  const { offset, length, as } = compare;
  const at = place + offset;
  if (at <= 0 || at + length > octets.length) return false;
  const field = octets.subarray(at, at + length);
  const value = as === "binary" ? binary(field, compare.little) : textual(field, compare);
  if (value === undefined) return false;
  return compare.comparisons.every(({ sign, value: other }) =>
    sign === ">" ? value > other : sign === "<" ? value < other : value === other
  );
}

/** As 64 bits with a sign, as ClamAV has it. */
function binary(field: Uint8Array, little: boolean): bigint {
  let value = 0n;
  for (const octet of little ? field.toReversed() : field) value = value << 8n | BigInt(octet);
  return BigInt.asIntN(64, value);
}

function textual(field: Uint8Array, { as, little, exact }: ByteCompare): bigint | undefined {
  const text = String.fromCharCode(...field);
  const digits = text.replace(/^[\t-\r ]+/, "");
  const isHex = as === "hex" || as === "auto" && /^0[xX]/.test(digits);
  if (little && !isHex) return undefined;
  const [, sign = "", prefix = "", found = ""] =
    (isHex ? /^([+-]?)(0[xX])?([0-9a-fA-F]+)/ : /^([+-]?)()([0-9]+)/).exec(digits) ?? [];
  const used = sign.length + prefix.length + found.length;
  if (exact && (used !== digits.length || digits.length !== text.length)) return undefined;
  if (found === "") return 0n; // as strtol(3) has it
  const ordered = little ? reversedPairs(found) : found;
  const value = BigInt(isHex ? `0x${ordered}` : ordered);
  return sign === "-" ? -value : value;
}

/** Two digits are an octet: the last one first. */
function reversedPairs(hex: string): string {
  const even = hex.length % 2 === 0 || hex.length === 1 ? hex : `0${hex}`;
  return (even.match(/..?/g) ?? []).reverse().join("");
}
