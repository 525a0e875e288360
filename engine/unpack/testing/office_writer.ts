/**
 * Enciphers documents as the specification says, for tests: written apart from what reads them.
 *
 * @see [MS-OFFCRYPTO]
 */
import { Buffer } from "node:buffer";
import { createCipheriv, createHash } from "node:crypto";
import { concat } from "../octets.ts";
import { rc4 } from "../rc4.ts";
import { makeOle } from "./ole_writer.ts";

const salted = (from: number) => Uint8Array.from({ length: 16 }, (_, i) => (i * 37 + from) & 255);
const SALT = salted(3);
const VERIFIER = salted(9);
const DATA_SALT = salted(120);
const wide = (text: string) => Buffer.from(text, "utf16le");

/** Numbers of 4 octets, little-endian. */
function longs(...values: readonly number[]): Uint8Array {
  const octets = Buffer.alloc(4 * values.length);
  for (const [i, value] of values.entries()) octets.writeUInt32LE(value, 4 * i);
  return octets;
}

function hash(algorithm: string, ...pieces: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(createHash(algorithm).update(concat(pieces)).digest());
}

function spun(algorithm: string, password: string, rounds: number): Uint8Array {
  let value = hash(algorithm, SALT, wide(password));
  for (let i = 0; i < rounds; i++) value = hash(algorithm, longs(i), value);
  return value;
}

function aes(key: Uint8Array, data: Uint8Array, vector?: Uint8Array): Uint8Array {
  const name = `aes-${8 * key.length}-${vector ? "cbc" : "ecb"}`;
  const cipher = createCipheriv(name, key, vector ?? new Uint8Array(0));
  cipher.setAutoPadding(false);
  const padded = concat([data, new Uint8Array((16 - (data.length % 16)) % 16)]);
  return concat([cipher.update(padded), cipher.final()]);
}

/** ECMA-376 Standard, AES-128. */
export function standardDocument(content: Uint8Array, password: string): Uint8Array {
  const final = hash("sha1", spun("sha1", password, 50_000), longs(0));
  const block = new Uint8Array(64).fill(0x36).map((octet, i) => octet ^ (final[i] ?? 0));
  const key = hash("sha1", block).subarray(0, 16);
  const provider = wide("Microsoft Enhanced RSA and AES Cryptographic Provider\0");
  const header = concat([longs(0x24, 0, 0x660e, 0x8004, 128, 0x18, 0, 0), provider]);
  const info = concat([
    Uint8Array.of(3, 0, 2, 0),
    longs(0x24, header.length),
    header,
    longs(16),
    SALT,
    aes(key, VERIFIER),
    longs(20),
    aes(key, hash("sha1", VERIFIER)),
  ]);
  return makeOle([
    { name: "EncryptionInfo", octets: info },
    { name: "EncryptedPackage", octets: concat([longs(content.length, 0), aes(key, content)]) },
  ]);
}

