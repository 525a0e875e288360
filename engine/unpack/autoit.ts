/**
 * Programs that AutoIt compiled: the script and the files that it brings along, behind the interpreter; versions EA05 and EA06.
 *
 * @see AutoIt 3 itself has no public description; libclamav's autoit.c reads the same fields
 */
import { BitReader } from "./bit_reader.ts";
import { outputLimit } from "./bounds.ts";
import { type Decoded, decodedEntry } from "./entries.ts";
import { latin1Text } from "../latin1.ts";
import { hasAscii, u32, u32be } from "./octets.ts";
import { Output } from "./output.ts";
import type { Entry, UnpackContext } from "./unpacker.ts";

/** In front of {@link AUTOIT_MAGIC}. */
const IDENTIFIER = [
  0xa3,
  0x48,
  0x4b,
  0xbe,
  0x98,
  0x6c,
  0x4a,
  0xa9,
  0x99,
  0x4c,
  0x53,
  0x0a,
  0x86,
  0xd6,
  0x48,
  0x7d,
];
/** In front of the version. */
export const AUTOIT_MAGIC = "AU3!EA0";
/** Octets in front of {@link AUTOIT_MAGIC}. */
export const AUTOIT_BEFORE = IDENTIFIER.length;
const HEADER_OCTETS = AUTOIT_BEFORE + AUTOIT_MAGIC.length + 1;
/** Behind the version: a hash of the password, or random octets. */
const KEY_OCTETS = 16;
/** Two times that stand behind the sizes, octets. */
const TIMES_OCTETS = 16;
const MAX_NAME = 4096;
const MAX_FILES = 100_000;

/** Octets that a text is mixed with. */
type Stream = () => number;

/** What differs between the versions: what numbers are mixed with, seeds, and the sense of a bit. */
interface Version {
  readonly mark: number;
  readonly magic: string;
  readonly wide: boolean;
  readonly sizes: { readonly label: number; readonly name: number; readonly data: number };
  readonly seeds: { readonly label: number; readonly name: number; readonly data: number };
  readonly copyBit: number;
  readonly stream: (seed: number) => Stream;
}

/** The Mersenne Twister: MT19937. */
function twister(seed: number): Stream {
  const state = new Int32Array(624);
  state[0] = seed;
  for (let i = 1; i < 624; i++) {
    const before = state[i - 1] ?? 0;
    state[i] = Math.imul(0x6c078965, before ^ (before >>> 30)) + i;
  }
  let index = 624;
  return () => {
    if (index === 624) {
      for (let i = 0; i < 624; i++) {
        const mixed = ((state[i] ?? 0) & 0x80000000) | ((state[(i + 1) % 624] ?? 0) & 0x7fffffff);
        state[i] = (state[(i + 397) % 624] ?? 0) ^ (mixed >>> 1) ^ (mixed & 1 ? 0x9908b0df : 0);
      }
      index = 0;
    }
    let r = state[index++] ?? 0;
    r ^= r >>> 11;
    r ^= (r << 7) & 0x9d2c5680;
    r ^= (r << 15) & 0xefc60000;
    r ^= r >>> 18;
    return (r >>> 1) & 255;
  };
}

const rotatedLeft = (value: number, bits: number) => (value << bits) | (value >>> (32 - bits));

/** A lagged generator of 17 words, of which every second number's first bits are taken. */
function lagged(seed: number): Stream {
  const words = new Int32Array(17);
  let value = seed & 0xffff;
  for (let i = 0; i < 17; i++) words[i] = value = 1 - Math.imul(value, 0x53a9b4fb);
  let a = 0;
  let b = 10;
  const next = () => {
    const sum = (rotatedLeft(words[a] ?? 0, 9) + rotatedLeft(words[b] ?? 0, 13)) | 0;
    words[a] = sum;
    a = a === 0 ? 16 : a - 1;
    b = b === 0 ? 16 : b - 1;
    return sum;
  };
  for (let i = 0; i < 9; i++) next();
  return () => {
    next();
    return next() >>> 24;
  };
}

const VERSIONS: Readonly<Record<number, Version>> = {
  0x35: {
    mark: 0xceb06dff,
    magic: "EA05",
    wide: false,
    sizes: { label: 0x29bc, name: 0x29ac, data: 0x45aa },
    seeds: { label: 0xa25e, name: 0xf25e, data: 0x22af },
    copyBit: 1,
    stream: twister,
  },
  0x36: {
    mark: 0x52ca436b,
    magic: "EA06",
    wide: true,
    sizes: { label: 0xadbc, name: 0xf820, data: 0x87bc },
    seeds: { label: 0xb33f, name: 0xf479, data: 0x2477 },
    copyBit: 0,
    stream: lagged,
  },
};

