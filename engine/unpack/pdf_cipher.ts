/**
 * Decryption of PDF that opens without a password: the user password is empty, which is how documents are merely restricted.
 *
 * @see ISO 32000-1, 7.6; ISO 32000-2, 7.6.4 for AES-256
 */
import { createCipheriv, createDecipheriv, createHash } from "node:crypto";
import { concat } from "./octets.ts";

/** Decrypts the streams of one document. */
export interface PdfCipher {
  decrypt(data: Uint8Array, object: number, generation: number): Uint8Array;
}

const PADDING = Uint8Array.from(
  "28bf4e5e4e758a4164004e56fffa01082e2e00b6d0683e802f0ca9fe6453697a".match(/../g) ?? [],
  (hex) => parseInt(hex, 16),
);

function rc4(key: Uint8Array, data: Uint8Array): Uint8Array {
  const state = Uint8Array.from({ length: 256 }, (_, i) => i);
  for (let i = 0, j = 0; i < 256; i++) {
    const value = state[i] ?? 0;
    j = (j + value + (key[i % key.length] ?? 0)) & 255;
    state[i] = state[j] ?? 0;
    state[j] = value;
  }
  const output = new Uint8Array(data.length);
  for (let n = 0, i = 0, j = 0; n < data.length; n++) {
    i = (i + 1) & 255;
    const value = state[i] ?? 0;
    j = (j + value) & 255;
    const other = state[j] ?? 0;
    state[i] = other;
    state[j] = value;
    output[n] = (data[n] ?? 0) ^ (state[(value + other) & 255] ?? 0);
  }
  return output;
}

function md5(...pieces: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(createHash("md5").update(concat(pieces)).digest());
}

/** AES-CBC with the initialisation vector in front; wrong padding is left in place. */
function aes(key: Uint8Array, data: Uint8Array): Uint8Array {
  const length = (data.length - 16) & ~15;
  if (length <= 0) return new Uint8Array(0);
  const decipher = createDecipheriv(
    key.length === 32 ? "aes-256-cbc" : "aes-128-cbc",
    key,
    data.subarray(0, 16),
  );
  decipher.setAutoPadding(false);
  const plain = new Uint8Array(decipher.update(data.subarray(16, 16 + length)));
  decipher.final(); // frees what the runtime holds for it
  const padding = plain[plain.length - 1] ?? 0;
  return padding >= 1 && padding <= 16 ? plain.subarray(0, plain.length - padding) : plain;
}

/** A string of the encryption dictionary: literal with escapes, or hex. */
function readString(octets: Uint8Array, text: string, key: string): Uint8Array | undefined {
  const found = new RegExp(`/${key}\\s*(?=[(<])`).exec(text);
  if (!found) return undefined;
  const at = found.index + found[0].length;
  if (text[at] === "<") {
    const hex = text.slice(at + 1, text.indexOf(">", at)).replace(/[^0-9a-f]/gi, "");
    return Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
  }
  const output: number[] = [];
  const escapes: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9, b: 8, f: 12 };
  for (let depth = 1, i = at + 1; i < text.length && output.length < 256; i++) {
    const character = text[i] ?? "";
    if (character === "\\") {
      const octal = /^[0-7]{1,3}/.exec(text.slice(i + 1, i + 4));
      if (octal) {
        output.push(parseInt(octal[0], 8) & 255);
        i += octal[0].length;
      } else {
        const next = text[++i] ?? "";
        if (next === "\r" && text[i + 1] === "\n") i++;
        else if (next !== "\n" && next !== "\r") output.push(escapes[next] ?? next.charCodeAt(0));
      }
      continue;
    }
    if (character === "(") depth++;
    if (character === ")" && --depth === 0) break;
    output.push(octets[i] ?? 0);
  }
  return Uint8Array.from(output);
}

/** The encryption dictionary's text, whether it stands in the trailer or is an object. */
function encryptionDictionary(text: string): { start: number; end: number } | undefined {
  const reference = /\/Encrypt\s+(\d{1,10})\s+(\d{1,5})\s+R/.exec(text);
  if (reference) {
    const object = new RegExp(`(?:^|\\s)${reference[1]}\\s+${reference[2]}\\s+obj\\b`).exec(text);
    if (!object) return undefined;
    const end = text.indexOf("endobj", object.index);
    return { start: object.index, end: end < 0 ? text.length : end };
  }
  const inline = /\/Encrypt\s*<</.exec(text);
  return inline
    ? { start: inline.index, end: Math.min(text.length, inline.index + 4096) }
    : undefined;
}

