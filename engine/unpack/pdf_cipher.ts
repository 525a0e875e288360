/**
 * Decryption of PDF: RC4, AES-128 and AES-256, by the password of the user or the owner. The user's is empty where documents are
 * merely restricted.
 *
 * @see ISO 32000-1, 7.6; ISO 32000-2, 7.6.4 for AES-256
 */
import { createCipheriv, createHash } from "node:crypto";
import { decipherBlocks } from "./aes.ts";
import { concat } from "./octets.ts";
import { objectName } from "./pdf_objects.ts";
import { distinctJson, namePattern, PdfReader, type PdfValue } from "./pdf_values.ts";
import { rc4 } from "./rc4.ts";

/** Decrypts the streams of one document. */
export interface PdfCipher {
  /** Whether no password fitted, or the handler is not known. */
  readonly isLocked: boolean;
  readings(data: Uint8Array, stream: PdfStreamFacts): PdfReadings;
}

/** What data may be. */
export interface PdfReadings {
  /** By what the document says; what is not enciphered as it is; `undefined` where there is no key. */
  readonly usual: Uint8Array | undefined;
  /** In other ways, which the data itself must bear out. */
  readonly others: readonly Uint8Array[];
}

/** What tells how a stream is enciphered. */
export interface PdfStreamFacts {
  /** What it says that it is. */
  readonly types: readonly string[];
  /** How it says that it is enciphered itself. */
  readonly cryptName: string | undefined;
  readonly number: number;
  readonly generation: number;
}

/** Rounds of the newest hash end by chance, after some 70; never so late. */
const MAX_HASH_ROUNDS = 1000;
/** Encryption dictionaries that keys are derived for; documents have one. */
const MAX_ENCRYPTIONS = 3;
/** Mentions of one that are followed, and objects of their numbers: each trailer has one. */
const MAX_MENTIONS = 1000;
/** Longest of them, characters. */
const MAX_DICTIONARY = 16 << 10;
const NO_VECTOR = new Uint8Array(16);

const PADDING = Uint8Array.from(
  "28bf4e5e4e758a4164004e56fffa01082e2e00b6d0683e802f0ca9fe6453697a".match(/../g) ?? [],
  (hex) => parseInt(hex, 16),
);

function md5(...pieces: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(createHash("md5").update(concat(pieces)).digest());
}

function sha256(...pieces: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(createHash("sha256").update(concat(pieces)).digest());
}

/** AES-CBC with the initialisation vector in front; wrong padding is left in place. */
function aes(key: Uint8Array, data: Uint8Array): Uint8Array {
  if (data.length < 32) return new Uint8Array(0);
  const plain = decipherBlocks(key, data.subarray(16), data.subarray(0, 16));
  const padding = plain[plain.length - 1] ?? 0;
  return padding >= 1 && padding <= 16 ? plain.subarray(0, plain.length - padding) : plain;
}

