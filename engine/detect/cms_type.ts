/**
 * CMS by its first values: a sequence that begins with an object identifier of PKCS #7 or S/MIME, whatever the form of tags and
 * lengths: those of BER may be longer than they need be, and readers take them.
 *
 * @see X.690, 8.1; RFC 5652, section 3
 */

/** 1.2.840.113549.1.7 and 1.2.840.113549.1.9.16.1; one more octet tells the content. */
const PARENTS: readonly (readonly number[])[] = [
  [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07],
  [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01],
];
const SEQUENCE = 0x30, OID = 0x06;

/** Octets of a tag's number or of a length: openssl allows 126 of a length. */
const MAX_OCTETS = 126;

/** Tag and length in front of a value. */
export interface BerHeader {
  /** As if it were of one octet: class, form, and a number below 31; 31 stands for all others. */
  readonly tag: number;
  /** Octets of the content; `undefined` for those that end at a mark. */
  readonly length: number | undefined;
  /** Where the content begins. */
  readonly start: number;
}

/** Reads tag and length at `at`; `undefined` where they cannot be. */
export function berHeader(octets: Uint8Array, at: number): BerHeader | undefined {
  const first = octets[at];
  if (first === undefined) return undefined;
  let next = at + 1;
  let tag = first;
  if ((first & 31) === 31) {
    let number = 0;
    let octet = 0x80;
    while ((octet & 0x80) !== 0) {
      if (next >= octets.length || next - at > MAX_OCTETS) return undefined;
      octet = octets[next++] ?? 0;
      number = Math.min(31, number * 128 + (octet & 0x7f));
    }
    tag = (first & 0xe0) | number;
  }
  const count = octets[next++];
  if (count === undefined || count === 0xff) return undefined;
  if (count < 0x80) return { tag, length: count, start: next };
  if (count === 0x80) return { tag, length: undefined, start: next };
  const start = next + count - 0x80;
  let length = 0;
  for (; next < start; next++) length = length * 256 + (octets[next] ?? 0);
  return Number.isSafeInteger(length) ? { tag, length, start } : undefined;
}

/** Whether octets are CMS. */
export function isCms(octets: Uint8Array): boolean {
  const outer = berHeader(octets, 0);
  if (outer?.tag !== SEQUENCE) return false;
  const type = berHeader(octets, outer.start);
  if (type?.tag !== OID) return false;
  return PARENTS.some((parent) =>
    type.length === parent.length + 1 &&
    parent.every((octet, i) => octets[type.start + i] === octet)
  );
}