/** ECMA-376 Agile, AES-256. */
export function agileDocument(
  content: Uint8Array,
  password: string,
  { algorithm = "SHA512", rounds = 100_000 }: {
    readonly algorithm?: "SHA1" | "SHA256" | "SHA384" | "SHA512";
    readonly rounds?: number;
  } = {},
): Uint8Array {
  const name = algorithm.toLowerCase();
  const base = spun(name, password, rounds);
  const bits = algorithm === "SHA1" ? 128 : 256;
  const own = (purpose: string) =>
    hash(name, base, Buffer.from(purpose, "hex")).subarray(0, bits / 8);
  const key = salted(77).subarray(0, 16);
  const whole = bits === 128 ? key : concat([key, salted(200)]);
  const seal = (purpose: string, data: Uint8Array) =>
    Buffer.from(aes(own(purpose), data, SALT)).toString("base64");
  const segments: Uint8Array[] = [longs(content.length, 0)];
  for (let at = 0, i = 0; at < content.length; at += 4096, i++) {
    const vector = hash(name, DATA_SALT, longs(i)).subarray(0, 16);
    segments.push(aes(whole, content.subarray(at, at + 4096), vector));
  }
  const size = hash(name).length;
  const parameters = (salt: Uint8Array) =>
    `saltSize="16" blockSize="16" keyBits="${bits}" hashSize="${size}" cipherAlgorithm="AES" ` +
    `cipherChaining="ChainingModeCBC" hashAlgorithm="${algorithm}" ` +
    `saltValue="${Buffer.from(salt).toString("base64")}"`;
  const xml = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\r\n` +
    `<encryption xmlns="http://schemas.microsoft.com/office/2006/encryption" ` +
    `xmlns:p="http://schemas.microsoft.com/office/2006/keyEncryptor/password">` +
    `<keyData ${
      parameters(DATA_SALT)
    }/><dataIntegrity encryptedHmacKey="" encryptedHmacValue=""/>` +
    `<keyEncryptors><keyEncryptor uri="http://schemas.microsoft.com/office/2006/keyEncryptor/password">` +
    `<p:encryptedKey spinCount="${rounds}" ${parameters(SALT)} ` +
    `encryptedVerifierHashInput="${seal("fea7d2763b4b9e79", VERIFIER)}" ` +
    `encryptedVerifierHashValue="${seal("d7aa0f6d3061344e", hash(name, VERIFIER))}" ` +
    `encryptedKeyValue="${
      seal("146e0be7abacd0d6", whole)
    }"/></keyEncryptor></keyEncryptors></encryption>`;
  return makeOle([
    {
      name: "EncryptionInfo",
      octets: concat([Uint8Array.of(4, 0, 4, 0), longs(0x40), new TextEncoder().encode(xml)]),
    },
    { name: "EncryptedPackage", octets: concat(segments) },
  ]);
}

/** Key of a block, and the header that tells how it is made. */
export interface StreamKeys {
  readonly header: Uint8Array;
  key(block: number): Uint8Array;
}

function sealed(key: Uint8Array, digest: Uint8Array): readonly Uint8Array[] {
  const both = rc4(key, concat([VERIFIER, digest]));
  return [both.subarray(0, 16), both.subarray(16)];
}

/** RC4 with 40 bits: 2.3.6. */
export function rc4Keys(password: string): StreamKeys {
  const start = hash("md5", wide(password)).subarray(0, 5);
  const pieces = Array.from({ length: 16 }, () => [start, SALT]).flat();
  const base = hash("md5", ...pieces).subarray(0, 5);
  const key = (block: number) => hash("md5", base, longs(block));
  const check = sealed(key(0), hash("md5", VERIFIER));
  return { header: concat([Uint8Array.of(1, 0, 1, 0), SALT, ...check]), key };
}

/** RC4 by CryptoAPI: 2.3.5. */
export function cryptoApiKeys(password: string, bits = 128): StreamKeys {
  const base = hash("sha1", SALT, wide(password));
  const key = (block: number) => {
    const short = hash("sha1", base, longs(block)).subarray(0, bits / 8);
    return bits === 40 ? concat([short, new Uint8Array(11)]) : short;
  };
  const provider = wide("Microsoft Base Cryptographic Provider v1.0\0");
  const header = concat([longs(4, 0, 0x6801, 0x8004, bits, 1, 0, 0), provider]);
  const [verifier = SALT, digest = SALT] = sealed(key(0), hash("sha1", VERIFIER));
  const rest = [longs(16), SALT, verifier, longs(20), digest];
  return {
    header: concat([Uint8Array.of(2, 0, 2, 0), longs(4, header.length), header, ...rest]),
    key,
  };
}

function enciphered({ key }: StreamKeys, octets: Uint8Array, block: number): Uint8Array {
  const result = new Uint8Array(octets.length);
  for (let at = 0, i = 0; at < octets.length; at += block, i++) {
    result.set(rc4(key(i), octets.subarray(at, at + block)), at);
  }
  return result;
}