/** A string that begins at `at`: literal with escapes, or hex. */
function readString(octets: Uint8Array, text: string, at: number): Uint8Array | undefined {
  if (text[at] !== "(" && text[at] !== "<") return undefined;
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

/** Where what is called an encryption dictionary begins: in trailers, and as objects. */
function encryptionPlaces(text: string): { places: readonly number[]; isOver: boolean } {
  const places = new Set<number>();
  const numbers = new Set<number>();
  let looked = 0;
  for (const { index, 0: { length } } of text.matchAll(new RegExp(namePattern("Encrypt"), "g"))) {
    if (++looked > MAX_MENTIONS) break; // and the last may be the one that counts
    const reader = new PdfReader(text, index + length, index + length + MAX_DICTIONARY);
    if (reader.isNext("<<")) places.add(reader.at);
    const value = reader.value();
    if (value?.kind === "reference") numbers.add(value.number);
  }
  for (
    let at = numbers.size === 0 ? -1 : text.indexOf("obj");
    at >= 0;
    at = text.indexOf("obj", at + 3)
  ) {
    const name = objectName(text, at);
    if (name && numbers.has(name.number)) places.add(at + 3);
    if (places.size > MAX_MENTIONS) break;
  }
  return {
    places: [...places].slice(0, MAX_MENTIONS),
    isOver: looked > MAX_MENTIONS || places.size > MAX_MENTIONS,
  };
}

/** First string of the trailer's /ID. */
function idOf(octets: Uint8Array, text: string): Uint8Array | undefined {
  const found = new RegExp(`${namePattern("ID")}[\\s\\0]*\\[[\\s\\0]*(?=[(<])`).exec(text);
  return found ? readString(octets, text, found.index + found[0].length) : undefined;
}

/** Hash of revision 6: ISO 32000-2, algorithm 2.B. */
function hash6(password: Uint8Array, salt: Uint8Array, user: Uint8Array): Uint8Array {
  let key = sha256(password, salt, user);
  for (let round = 0; round < MAX_HASH_ROUNDS; round++) {
    const once = concat([password, key, user]);
    const input = concat(Array.from({ length: 64 }, () => once));
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

/** What the encryption dictionary says. */
interface Encryption {
  readonly version: number;
  readonly revision: number;
  readonly bits: number;
  readonly permissions: number;
  readonly user: Uint8Array;
  readonly owner: Uint8Array;
  readonly userKey: Uint8Array | undefined;
  readonly ownerKey: Uint8Array | undefined;
  readonly plainMetadata: boolean;
  /** Names of the crypt filters of streams and of embedded files: 7.6.5. */
  readonly streams: string;
  readonly files: string;
  /** Methods that are in it: AES, or RC4. */
  readonly methods: readonly ("aes" | "rc4")[];
  /** First string of the document's /ID. */
  readonly id: Uint8Array;
}

/** Reads the dictionary at a place: `none` where it is not one of encryption, `unknown` where the handler is not known. */
function encryptionAt(
  octets: Uint8Array,
  text: string,
  at: number,
): Encryption | "none" | "unknown" {
  const value = new PdfReader(text, at, at + MAX_DICTIONARY).value();
  if (value?.kind !== "dictionary" || !value.entries.has("Filter")) return "none";
  const of = (key: string) => value.entries.get(key)?.at(-1);
  const number = (key: string, otherwise: number) => {
    const found = of(key);
    return found?.kind === "number" ? found.value : otherwise;
  };
  const name = (key: string) => {
    const found = of(key);
    return found?.kind === "name" ? found.name : undefined;
  };
  const string = (key: string) => {
    const found = of(key);
    return found?.kind === "other" ? readString(octets, text, found.at) : undefined;
  };
  const user = string("U");
  const owner = string("O");
  if (!user || !owner || name("Filter") !== "Standard") return "unknown";
  const metadata = of("EncryptMetadata");
  const version = number("V", 0);
  const streams = version < 4 ? "Std" : name("StmF") ?? "Identity";
  return {
    version,
    revision: number("R", 0),
    bits: number("Length", 40),
    permissions: number("P", 0),
    user,
    owner,
    userKey: string("UE"),
    ownerKey: string("OE"),
    plainMetadata: metadata?.kind === "other" && text.startsWith("false", metadata.at),
    streams,
    files: version < 4 ? "Std" : name("EFF") ?? streams,
    methods: version < 4 ? ["rc4"] : methodsOf(of("CF")),
    id: idOf(octets, text) ?? new Uint8Array(0),
  };
}

/** Methods of crypt filters; both where they are not told, or told more than once. */
function methodsOf(filters: PdfValue | undefined): readonly ("aes" | "rc4")[] {
  if (filters?.kind !== "dictionary") return ["aes", "rc4"];
  const told = [...filters.entries.values()].flat().flatMap((filter) =>
    filter.kind === "dictionary" ? filter.entries.get("CFM") ?? [] : []
  ).map((method) => method.kind === "name" ? method.name : "");
  const isAes = told.some((method) => method.startsWith("AESV"));
  const isRc4 = told.some((method) => !method.startsWith("AESV"));
  return isAes === isRc4 ? ["aes", "rc4"] : isAes ? ["aes"] : ["rc4"];
}

/** The key of the document if the password is the user's or the owner's. */
type KeyOf = (password: string) => Uint8Array | undefined;

const begins = (whole: Uint8Array, part: Uint8Array) =>
  part.every((octet, i) => octet === whole[i]);

/**
 * Makes the cipher of a document.
 *
 * @param text The document, one character for each octet.
 * @param fitting Tries passwords and gives what the first that fits opens.
 * @returns `undefined` where it is not encrypted.
 */
export function pdfCipher(
  octets: Uint8Array,
  text: string,
  fitting: (open: KeyOf) => Uint8Array | undefined = (open) => open(""),
): PdfCipher | undefined {
  const { places, isOver } = encryptionPlaces(text);
  const all = places.map((place) => encryptionAt(octets, text, place));
  const real = all.filter((encryption) => encryption !== "none");
  const found = distinctJson(real.length > 0 ? real : all);
  const ciphers = found.slice(0, MAX_ENCRYPTIONS).map((encryption) => {
    if (typeof encryption === "string") return LOCKED;
    const keyOf = encryption.version >= 5 ? newKeys(encryption) : oldKeys(encryption);
    const key = keyOf && fitting(keyOf);
    return key ? streamCipher(key, encryption) : LOCKED;
  });
  // more than a few are there to be wrong
  if (isOver || found.length > MAX_ENCRYPTIONS) ciphers.push(LOCKED);
  return ciphers.length < 2 ? ciphers[0] : oneOf(ciphers);
}

/** Which of several dictionaries counts is for the data to tell. */
function oneOf(ciphers: readonly PdfCipher[]): PdfCipher {
  return {
    isLocked: ciphers.some(({ isLocked }) => isLocked),
    readings(data, stream) {
      const all = ciphers.map((cipher) => cipher.readings(data, stream));
      const ways = all.flatMap(({ usual, others }) => [...(usual ? [usual] : []), ...others]);
      return {
        usual: all[0]?.usual,
        others: [...new Set(ways)].filter((way) => way !== all[0]?.usual),
      };
    },
  };
}

const LOCKED: PdfCipher = {
  isLocked: true,
  readings: (data) => ({ usual: undefined, others: [data] }),
};

/** Deciphers with the key of the document: 7.6.2, and crypt filters. */
function streamCipher(key: Uint8Array, encryption: Encryption): PdfCipher {
  const { version, plainMetadata, streams, files, methods } = encryption;
  const deciphered = (data: Uint8Array, { number, generation }: PdfStreamFacts) => {
    if (version >= 5) return [aes(key, data)];
    const suffix = Uint8Array.of(number, number >> 8, number >> 16, generation, generation >> 8);
    return methods.map((method) => {
      const isAes = method === "aes";
      const salt = isAes ? Uint8Array.of(0x73, 0x41, 0x6c, 0x54) : new Uint8Array(0);
      const own = md5(key, suffix, salt).subarray(0, Math.min(16, key.length + 5));
      return isAes ? aes(own, data) : rc4(own, data);
    });
  };
  const isPlain = ({ types, cryptName }: PdfStreamFacts) =>
    types.includes("XRef") || (plainMetadata && types.includes("Metadata")) ||
    (cryptName ?? (types.includes("EmbeddedFile") ? files : streams)) === "Identity";
  return {
    isLocked: false,
    readings(data, stream) {
      const [usual, ...others] = deciphered(data, stream);
      if (isPlain(stream)) return { usual: data, others: usual ? [usual, ...others] : others };
      return { usual, others: [...others, data] };
    },
  };
}

/** Passwords before AES-256 are of 32 octets, filled up. */
function padded(password: string): Uint8Array {
  const octets = Uint8Array.from(password.slice(0, 32), (character) => character.charCodeAt(0));
  return concat([octets, PADDING]).subarray(0, 32);
}

/** RC4 and AES-128: 7.6.3.3 and 7.6.3.4. */
function oldKeys(encryption: Encryption): KeyOf | undefined {
  const { version, revision, user, owner, permissions, id, plainMetadata } = encryption;
  if (version < 1 || version > 4 || user.length < 32 || owner.length < 32) return undefined;
  const bits = version === 1 ? 40 : version === 4 ? 128 : encryption.bits;
  const width = Math.min(16, Math.max(5, (bits < 40 ? bits * 8 : bits) >> 3));
  const p = Uint8Array.from([0, 8, 16, 24], (shift) => (permissions >> shift) & 255);
  const meta = revision >= 4 && plainMetadata
    ? Uint8Array.of(255, 255, 255, 255)
    : new Uint8Array(0);
  const spun = (first: Uint8Array) => {
    let key = first;
    if (revision >= 3) { for (let i = 0; i < 50; i++) key = md5(key.subarray(0, width)); }
    return key.subarray(0, width);
  };
  const mixed = (key: Uint8Array, n: number) => key.map((octet) => octet ^ n);
  const byUser = (password: Uint8Array) => {
    const key = spun(md5(password, owner.subarray(0, 32), p, id, meta));
    let check: Uint8Array;
    if (revision === 2) check = rc4(key, PADDING);
    else {
      check = rc4(key, md5(PADDING, id));
      for (let i = 1; i <= 19; i++) check = rc4(mixed(key, i), check);
    }
    return begins(user, check) ? key : undefined;
  };
  return (password) => {
    const own = padded(password);
    const key = byUser(own);
    if (key) return key;
    // the owner's password deciphers the user's: algorithm 7
    const ownerKey = spun(md5(own));
    let inner: Uint8Array = owner.subarray(0, 32);
    for (let i = revision === 2 ? 0 : 19; i >= 0; i--) inner = rc4(mixed(ownerKey, i), inner);
    return byUser(inner);
  };
}

/** AES-256: ISO 32000-2, algorithm 2.A. */
function newKeys(encryption: Encryption): KeyOf | undefined {
  const { revision, user, owner, userKey, ownerKey } = encryption;
  if (!userKey || userKey.length < 32 || user.length < 48) return undefined;
  const none = new Uint8Array(0);
  const whole = user.subarray(0, 48);
  return (password) => {
    const own = new TextEncoder().encode(password.normalize("NFKC")).subarray(0, 127);
    const digest = (salt: Uint8Array, extra: Uint8Array) =>
      revision >= 6 ? hash6(own, salt, extra) : sha256(own, salt, extra);
    const opened = (check: Uint8Array, packed: Uint8Array, extra: Uint8Array) =>
      check.length >= 48 && packed.length >= 32 &&
        begins(check, digest(check.subarray(32, 40), extra))
        ? decipherBlocks(digest(check.subarray(40, 48), extra), packed.subarray(0, 32), NO_VECTOR)
        : undefined;
    return opened(user, userKey, none) ?? (ownerKey && opened(owner, ownerKey, whole));
  };
}
