/**
 * How Office makes keys of passwords, and sees whether one fits.
 *
 * @see [MS-OFFCRYPTO] 2.3
 */
import { createHash } from "node:crypto";
import { decipherBlocks, isAesKey } from "./aes.ts";
import { MAX_OFFICE_ROUNDS } from "./limits.ts";
import { latin1Text } from "../latin1.ts";
import { base64Octets, u16, u32 } from "./octets.ts";
import { counter, hashOf, SPUN_HASHES, type SpunHash, spunHash } from "./office_spin.ts";
import { Rc4 } from "./rc4.ts";

/** Deciphers the streams of a binary document: each block has a key of its own. */
export interface StreamCipher {
  /** The key stream of a block. */
  block(number: number): Rc4;
}

/** Deciphers the package that is an Office Open XML document. */
export interface PackageCipher {
  decipher(octets: Uint8Array): Uint8Array;
}

/** Gives the cipher if a password fits. */
export type Attempt<Cipher> = (password: string, time: () => boolean) => Cipher | undefined;

/** Text as Office hashes it. */
export function utf16(text: string): Uint8Array {
  const octets = new Uint8Array(2 * text.length);
  for (let i = 0; i < text.length; i++) {
    octets[2 * i] = text.charCodeAt(i);
    octets[2 * i + 1] = text.charCodeAt(i) >> 8;
  }
  return octets;
}

const same = (a: Uint8Array, b: Uint8Array) =>
  a.length === b.length && a.every((octet, i) => octet === b[i]);

function md5(...pieces: readonly Uint8Array[]): Uint8Array {
  const hash = createHash("md5");
  for (const piece of pieces) hash.update(piece);
  return new Uint8Array(hash.digest());
}

function sha1(...pieces: readonly Uint8Array[]): Uint8Array {
  return hashOf("SHA1", ...pieces);
}

/** Header and verifier of CryptoAPI: 2.3.2 and 2.3.3. */
interface CryptoApi {
  readonly algorithm: number;
  readonly keyOctets: number;
  readonly salt: Uint8Array;
  readonly verifier: Uint8Array;
  readonly verifierHash: Uint8Array;
}

const RC4_ALGORITHM = 0x6801;
const AES_ALGORITHMS: Readonly<Record<number, number>> = { 0x660e: 16, 0x660f: 24, 0x6610: 32 };

/** @param octets From the version on. */
function readCryptoApi(octets: Uint8Array): CryptoApi {
  const header = octets.subarray(12);
  const verifier = octets.subarray(12 + u32(octets, 8));
  const algorithm = u32(header, 8);
  const bits = u32(header, 16);
  return {
    algorithm,
    keyOctets: (bits === 0 ? 40 : bits) >>> 3,
    salt: verifier.subarray(4, 20),
    verifier: verifier.subarray(20, 36),
    verifierHash: verifier.subarray(40, 40 + (algorithm === RC4_ALGORITHM ? 20 : 32)),
  };
}

function isCryptoApi(octets: Uint8Array): boolean {
  const major = u16(octets, 0);
  return major >= 2 && major <= 4 && u16(octets, 2) === 2;
}

/** Keys of binary documents: 2.3.6 (RC4) and 2.3.5 (RC4 by CryptoAPI). `undefined` where it is none of these. */
export function streamKeys(octets: Uint8Array): Attempt<StreamCipher> | undefined {
  if (octets.length < 52) return undefined;
  if (u16(octets, 0) === 1 && u16(octets, 2) === 1) {
    const [salt, verifier, hash] = [4, 20, 36].map((at) => octets.subarray(at, at + 16));
    if (!salt || !verifier || !hash) return undefined;
    return (password) => {
      const start = md5(utf16(password)).subarray(0, 5);
      const mixed = Array.from({ length: 16 }, () => [start, salt]).flat();
      const base = md5(...mixed).subarray(0, 5);
      const block = (number: number) => new Rc4(md5(base, counter(number)));
      const cipher = block(0);
      return same(md5(cipher.update(verifier)), cipher.update(hash)) ? { block } : undefined;
    };
  }
  if (!isCryptoApi(octets)) return undefined;
  const { algorithm, keyOctets, salt, verifier, verifierHash } = readCryptoApi(octets);
  if (algorithm !== RC4_ALGORITHM || keyOctets < 5 || keyOctets > 16) return undefined;
  if (verifierHash.length < 20) return undefined;
  return (password) => {
    const base = sha1(salt, utf16(password));
    const block = (number: number) => {
      const key = new Uint8Array(keyOctets === 5 ? 16 : keyOctets);
      key.set(sha1(base, counter(number)).subarray(0, keyOctets));
      return new Rc4(key);
    };
    const cipher = block(0);
    return same(sha1(cipher.update(verifier)), cipher.update(verifierHash)) ? { block } : undefined;
  };
}

/**
 * Keys of the stream `EncryptedPackage`: 2.3.4.
 *
 * @param info The stream `EncryptionInfo`.
 * @returns `undefined` where it is of a kind that is not known, or asks for more work than is allowed.
 */
export function packageKeys(info: Uint8Array): Attempt<PackageCipher> | undefined {
  if (isCryptoApi(info)) return standardKeys(readCryptoApi(info));
  return u16(info, 0) === 4 && u16(info, 2) === 4
    ? agileKeys(latin1Text(info.subarray(8, 8 + (64 << 10))))
    : undefined;
}

