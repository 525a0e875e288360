/**
 * The hash of Office's passwords, made slow on purpose: each round is the hash of a counter and of the hash before.
 *
 * The two usual hashes are here in TypeScript: rounds of one block each cost ten times as much in calls to the runtime.
 *
 * @see [MS-OFFCRYPTO] 2.3.4.7 and 2.3.4.11; FIPS 180-4
 */
import { createHash } from "node:crypto";
import { concat, u32be } from "./octets.ts";

/** Rounds between two looks at the clock. */
const CLOCK_ROUNDS = 4096;

/** Hashes that documents name. */
export const SPUN_HASHES = ["SHA1", "SHA256", "SHA384", "SHA512"] as const;
/** One of {@link SPUN_HASHES}. */
export type SpunHash = (typeof SPUN_HASHES)[number];

/** One hash of some octets. */
export function hashOf(algorithm: SpunHash, ...pieces: readonly Uint8Array[]): Uint8Array {
  const hash = createHash(algorithm.toLowerCase());
  for (const piece of pieces) hash.update(piece);
  return new Uint8Array(hash.digest());
}

/**
 * H(n) = hash(n, H(n - 1)), from the hash of salt and password on.
 *
 * @param password As it is hashed: UTF-16LE.
 * @param time Asked now and then; false ends the work.
 * @returns `undefined` where there was no time for it.
 */
export function spunHash(
  algorithm: SpunHash,
  { salt, password, rounds }: {
    readonly salt: Uint8Array;
    readonly password: Uint8Array;
    readonly rounds: number;
  },
  time: () => boolean,
): Uint8Array | undefined {
  const spin = { SHA1: spinSha1, SHA512: spinSha512 }[algorithm as string];
  let hash = hashOf(algorithm, salt, password);
  for (let from = 0; from < rounds; from += CLOCK_ROUNDS) {
    if (!time()) return undefined;
    const to = Math.min(rounds, from + CLOCK_ROUNDS);
    if (spin) hash = spin(hash, from, to);
    else for (let n = from; n < to; n++) hash = hashOf(algorithm, counter(n), hash);
  }
  return hash;
}

/** A number as the rounds have it: 32 bits, little-endian. */
export function counter(n: number): Uint8Array {
  return Uint8Array.of(n, n >>> 8, n >>> 16, n >>> 24);
}

const swapped = (n: number) =>
  ((n & 255) << 24) | ((n & 0xff00) << 8) | ((n >>> 8) & 0xff00) | (n >>> 24);

function words(octets: Uint8Array): Int32Array {
  return Int32Array.from({ length: octets.length >> 2 }, (_, i) => u32be(octets, 4 * i));
}

function octetsOf(values: Int32Array): Uint8Array {
  return concat(Array.from(values, (n) => counter(swapped(n))));
}

/** Rounds with SHA-1. */
function spinSha1(hash: Uint8Array, from: number, to: number): Uint8Array {
  const state = words(hash);
  const w = new Int32Array(80);
  for (let n = from; n < to; n++) {
    w[0] = swapped(n);
    w.set(state, 1);
    w[6] = 1 << 31;
    w.fill(0, 7, 15);
    w[15] = 192;
    for (let t = 16; t < 80; t++) {
      const x = w[t - 3]! ^ w[t - 8]! ^ w[t - 14]! ^ w[t - 16]!;
      w[t] = (x << 1) | (x >>> 31);
    }
    let a = 0x67452301, b = 0xefcdab89 | 0, c = 0x98badcfe | 0, d = 0x10325476;
    let e = 0xc3d2e1f0 | 0;
    for (let t = 0; t < 80; t++) {
      const f = t < 20
        ? ((b & c) | (~b & d)) + 0x5a827999
        : t < 40
        ? (b ^ c ^ d) + 0x6ed9eba1
        : t < 60
        ? ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc
        : (b ^ c ^ d) + 0xca62c1d6;
      const next = (((a << 5) | (a >>> 27)) + f + e + w[t]!) | 0;
      e = d;
      d = c;
      c = (b << 30) | (b >>> 2);
      b = a;
      a = next;
    }
    state[0] = 0x67452301 + a;
    state[1] = 0xefcdab89 + b;
    state[2] = 0x98badcfe + c;
    state[3] = 0x10325476 + d;
    state[4] = 0xc3d2e1f0 + e;
  }
  return octetsOf(state);
}

/** The first 64 bits of the fractions of roots of the first primes, as halves, high ones first: FIPS 180-4, 4.2.3 and 5.3.5. */
function fractions(count: number, degree: 2n | 3n): Int32Array {
  const halves = new Int32Array(2 * count);
  let found = 0;
  for (let candidate = 2; found < count; candidate++) {
    if (isPrime(candidate)) {
      const value = root(BigInt(candidate) << (64n * degree), degree);
      halves[2 * found] = Number((value >> 32n) & 0xffffffffn);
      halves[2 * found + 1] = Number(value & 0xffffffffn);
      found++;
    }
  }
  return halves;
}

