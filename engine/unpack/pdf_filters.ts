/** Stream filters of PDF: ISO 32000-1, 7.4. */
import { inflate } from "./inflate.ts";
import { inflateRaw } from "./decompress.ts";
import { Output } from "./output.ts";

/** Octets decoded so far, and whether more was cut off at the limit. */
export interface Filtered {
  readonly octets: Uint8Array;
  readonly isOver: boolean;
  /** Whether the input is what such a filter writes, which octets by chance are not. */
  readonly isSound: boolean;
}

/** What of its parameters a filter needs; a predictor is undone by the caller. */
export interface FilterForm {
  /** Whether LZW's codes grow one code early, as is usual. */
  readonly growsEarly: boolean;
}

type Filter = (octets: Uint8Array, maxOctets: number, form: FilterForm) => Filtered;

/** Output so long is not made by chance, where the header is right, too; octets. */
const SOUND_OCTETS = 16;

/** zlib around deflate; a wrong header or an early end is tolerated, as readers do. */
function flate(packed: Uint8Array, maxOctets: number): Filtered {
  const octets = packed.subarray(blanksBefore(packed));
  const [method = 0, flags = 0] = octets;
  const hasHeader = (method & 15) === 8;
  const isValid = hasHeader && (method << 8 | flags) % 31 === 0;
  const { octets: content, end } = inflateRaw(hasHeader ? octets.subarray(2) : octets, maxOctets);
  if (content.length > 0 || !hasHeader) {
    const isSound = isValid && (end === "complete" || content.length >= SOUND_OCTETS);
    return { octets: content, isOver: end === "limit", isSound };
  }
  const again = inflate(octets, maxOctets);
  return { octets: again.octets, isOver: again.end === "limit", isSound: false };
}

/** Line ends and blanks, which no zlib stream begins with. */
function blanksBefore(octets: Uint8Array): number {
  let at = 0;
  while ([9, 10, 13, 32].includes(octets[at] ?? 0)) at++;
  return at;
}

const HEX = new Int8Array(256).fill(-1);
for (const [value, digit] of Array.from("0123456789abcdef").entries()) {
  HEX[digit.charCodeAt(0)] = HEX[digit.toUpperCase().charCodeAt(0)] = value;
}

function asciiHex(octets: Uint8Array): Filtered {
  const output = new Uint8Array((octets.length >> 1) + 1);
  let length = 0;
  let half = -1;
  let isSound = true;
  for (const octet of octets) {
    if (octet === 0x3e) break;
    const digit = HEX[octet] ?? -1;
    if (digit < 0) {
      isSound &&= octet <= 0x20;
      continue;
    }
    if (half < 0) half = digit;
    else {
      output[length++] = half << 4 | digit;
      half = -1;
    }
  }
  if (half >= 0) output[length++] = half << 4;
  return { octets: output.subarray(0, length), isOver: false, isSound };
}

function ascii85(octets: Uint8Array, maxOctets: number): Filtered {
  const output = new Output(maxOctets, octets.length);
  let value = 0;
  let count = 0;
  let isSound = true;
  let isWhole = true;
  const flush = (length: number) => {
    for (let i = 0; i < length; i++) {
      isWhole = output.put(Math.floor(value / 256 ** (3 - i)) & 255);
    }
    value = count = 0;
  };
  // some write the mark of the beginning, which is none here
  const blanks = blanksBefore(octets);
  const isMarked = octets[blanks] === 0x3c && octets[blanks + 1] === 0x7e;
  for (let at = isMarked ? blanks + 2 : 0; at < octets.length && isWhole; at++) {
    const octet = octets[at] ?? 0;
    if (octet === 0x7e) break;
    if (octet === 0x7a && count === 0) flush(4);
    else if (octet >= 0x21 && octet <= 0x75) {
      value = value * 85 + octet - 0x21;
      if (++count === 5) flush(4);
    } else isSound &&= octet <= 0x20;
  }
  if (count > 1) {
    const rest = count - 1;
    for (; count < 5; count++) value = value * 85 + 84;
    flush(rest);
  }
  return { octets: output.octets, isOver: !isWhole, isSound };
}

function runLength(octets: Uint8Array, maxOctets: number): Filtered {
  const output = new Output(maxOctets, octets.length);
  let isWhole = true;
  let at = 0;
  while (at < octets.length && isWhole) {
    const length = octets[at++] ?? 128;
    if (length === 128) break;
    if (length < 128) {
      isWhole = output.append(octets.subarray(at, at + length + 1));
      at += length + 1;
    } else {
      isWhole = output.put(octets[at++] ?? 0) && output.copy(1, 256 - length);
    }
  }
  return { octets: output.octets, isOver: !isWhole, isSound: isNearEnd(octets, at) };
}

/** An end mark in the middle is none: what follows is at most a line end. */
function isNearEnd(octets: Uint8Array, at: number): boolean {
  return at + 3 >= octets.length;
}

const CLEAR = 256, END = 257, MAX_CODES = 4096;

/** LZW with codes of 9 to 12 bits. */
function lzw(octets: Uint8Array, maxOctets: number, { growsEarly }: FilterForm): Filtered {
  const output = new Output(maxOctets, octets.length * 2);
  // where in the output an entry was written first, and its length
  const starts = new Uint32Array(MAX_CODES + 1);
  const lengths = new Uint16Array(MAX_CODES + 1);
  const early = growsEarly ? 1 : 0;
  let next = END + 1;
  let width = 9;
  let before = -1;
  let hold = 0;
  let held = 0;
  let at = 0;
  let isWhole = true;
  while (at < octets.length && isWhole) {
    hold = (hold << 8 | (octets[at++] ?? 0)) & 0xffffff;
    held += 8;
    if (held < width) continue;
    held -= width;
    const code = (hold >> held) & ((1 << width) - 1);
    if (code === END) break;
    if (code === CLEAR) {
      next = END + 1;
      width = 9;
      before = -1;
      continue;
    }
    const start = output.length;
    if (before >= 0 && next < MAX_CODES) {
      // the entry: what was written before, and one octet more, which stands behind it in the output
      starts[next] = before;
      lengths[next] = start - before + 1;
      next++;
    }
    if (code < CLEAR) isWhole = output.put(code);
    else if (code < next) {
      isWhole = output.copy(start - (starts[code] ?? 0), lengths[code] ?? 0);
    } else break;
    before = start;
    const codes = next + early;
    width = codes >= 2048 ? 12 : codes >= 1024 ? 11 : codes >= 512 ? 10 : 9;
  }
  return { octets: output.octets, isOver: !isWhole, isSound: isNearEnd(octets, at) };
}

/** By name and abbreviation. */
export const PDF_FILTERS: Readonly<Record<string, Filter>> = {
  FlateDecode: flate,
  Fl: flate,
  ASCIIHexDecode: asciiHex,
  AHx: asciiHex,
  ASCII85Decode: ascii85,
  A85: ascii85,
  RunLengthDecode: runLength,
  RL: runLength,
  LZWDecode: lzw,
  LZW: lzw,
};

/** Filters of pictures: what they give is samples, and no file. */
export const PICTURE_FILTERS: ReadonlySet<string> = new Set([
  "DCTDecode",
  "DCT",
  "JPXDecode",
  "CCITTFaxDecode",
  "CCF",
  "JBIG2Decode",
]);