/** A Word document with this text in its main stream; more a reader of it would not find. */
export function wordDocument(text: string, keys: StreamKeys): Uint8Array {
  const main = Buffer.alloc(2048);
  main.writeUInt16LE(0xa5ec, 0);
  main.writeUInt16LE(0xc1, 2);
  main.writeUInt16LE(0x100 | 0x200, 10);
  main.writeUInt32LE(keys.header.length, 14);
  main.write(text, 1024);
  const octets = enciphered(keys, main, 512);
  octets.set(main.subarray(0, 68));
  const table = concat([keys.header, new Uint8Array(800).fill(1)]);
  const closed = enciphered(keys, table, 512);
  closed.set(keys.header);
  return makeOle([{ name: "WordDocument", octets }, { name: "1Table", octets: closed }]);
}

/** Records of a workbook. */
function record(type: number, data: Uint8Array): Uint8Array {
  return concat([Uint8Array.of(type, type >> 8, data.length, data.length >> 8), data]);
}

/** Changes the data of one record, which starts at a place in the stream. */
type Sealer = (data: Uint8Array, at: number) => Uint8Array;

/** A workbook with one sheet and one text in it. */
function workbook(text: string, filePass: Uint8Array, seal: Sealer): Uint8Array {
  const begin = record(0x809, Uint8Array.of(0, 6, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0));
  const label = concat([Uint8Array.of(0, 0, 0, 0, 15, 0, text.length, 0, 0), Buffer.from(text)]);
  const sheet = concat([longs(1234), Uint8Array.of(0, 0, 3, 0), Buffer.from("One")]);
  const pieces = [begin, record(0x2f, filePass)];
  const add = (type: number, data: Uint8Array, plain: number) => {
    const at = pieces.reduce((sum, piece) => sum + piece.length, 0) + 4;
    const body = seal(data, at).slice();
    body.set(data.subarray(0, plain));
    pieces.push(record(type, body));
  };
  add(0x85, sheet, 4);
  for (let i = 0; i < 4; i++) add(0x3c, new Uint8Array(300).fill(i), 0); // over more than one block
  add(0x204, label, 0);
  pieces.push(record(0x0a, new Uint8Array(0)));
  return makeOle([{ name: "Workbook", octets: concat(pieces) }]);
}

/** A workbook under RC4. */
export function rc4Workbook(text: string, keys: StreamKeys): Uint8Array {
  return workbook(text, concat([Uint8Array.of(1, 0), keys.header]), (data, at) => {
    // the key stream goes over everything, headers and what stays plain included
    const all = new Uint8Array(at + data.length);
    all.set(data, at);
    return enciphered(keys, all, 1024).subarray(at);
  });
}

/** A workbook under XOR. @param key The key's 16 octets; `check` is what FilePass holds. */
export function xorWorkbook(
  text: string,
  key: Uint8Array,
  check: readonly [number, number],
): Uint8Array {
  const filePass = Uint8Array.from([0, ...check].flatMap((value) => [value & 255, value >> 8]));
  return workbook(
    text,
    filePass,
    (data, at) =>
      data.map((octet, i) =>
        (((octet << 5) | (octet >> 3)) & 255) ^ (key[(at + data.length + i) & 15] ?? 0)
      ),
  );
}

/** A presentation whose one object is enciphered: [MS-PPT] 2.3. */
export function presentation(object: Uint8Array, keys: StreamKeys): Uint8Array {
  const atom = (type: number, data: Uint8Array, version = 0) =>
    concat([Uint8Array.of(version, 0, type, type >> 8), longs(data.length), data]);
  const plain = atom(0x03e8, object, 15);
  const session = atom(0x2f14, keys.header, 15);
  const closed = rc4(keys.key(1), plain);
  const directoryAt = closed.length + session.length;
  const directory = atom(0x1772, longs((2 << 20) | 1, 0, closed.length));
  const edit = atom(0x0ff5, longs(0, 0x03000000, 0, directoryAt, 1, 3, 0, 2));
  const user = atom(
    0x0ff6,
    concat([
      longs(0x14, 0xf3d1c4df, directoryAt + directory.length),
      Uint8Array.of(1, 0, 0xf4, 3, 3, 0, 0, 0, 0x61),
      longs(8),
    ]),
  );
  return makeOle([
    { name: "Current User", octets: user },
    { name: "PowerPoint Document", octets: concat([closed, session, directory, edit]) },
  ]);
}