function unmixed(octets: Uint8Array, stream: Stream): Uint8Array {
  return octets.map((octet) => octet ^ stream());
}

/** Lengths of copies: ever longer fields, each of which goes on where it is full. */
const LENGTH_FIELDS = [[2, 0], [3, 3], [5, 10], [8, 41], [8, 296]] as const;

function copyLength(bits: BitReader): number {
  for (const [width, base] of LENGTH_FIELDS) {
    const value = bits.take(width);
    if (value !== (1 << width) - 1) return value + base + 3;
  }
  let length = 296 + 255 + 3;
  for (let more = bits.take(8); !bits.isOver; more = bits.take(8)) {
    length += more;
    if (more !== 255) break;
  }
  return length;
}

/** LZ77: octets, and copies from up to 32 KiB before. */
function unpack(octets: Uint8Array, copyBit: number, limit: number): Decoded {
  const size = u32be(octets, 4);
  const output = new Output(Math.min(size, limit), size);
  const bits = new BitReader(octets, 8);
  while (output.length < size) {
    if (bits.isOver) return { octets: output.octets, end: "truncated" };
    if (output.isFull) return { octets: output.octets, end: "limit" };
    if (bits.take(1) !== copyBit) {
      output.put(bits.take(8));
      continue;
    }
    const distance = bits.take(15);
    const length = copyLength(bits);
    if (distance === 0 || distance > output.length) {
      return { octets: output.octets, end: "corrupt" };
    }
    output.copy(distance, length);
  }
  return { octets: output.octets, end: bits.isOver ? "truncated" : "complete" };
}

/** Whether a script begins here, {@link AUTOIT_BEFORE} octets before its magic. */
export function isAutoit(octets: Uint8Array, at: number): boolean {
  return IDENTIFIER.every((octet, i) => octets[at + i] === octet) &&
    hasAscii(octets, at + AUTOIT_BEFORE, AUTOIT_MAGIC) &&
    at + HEADER_OCTETS + KEY_OCTETS < octets.length;
}

/** Opens what is behind the interpreter, from {@link AUTOIT_BEFORE} octets before its magic on. */
export function* unautoit(octets: Uint8Array, context: UnpackContext): Generator<Entry> {
  const { budget } = context;
  const version = VERSIONS[octets[HEADER_OCTETS - 1] ?? 0];
  if (!version) return context.note("unsupported");
  const { sizes, seeds, stream, copyBit } = version;
  const width = version.wide ? 2 : 1;
  const key = octets.subarray(HEADER_OCTETS, HEADER_OCTETS + KEY_OCTETS);
  const sum = version.wide ? 0 : key.reduce((total, octet) => total + octet, 0);
  let at = HEADER_OCTETS + KEY_OCTETS;
  /** A text behind its length. */
  const text = (size: number, seed: number): string | undefined => {
    const length = (u32(octets, at) ^ size) >>> 0;
    const piece = octets.subarray(at + 4, at + 4 + length * width);
    if (length > MAX_NAME || piece.length < length * width) return undefined;
    at += 4 + piece.length;
    const plain = unmixed(piece, stream(seed + length));
    return version.wide ? new TextDecoder("utf-16le").decode(plain) : latin1Text(plain);
  };
  let files = 0;
  for (; files < MAX_FILES && u32(octets, at) === version.mark && budget.time(); files++) {
    at += 4;
    const label = text(sizes.label, seeds.label);
    const name = label === undefined ? undefined : text(sizes.name, seeds.name);
    if (name === undefined || at + 13 > octets.length) return context.note("malformed");
    const isPacked = octets[at] === 1;
    const size = (u32(octets, at + 1) ^ sizes.data) >>> 0;
    at += 13 + TIMES_OCTETS;
    if (size === 0) continue;
    const piece = octets.subarray(at, at + size);
    at += size;
    const plain = unmixed(piece, stream(seeds.data + sum));
    budget.unpacked(plain.length);
    let decoded: Decoded = { octets: plain, end: piece.length < size ? "truncated" : "complete" };
    if (isPacked && hasAscii(plain, 0, version.magic)) {
      decoded = unpack(plain, copyBit, outputLimit(budget, octets.length, u32be(plain, 4)));
    } else if (isPacked) decoded = { octets: plain, end: "corrupt" };
    const base = name.replace(/^.*[/\\]/s, "");
    const names = /AUTOIT SCRIPT/.test(label ?? "") || base === "" ? ["script"] : [base];
    yield decodedEntry(names, decoded, octets.length, context);
  }
  if (files === 0) context.note("malformed");
}