/** ECMA-376 Standard: 2.3.4.7 to 2.3.4.9. */
function standardKeys(
  { algorithm, salt, verifier, verifierHash }: CryptoApi,
): Attempt<PackageCipher> | undefined {
  const keyOctets = AES_ALGORITHMS[algorithm];
  if (keyOctets === undefined || verifierHash.length < 32) return undefined;
  return (password, time) => {
    const spun = spunHash("SHA1", { salt, password: utf16(password), rounds: 50_000 }, time);
    if (!spun) return undefined;
    const final = sha1(spun, counter(0));
    const padded = (pad: number) => {
      const block = new Uint8Array(64).fill(pad);
      for (const [i, octet] of final.entries()) block[i] = octet ^ pad;
      return sha1(block);
    };
    const key = new Uint8Array(40);
    key.set(padded(0x36));
    key.set(padded(0x5c), 20);
    const own = key.subarray(0, keyOctets);
    const hash = decipherBlocks(own, verifierHash).subarray(0, 20);
    if (!same(sha1(decipherBlocks(own, verifier)), hash)) return undefined;
    return { decipher: (octets) => cut(decipherBlocks(own, octets.subarray(8)), octets) };
  };
}

/** To the size that stands in front of the package. */
function cut(plain: Uint8Array, octets: Uint8Array): Uint8Array {
  return plain.subarray(0, u32(octets, 0));
}

/** Segments of a package, octets. */
const SEGMENT = 4096;
/** What is hashed with the spun password for each purpose: 2.3.4.11, 2.3.4.13. */
const VERIFIER_INPUT = Uint8Array.of(0xfe, 0xa7, 0xd2, 0x76, 0x3b, 0x4b, 0x9e, 0x79);
const VERIFIER_VALUE = Uint8Array.of(0xd7, 0xaa, 0x0f, 0x6d, 0x30, 0x61, 0x34, 0x4e);
const PACKAGE_KEY = Uint8Array.of(0x14, 0x6e, 0x0b, 0xe7, 0xab, 0xac, 0xd0, 0xd6);

/** Truncated, or filled up as the specification says. */
function fit(octets: Uint8Array, length: number): Uint8Array {
  const whole = new Uint8Array(length).fill(0x36);
  whole.set(octets.subarray(0, length));
  return whole;
}

/** Attributes of an XML element. */
class Attributes {
  readonly #tag: string;

  constructor(tag: string) {
    this.#tag = tag;
  }

  text(name: string): string {
    return new RegExp(`\\s${name}\\s*=\\s*["']([^"']*)["']`).exec(this.#tag)?.[1] ?? "";
  }

  octets(name: string): Uint8Array {
    return base64Octets(this.text(name));
  }

  hash(): SpunHash | undefined {
    const name = this.text("hashAlgorithm").replace("-", "");
    return SPUN_HASHES.find((one) => one === name);
  }
}

/** ECMA-376 Agile: 2.3.4.10 to 2.3.4.15. */
function agileKeys(xml: string): Attempt<PackageCipher> | undefined {
  const data = new Attributes(/<(?:\w+:)?keyData\b[^>]*>/.exec(xml)?.[0] ?? "");
  const own = new Attributes(
    /<(?:\w+:)?encryptedKey\b[^>]*\bspinCount\b[^>]*>/.exec(xml)?.[0] ?? "",
  );
  const hash = own.hash();
  const dataHash = data.hash();
  const rounds = Number(own.text("spinCount"));
  const keyOctets = Number(own.text("keyBits")) >>> 3;
  const isCbc = [data, own].every((one) =>
    one.text("cipherAlgorithm") === "AES" && one.text("cipherChaining") === "ChainingModeCBC"
  );
  if (!hash || !dataHash || !isCbc || !isAesKey(keyOctets)) return undefined;
  if (!(rounds >= 0 && rounds <= MAX_OFFICE_ROUNDS)) return undefined;
  const salt = own.octets("saltValue");
  const dataSalt = data.octets("saltValue");
  const vector = fit(salt, 16);
  return (password, time) => {
    const spun = spunHash(hash, { salt, password: utf16(password), rounds }, time);
    if (!spun) return undefined;
    const opened = (purpose: Uint8Array, name: string) =>
      decipherBlocks(fit(hashOf(hash, spun, purpose), keyOctets), own.octets(name), vector);
    const input = opened(VERIFIER_INPUT, "encryptedVerifierHashInput");
    const size = Number(own.text("saltSize")) || 16;
    const value = opened(VERIFIER_VALUE, "encryptedVerifierHashValue");
    const expected = hashOf(hash, input.subarray(0, size));
    if (!same(expected, value.subarray(0, expected.length))) return undefined;
    const key = opened(PACKAGE_KEY, "encryptedKeyValue").subarray(0, keyOctets);
    if (!isAesKey(key.length)) return undefined;
    return {
      decipher: (octets) => decipherSegments(octets, { key, salt: dataSalt, hash: dataHash }),
    };
  };
}

function decipherSegments(
  octets: Uint8Array,
  { key, salt, hash }: {
    readonly key: Uint8Array;
    readonly salt: Uint8Array;
    readonly hash: SpunHash;
  },
): Uint8Array {
  const plain = new Uint8Array(Math.max(0, octets.length - 8));
  for (let at = 0, number = 0; at < plain.length; at += SEGMENT, number++) {
    const vector = fit(hashOf(hash, salt, counter(number)), 16);
    plain.set(decipherBlocks(key, octets.subarray(8 + at, 8 + at + SEGMENT), vector), at);
  }
  return cut(plain, octets);
}