/** Hash of revision 6: ISO 32000-2, algorithm 2.B, for the empty password. */
function hash6(salt: Uint8Array): Uint8Array {
  let key = new Uint8Array(createHash("sha256").update(salt).digest());
  for (let round = 0; round < 1000; round++) {
    const input = concat(Array.from({ length: 64 }, () => key));
    const cipher = createCipheriv("aes-128-cbc", key.subarray(0, 16), key.subarray(16, 32));
    cipher.setAutoPadding(false);
    const encrypted = new Uint8Array(cipher.update(input));
    cipher.final();
    const kind = encrypted.subarray(0, 16).reduce((sum, octet) => sum + octet, 0) % 3;
    key = new Uint8Array(
      createHash(["sha256", "sha384", "sha512"][kind] ?? "sha256").update(encrypted).digest(),
    );
    if (round >= 63 && (encrypted[encrypted.length - 1] ?? 0) <= round - 31) break;
  }
  return key.subarray(0, 32);
}

/**
 * Makes the cipher of a document.
 *
 * @param text The document, one character for each octet.
 * @returns `undefined` where it is not encrypted; `unknown` where it needs a password or an unknown handler.
 */
export function pdfCipher(octets: Uint8Array, text: string): PdfCipher | "unknown" | undefined {
  if (!/\/Encrypt\b/.test(text)) return undefined;
  const place = encryptionDictionary(text);
  if (!place) return undefined; // the word alone: in a text or a name
  const part = text.slice(place.start, place.end);
  const own = octets.subarray(place.start, place.end);
  const number = (key: string, otherwise: number) =>
    Number(new RegExp(`/${key}\\s+(-?\\d{1,10})`).exec(part)?.[1] ?? otherwise);
  const user = readString(own, part, "U");
  const owner = readString(own, part, "O");
  const version = number("V", 0);
  const revision = number("R", 0);
  if (!user || !owner || !/\/Filter\s*\/Standard\b/.test(part)) return "unknown";
  const isAes = /\/CFM\s*\/AESV[23]\b/.test(part);
  if (version >= 5) return aes256(own, part, user, revision);
  if (version < 1 || version > 4 || user.length < 32 || owner.length < 32) return "unknown";
  const bits = version === 1 ? 40 : version === 4 ? 128 : number("Length", 40);
  const width = Math.min(16, Math.max(5, (bits < 40 ? bits * 8 : bits) >> 3));
  const permissions = number("P", 0);
  const p = Uint8Array.from([0, 8, 16, 24], (shift) => (permissions >> shift) & 255);
  const meta = revision >= 4 && /\/EncryptMetadata\s+false/.test(part)
    ? Uint8Array.of(255, 255, 255, 255)
    : new Uint8Array(0);
  const id = idOf(octets, text) ?? new Uint8Array(0);
  let key = md5(PADDING, owner.subarray(0, 32), p, id, meta);
  if (revision >= 3) { for (let i = 0; i < 50; i++) key = md5(key.subarray(0, width)); }
  key = key.subarray(0, width);
  if (!opens(key, user, id, revision)) return "unknown";
  return {
    decrypt(data, object, generation) {
      const suffix = Uint8Array.of(object, object >> 8, object >> 16, generation, generation >> 8);
      const salt = isAes ? Uint8Array.of(0x73, 0x41, 0x6c, 0x54) : new Uint8Array(0);
      const own = md5(key, suffix, salt).subarray(0, Math.min(16, width + 5));
      return isAes ? aes(own, data) : rc4(own, data);
    },
  };
}

/** First string of the trailer's /ID. */
function idOf(octets: Uint8Array, text: string): Uint8Array | undefined {
  const found = /\/ID\s*\[\s*(?=[(<])/.exec(text);
  if (!found) return undefined;
  const at = found.index + found[0].length;
  // readString looks for a key: give it one in front of the string itself
  const lead = "/I";
  const part = lead + text.slice(at, at + 1024);
  const own = concat([new Uint8Array(lead.length), octets.subarray(at, at + 1024)]);
  return readString(own, part, "I");
}

/** Whether the key of the empty password is the document's: 7.6.3.4, algorithms 4 and 5. */
function opens(key: Uint8Array, user: Uint8Array, id: Uint8Array, revision: number): boolean {
  let check: Uint8Array;
  if (revision === 2) check = rc4(key, PADDING);
  else {
    check = rc4(key, md5(PADDING, id));
    for (let i = 1; i <= 19; i++) check = rc4(key.map((octet) => octet ^ i), check);
  }
  return check.every((octet, i) => octet === user[i]);
}

function aes256(
  own: Uint8Array,
  part: string,
  user: Uint8Array,
  revision: number,
): PdfCipher | "unknown" {
  const packedKey = readString(own, part, "UE");
  if (!packedKey || packedKey.length < 32 || user.length < 48) return "unknown";
  const digest = (salt: Uint8Array) =>
    revision >= 6 ? hash6(salt) : new Uint8Array(createHash("sha256").update(salt).digest());
  if (!digest(user.subarray(32, 40)).every((octet, i) => octet === user[i])) return "unknown";
  const unpack = createDecipheriv("aes-256-cbc", digest(user.subarray(40, 48)), new Uint8Array(16));
  unpack.setAutoPadding(false);
  const key = new Uint8Array(unpack.update(packedKey.subarray(0, 32)));
  unpack.final();
  return { decrypt: (data) => aes(key, data) };
}
