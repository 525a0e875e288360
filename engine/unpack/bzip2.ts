/** bzip2: blocks sorted by Burrows and Wheeler, moved to front, run lengths, up to six Huffman codes. */
import { limitReason, outputLimit } from "./bounds.ts";
import type { InflateEnd } from "./inflate.ts";
import { innerNames } from "./octets.ts";
import { Output } from "./output.ts";
import type { Entry, UnpackContext } from "./unpacker.ts";

const BLOCK = 0x314159265359;
const STREAM_END = 0x177245385090;
const GROUP = 50;
const MAX_LENGTH = 20;

/** Reads bits, high ones first. */
class Bits {
  readonly #octets: Uint8Array;
  #at: number;
  #hold = 0;
  #held = 0;

  constructor(octets: Uint8Array, at: number) {
    this.#octets = octets;
    this.#at = at;
  }

  /** Whether more was read than there was. */
  get isOver(): boolean {
    return this.#at - (this.#held >> 3) > this.#octets.length;
  }

  /** First octet that no bit was taken of. */
  get next(): number {
    return this.#at - (this.#held >> 3);
  }

  /** Up to 24 bits. */
  take(count: number): number {
    while (this.#held < count) {
      this.#hold = ((this.#hold & 0xffffff) << 8 | (this.#octets[this.#at++] ?? 0)) >>> 0;
      this.#held += 8;
    }
    this.#held -= count;
    return (this.#hold >>> this.#held) & ((1 << count) - 1);
  }
}

interface Code {
  /** Highest code of each length, -1 where there is none; what to add to a code for its place. */
  readonly limits: Int32Array;
  readonly bases: Int32Array;
  readonly symbols: Uint16Array;
  readonly shortest: number;
}

function makeCode(lengths: Uint8Array): Code {
  const limits = new Int32Array(MAX_LENGTH + 2).fill(-1);
  const bases = new Int32Array(MAX_LENGTH + 2);
  const symbols = new Uint16Array(lengths.length);
  let code = 0;
  let place = 0;
  let shortest = MAX_LENGTH;
  for (let length = 1; length <= MAX_LENGTH; length++) {
    bases[length] = place - code;
    for (const [symbol, own] of lengths.entries()) {
      if (own !== length) continue;
      symbols[place++] = symbol;
      code++;
      shortest = Math.min(shortest, length);
    }
    limits[length] = code - 1;
    code <<= 1;
  }
  return { limits, bases, symbols, shortest };
}

function readSymbol(bits: Bits, { limits, bases, symbols, shortest }: Code): number {
  let code = bits.take(shortest);
  for (let length = shortest; length <= MAX_LENGTH; length++) {
    if (code <= (limits[length] ?? -1)) return symbols[code + (bases[length] ?? 0)] ?? -1;
    code = code << 1 | bits.take(1);
  }
  return -1;
}

/** The octets that occur, and the codes for a block. */
function readTables(
  bits: Bits,
): { used: number[]; selectors: Uint8Array; codes: Code[] } | undefined {
  const used: number[] = [];
  const ranges = bits.take(16);
  for (let i = 0; i < 16; i++) {
    if (((ranges >> (15 - i)) & 1) === 0) continue;
    const own = bits.take(16);
    for (let j = 0; j < 16; j++) if ((own >> (15 - j)) & 1) used.push(i * 16 + j);
  }
  const groups = bits.take(3);
  const count = bits.take(15);
  if (used.length === 0 || groups < 2 || groups > 6 || count === 0) return undefined;
  const order = Array.from({ length: groups }, (_, i) => i);
  const selectors = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    let place = 0;
    while (bits.take(1)) if (++place >= groups) return undefined;
    const [chosen = 0] = order.splice(place, 1);
    order.unshift(chosen);
    selectors[i] = chosen;
  }
  const codes: Code[] = [];
  for (let group = 0; group < groups; group++) {
    const lengths = new Uint8Array(used.length + 2);
    let length = bits.take(5);
    for (let i = 0; i < lengths.length; i++) {
      while (bits.take(1)) {
        length += bits.take(1) ? -1 : 1;
        if (length < 1 || length > MAX_LENGTH || bits.isOver) return undefined;
      }
      if (length < 1 || length > MAX_LENGTH) return undefined;
      lengths[i] = length;
    }
    codes.push(makeCode(lengths));
  }
  return { used, selectors, codes };
}

