/**
 * The two ciphers of ZIP: PKWARE's own of 1989, and WinZip's AES.
 *
 * @see PKWARE APPNOTE 6.3.10, section 6.1
 * @see https://www.winzip.com/en/support/aes-encryption/
 */
import { Buffer } from "node:buffer";
import { createCipheriv, createHmac, pbkdf2Sync } from "node:crypto";
import { CRC_TABLE } from "./crc32.ts";
import { u16 } from "./octets.ts";

/** Octets in front of data that the old cipher adds. */
const HEADER_OCTETS = 12;
const ITERATIONS = 1000;
const CHECK_OCTETS = 2;
const MAC_OCTETS = 10;
/** What ECB has for an initial vector; `null` is not taken by every runtime. */
const NO_VECTOR = new Uint8Array(0);

/** Deciphers with PKWARE's cipher; one state for one piece of data. */
class OldCipher {
  #a = 0x12345678;
  #b = 0x23456789;
  #c = 0x34567890;

  constructor(password: Uint8Array) {
    for (const octet of password) this.#update(octet);
  }

  #update(octet: number): void {
    this.#a = (this.#a >>> 8) ^ (CRC_TABLE[(this.#a ^ octet) & 255] ?? 0);
    this.#b = (Math.imul((this.#b + (this.#a & 255)) | 0, 134775813) + 1) | 0;
    this.#c = (this.#c >>> 8) ^ (CRC_TABLE[(this.#c ^ (this.#b >>> 24)) & 255] ?? 0);
  }

  decipher(octets: Uint8Array): Uint8Array {
    const plain = new Uint8Array(octets.length);
    for (let i = 0; i < octets.length; i++) {
      const mixed = (this.#c & 0xffff) | 2;
      const octet = (octets[i] ?? 0) ^ ((Math.imul(mixed, mixed ^ 1) >>> 8) & 255);
      plain[i] = octet;
      this.#update(octet);
    }
    return plain;
  }
}

/**
 * Deciphers data under PKWARE's cipher.
 *
 * @param check What the last octet of the data's header has to be; a wrong password passes in one of 256 cases.
 * @returns `undefined` where the password is wrong.
 */
export function decipherOld(
  data: Uint8Array,
  password: string,
  checks: ReadonlySet<number>,
): Uint8Array | undefined {
  if (data.length < HEADER_OCTETS) return undefined;
  const cipher = new OldCipher(new TextEncoder().encode(password));
  const header = cipher.decipher(data.subarray(0, HEADER_OCTETS));
  if (!checks.has(header[HEADER_OCTETS - 1] ?? -1)) return undefined;
  return cipher.decipher(data.subarray(HEADER_OCTETS));
}

/** What the extra field 0x9901 says. */
export interface AesField {
  /** 1 to 3, for keys of 128, 192 and 256 bits. */
  readonly strength: number;
  /** How the data is packed under the cipher. */
  readonly method: number;
}

/** Reads the extra field of a member whose method is 99. */
export function aesField(extra: Uint8Array): AesField | undefined {
  for (let at = 0; at + 4 <= extra.length; at += 4 + u16(extra, at + 2)) {
    if (u16(extra, at) !== 0x9901 || at + 11 > extra.length) continue;
    const strength = extra[at + 8] ?? 0;
    return strength >= 1 && strength <= 3 ? { strength, method: u16(extra, at + 9) } : undefined;
  }
  return undefined;
}

/**
 * Deciphers data under WinZip's AES: salt, two octets to check the password, data, ten octets of its HMAC.
 *
 * @returns `undefined` where the password is wrong, or the data is not whole.
 */
export function decipherAes(
  data: Uint8Array,
  password: string,
  strength: number,
): Uint8Array | undefined {
  const keyOctets = 8 + 8 * strength;
  const saltOctets = keyOctets / 2;
  if (data.length < saltOctets + CHECK_OCTETS + MAC_OCTETS) return undefined;
  const salt = data.subarray(0, saltOctets);
  const keys = pbkdf2Sync(password, salt, ITERATIONS, 2 * keyOctets + CHECK_OCTETS, "sha1");
  const check = saltOctets + CHECK_OCTETS;
  if (u16(keys, 2 * keyOctets) !== u16(data, saltOctets)) return undefined;
  const body = data.subarray(check, data.length - MAC_OCTETS);
  const mac = createHmac("sha1", keys.subarray(keyOctets, 2 * keyOctets)).update(body).digest();
  if (Buffer.compare(mac.subarray(0, MAC_OCTETS), data.subarray(data.length - MAC_OCTETS)) !== 0) {
    return undefined;
  }
  return undoCounter(body, keys.subarray(0, keyOctets));
}

/** AES in counter mode, the counter little-endian from 1, which no library has: the key stream is made by enciphering counters. */
function undoCounter(body: Uint8Array, key: Uint8Array): Uint8Array {
  const PIECE = 1 << 16;
  const plain = new Uint8Array(body.length);
  const cipher = createCipheriv(`aes-${key.length * 8}-ecb`, key, NO_VECTOR);
  cipher.setAutoPadding(false);
  const counters = new Uint8Array(PIECE);
  const view = new DataView(counters.buffer);
  for (let from = 0, counter = 1; from < body.length; from += PIECE) {
    const length = Math.min(PIECE, Math.ceil((body.length - from) / 16) * 16);
    for (let at = 0; at < length; at += 16) view.setUint32(at, counter++, true);
    const stream = cipher.update(counters.subarray(0, length));
    const end = Math.min(body.length, from + PIECE);
    for (let i = from; i < end; i++) plain[i] = (body[i] ?? 0) ^ (stream[i - from] ?? 0);
  }
  cipher.final(); // gives nothing, and lets go of what the runtime holds
  return plain;
}
