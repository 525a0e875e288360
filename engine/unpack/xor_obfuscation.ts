/**
 * The obfuscation of old workbooks: a key of 16 octets from a password of up to 15.
 *
 * @see [MS-OFFCRYPTO] 2.3.7.1 to 2.3.7.3
 */

const numbers = (digits: string) => digits.split(" ").map((number) => parseInt(number, 16));

/** First key by length of the password, from 1 on. */
const START = numbers(
  "e1f0 1d0f cc9c 84c0 110c 0e10 f1ce 313e 1872 e139 d40f 84f9 280c a96a 4ec3",
);
/** What the lowest bit of each character adds; the other bits' are this one doubled, again and again, in CRC-CCITT's field. */
const FIRST_BITS = numbers(
  "aefc 7b61 4563 0375 d849 6f45 eb23 47d3 b861 45a0 aa51 76b4 3730 3331 1021",
);
/** What passwords are filled up with. */
const PAD = numbers("bb ff ff ba ff ff b9 80 00 be 0f 00 bf 0f 00");
const POLYNOMIAL = 0x1021;

const rotatedLeft = (octet: number, bits: number) =>
  ((octet << bits) | ((octet & 255) >> (8 - bits))) & 255;

/** Octets of a password; `undefined` where it cannot be one. */
export function xorPassword(password: string): Uint8Array | undefined {
  if (password.length === 0 || password.length > 15) return undefined;
  const codes = Array.from(password, (character) => character.charCodeAt(0));
  return codes.some((code) => code > 255) ? undefined : Uint8Array.from(codes);
}

/** What the document holds to check a password: 2.3.7.1. */
export function xorVerifier(password: Uint8Array): number {
  let verifier = 0;
  for (const octet of [...password].reverse().concat(password.length)) {
    verifier = ((verifier >> 14) & 1) ^ ((verifier << 1) & 0x7fff) ^ octet;
  }
  return verifier ^ 0xce4b;
}

/** The key of 16 bits: 2.3.7.2. */
export function xorKey(password: Uint8Array): number {
  let key = START[password.length - 1] ?? 0;
  for (const [index, octet] of password.entries()) {
    // the last character has the last row
    let bits = FIRST_BITS[15 - password.length + index] ?? 0;
    for (let bit = 0; bit < 7; bit++) {
      if ((octet >> bit) & 1) key ^= bits;
      bits = ((bits << 1) & 0xffff) ^ (bits & 0x8000 ? POLYNOMIAL : 0);
    }
  }
  return key;
}

/** What each octet is mixed with, by its place. */
export function xorArray(password: Uint8Array): Uint8Array {
  const key = xorKey(password);
  return Uint8Array.from({ length: 16 }, (_, i) => {
    const octet = password[i] ?? PAD[i - password.length] ?? 0;
    return rotatedLeft(octet ^ ((i & 1 ? key >> 8 : key) & 255), 7);
  });
}

/**
 * Takes the obfuscation off the data of one record, in place.
 *
 * @param at Where the data starts in the stream; it turns the key together with the length.
 */
export function undoXor(data: Uint8Array, at: number, key: Uint8Array, length = data.length): void {
  for (let i = 0; i < data.length; i++) {
    data[i] = rotatedLeft((data[i] ?? 0) ^ (key[(at + length + i) & 15] ?? 0), 3);
  }
}