/** Reads one block; `block` holds octets below and links above, as the sort is undone. */
function readBlock(bits: Bits, block: Uint32Array, output: Output): InflateEnd {
  bits.take(16);
  bits.take(16); // CRC: what cannot be right is seen otherwise, and wrong octets are scanned too
  const isRandom = bits.take(1);
  const origin = bits.take(24);
  const tables = readTables(bits);
  if (!tables || isRandom) return bits.isOver ? "truncated" : "corrupt";
  const { used, selectors, codes } = tables;
  const endSymbol = used.length + 1;
  const front = used.slice();
  const counts = new Uint32Array(256);
  let length = 0;
  let run = 0;
  let weight = 1;
  const flush = (): boolean => {
    if (length + run > block.length) return false;
    const octet = front[0] ?? 0;
    block.fill(octet, length, length + run);
    counts[octet] = (counts[octet] ?? 0) + run;
    length += run;
    run = 0;
    weight = 1;
    return true;
  };
  for (let n = 0;; n++) {
    const code = codes[selectors[Math.floor(n / GROUP)] ?? 255];
    const symbol = code ? readSymbol(bits, code) : -1;
    if (symbol < 0 || bits.isOver) return bits.isOver ? "truncated" : "corrupt";
    if (symbol <= 1) {
      run += weight << symbol;
      weight <<= 1;
      if (run > block.length) return "corrupt";
      continue;
    }
    if (run > 0 && !flush()) return "corrupt";
    if (symbol === endSymbol) break;
    const [octet = 0] = front.splice(symbol - 1, 1);
    front.unshift(octet);
    if (length >= block.length) return "corrupt";
    block[length++] = octet;
    counts[octet] = (counts[octet] ?? 0) + 1;
  }
  if (origin >= length) return length === 0 ? "complete" : "corrupt";
  return undoSort(block, length, origin, counts, output);
}

function undoSort(
  block: Uint32Array,
  length: number,
  origin: number,
  counts: Uint32Array,
  output: Output,
): InflateEnd {
  const starts = new Uint32Array(256);
  for (let octet = 1; octet < 256; octet++) {
    starts[octet] = (starts[octet - 1] ?? 0) + (counts[octet - 1] ?? 0);
  }
  for (let i = 0; i < length; i++) {
    const octet = (block[i] ?? 0) & 0xff;
    const place = starts[octet] ?? 0;
    starts[octet] = place + 1;
    block[place] = (block[place] ?? 0) & 0xff | i << 8;
  }
  let link = (block[origin] ?? 0) >>> 8;
  let before = -1;
  let same = 0;
  for (let i = 0; i < length; i++) {
    const cell = block[link] ?? 0;
    const octet = cell & 0xff;
    link = cell >>> 8;
    if (same === 4) { // four alike, then how many more
      for (let more = octet; more > 0; more--) if (!output.put(before)) return "limit";
      same = 0;
      before = -1;
      continue;
    }
    same = octet === before ? same + 1 : 1;
    before = octet;
    if (!output.put(octet)) return "limit";
  }
  return "complete";
}

/** Decompresses all streams that stand one behind the other. */
export function bunzip(octets: Uint8Array, output: Output): { end: InflateEnd; used: number } {
  let at = 0;
  while (octets[at] === 0x42 && octets[at + 1] === 0x5a && octets[at + 2] === 0x68) {
    const level = (octets[at + 3] ?? 0) - 0x30;
    if (level < 1 || level > 9) return { end: "corrupt", used: at };
    const bits = new Bits(octets, at + 4);
    const block = new Uint32Array(level * 100_000);
    for (;;) {
      const magic = bits.take(24) * 0x1000000 + bits.take(24);
      if (magic === STREAM_END) break;
      if (magic !== BLOCK) return { end: bits.isOver ? "truncated" : "corrupt", used: at };
      const end = readBlock(bits, block, output);
      if (end !== "complete") return { end, used: at };
    }
    bits.take(16);
    bits.take(16);
    if (bits.isOver) return { end: "truncated", used: at };
    at = bits.next;
  }
  return { end: at === 0 ? "corrupt" : "complete", used: at };
}

/** Opens bzip2. */
export function* unbzip2(octets: Uint8Array, context: UnpackContext): Generator<Entry> {
  const { budget } = context;
  const names = innerNames(context.names, /\.(bz2?|tbz2?)$/i);
  const output = new Output(outputLimit(budget, octets.length), octets.length * 4);
  const { end, used } = bunzip(octets, output);
  const content = output.octets;
  budget.unpacked(content.length);
  const notScanned = end === "complete"
    ? undefined
    : end === "limit"
    ? limitReason(budget, octets.length)
    : "malformed";
  if (notScanned) budget.breach(notScanned);
  yield { names, content, ...(notScanned ? { notScanned } : {}) };
  const rest = octets.subarray(used);
  if (!notScanned && rest.some((octet) => octet !== 0)) yield { names: [], content: rest };
}