function isPrime(n: number): boolean {
  for (let d = 2; d * d <= n; d++) if (n % d === 0) return false;
  return true;
}

/** Largest integer whose power is not above `n`, by Newton's method. */
function root(n: bigint, degree: 2n | 3n): bigint {
  let x = 1n << 96n;
  for (;;) {
    const next = ((degree - 1n) * x + n / x ** (degree - 1n)) / degree;
    if (next >= x) return x;
    x = next;
  }
}

/** What a half of a word carries over. */
const CARRY = 0x100000000;

let constants: { readonly k: Int32Array; readonly start: Int32Array } | undefined;

/** Rounds with SHA-512, whose words of 64 bits are pairs of halves here. */
function spinSha512(hash: Uint8Array, from: number, to: number): Uint8Array {
  constants ??= { k: fractions(80, 3n), start: fractions(8, 2n) };
  const { k, start } = constants;
  const state = words(hash);
  const w = new Int32Array(160);
  const v = new Int32Array(16);
  for (let n = from; n < to; n++) {
    w[0] = swapped(n);
    w.set(state, 1);
    w[17] = 1 << 31;
    w.fill(0, 18, 31);
    w[31] = 544;
    for (let t = 32; t < 160; t += 2) {
      const h15 = w[t - 30]!, l15 = w[t - 29]!, h2 = w[t - 4]!, l2 = w[t - 3]!;
      const s0h = ((h15 >>> 1) | (l15 << 31)) ^ ((h15 >>> 8) | (l15 << 24)) ^ (h15 >>> 7);
      const s0l = ((l15 >>> 1) | (h15 << 31)) ^ ((l15 >>> 8) | (h15 << 24)) ^
        ((l15 >>> 7) | (h15 << 25));
      const s1h = ((h2 >>> 19) | (l2 << 13)) ^ ((h2 << 3) | (l2 >>> 29)) ^ (h2 >>> 6);
      const s1l = ((l2 >>> 19) | (h2 << 13)) ^ ((l2 << 3) | (h2 >>> 29)) ^
        ((l2 >>> 6) | (h2 << 26));
      const low = (w[t - 31]! >>> 0) + (s0l >>> 0) + (w[t - 13]! >>> 0) + (s1l >>> 0);
      w[t + 1] = low;
      w[t] = w[t - 32]! + s0h + w[t - 14]! + s1h + ((low / CARRY) | 0);
    }
    let ah = start[0]!, al = start[1]!, bh = start[2]!, bl = start[3]!;
    let ch = start[4]!, cl = start[5]!, dh = start[6]!, dl = start[7]!;
    let eh = start[8]!, el = start[9]!, fh = start[10]!, fl = start[11]!;
    let gh = start[12]!, gl = start[13]!, hh = start[14]!, hl = start[15]!;
    for (let t = 0; t < 160; t += 2) {
      const s1h = ((eh >>> 14) | (el << 18)) ^ ((eh >>> 18) | (el << 14)) ^
        ((eh << 23) | (el >>> 9));
      const s1l = ((el >>> 14) | (eh << 18)) ^ ((el >>> 18) | (eh << 14)) ^
        ((el << 23) | (eh >>> 9));
      const t1l = (hl >>> 0) + (s1l >>> 0) + (((el & fl) ^ (~el & gl)) >>> 0) + (k[t + 1]! >>> 0) +
        (w[t + 1]! >>> 0);
      const t1h = (hh + s1h + ((eh & fh) ^ (~eh & gh)) + k[t]! + w[t]! + ((t1l / CARRY) | 0)) | 0;
      const s0h = ((ah >>> 28) | (al << 4)) ^ ((ah << 30) | (al >>> 2)) ^ ((ah << 25) | (al >>> 7));
      const s0l = ((al >>> 28) | (ah << 4)) ^ ((al << 30) | (ah >>> 2)) ^ ((al << 25) | (ah >>> 7));
      const t2l = (s0l >>> 0) + (((al & bl) ^ (al & cl) ^ (bl & cl)) >>> 0) + (t1l >>> 0);
      const t2h = s0h + ((ah & bh) ^ (ah & ch) ^ (bh & ch)) + t1h + ((t2l / CARRY) | 0);
      hh = gh;
      hl = gl;
      gh = fh;
      gl = fl;
      fh = eh;
      fl = el;
      const sum = (dl >>> 0) + (t1l >>> 0);
      eh = (dh + t1h + ((sum / CARRY) | 0)) | 0;
      el = sum | 0;
      dh = ch;
      dl = cl;
      ch = bh;
      cl = bl;
      bh = ah;
      bl = al;
      ah = t2h | 0;
      al = t2l | 0;
    }
    v.set([ah, al, bh, bl, ch, cl, dh, dl, eh, el, fh, fl, gh, gl, hh, hl]);
    for (let i = 0; i < 16; i += 2) {
      const low = (start[i + 1]! >>> 0) + (v[i + 1]! >>> 0);
      state[i + 1] = low;
      state[i] = start[i]! + v[i]! + ((low / CARRY) | 0);
    }
  }
  return octetsOf(state);
}
