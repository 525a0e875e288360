/**
 * lzop: blocks by LZO1X, one or more files in a row.
 *
 * @see https://www.lzop.org/
 * @see The Linux kernel's Documentation/staging/lzo.rst, for the stream of a block
 */
import { outputLimit } from "./bounds.ts";
import { decodedEntry, type DecodeEnd } from "./entries.ts";
import { hasAscii, innerNames, nameText, u16, u16be, u32be } from "./octets.ts";
import { Output } from "./output.ts";
import type { Entry, UnpackContext } from "./unpacker.ts";

const MAGIC_OCTETS = 9;
/** Flags of a file. */
const ADLER_PLAIN = 1;
const ADLER_PACKED = 2;
const EXTRA_FIELD = 0x40;
const CRC_PLAIN = 0x100;
const CRC_PACKED = 0x200;
const FILTERED = 0x800;
/** Largest block that lzop makes, octets. */
const MAX_BLOCK = 64 << 20;

/**
 * Decodes one stream of LZO1X, which ends with its own mark.
 *
 * @param output What copies may reach back into begins at its present end.
 */
export function unlzo(input: Uint8Array, output: Output): DecodeEnd {
  const start = output.length;
  let at = 0;
  /** Literals behind the last copy: 0 to 3; 4 stands for a run of its own. */
  let state = 0;
  const extended = (least: number): number => {
    let total = least;
    while (input[at] === 0) {
      total += 255;
      at++;
    }
    return total + (input[at++] ?? 0);
  };
  const literals = (count: number): DecodeEnd => {
    const piece = input.subarray(at, at + count);
    at += count;
    if (!output.append(piece)) return "limit";
    return piece.length < count ? "truncated" : "complete";
  };
  if ((input[0] ?? 0) > 17) {
    const count = (input[at++] ?? 0) - 17;
    const end = literals(count);
    if (end !== "complete") return end;
    state = Math.min(4, count);
  }
  while (at < input.length) {
    const code = input[at++] ?? 0;
    let length: number;
    let distance: number;
    let next = code & 3;
    if (code >= 64) {
      length = code >= 128 ? 5 + ((code >> 5) & 3) : 3 + ((code >> 5) & 1);
      distance = ((input[at++] ?? 0) << 3) + ((code >> 2) & 7) + 1;
    } else if (code >= 16) {
      const mask = code >= 32 ? 31 : 7;
      length = 2 + ((code & mask) || extended(mask));
      const pair = u16(input, at);
      at += 2;
      next = pair & 3;
      distance = (pair >> 2) + (code >= 32 ? 1 : 16384 + ((code & 8) << 11));
      if (distance === 16384) return at > input.length ? "truncated" : "complete";
    } else if (state === 0) {
      const end = literals(3 + (code || extended(15)));
      if (end !== "complete") return end;
      state = 4;
      continue;
    } else {
      length = state === 4 ? 3 : 2;
      distance = ((input[at++] ?? 0) << 2) + (code >> 2) + (state === 4 ? 2049 : 1);
    }
    if (at > input.length) return "truncated";
    if (distance > output.length - start) return "corrupt";
    if (!output.copy(distance, length)) return "limit";
    const end = literals(next);
    if (end !== "complete") return end;
    state = next;
  }
  return "truncated";
}

interface FileHeader {
  readonly name: string;
  readonly flags: number;
  /** Where its blocks begin. */
  readonly data: number;
}

/** The header behind the magic; `undefined` where it goes over the end. */
function readHeader(octets: Uint8Array, start: number): FileHeader | undefined {
  const version = u16be(octets, start);
  const isNew = version >= 0x940;
  let at = start + 4 + (isNew ? 2 : 0) + 1 + (isNew ? 1 : 0);
  const flags = u32be(octets, at);
  at += 4 + (flags & FILTERED ? 4 : 0) + 8 + (isNew ? 4 : 0);
  const length = octets[at] ?? 0;
  const name = nameText(octets.subarray(at + 1, at + 1 + length));
  at += 1 + length + 4;
  if (flags & EXTRA_FIELD) at += 8 + u32be(octets, at);
  return at <= octets.length ? { name, flags, data: at } : undefined;
}

/** Opens lzop. */
export function* unlzop(octets: Uint8Array, context: UnpackContext): Generator<Entry> {
  const { budget } = context;
  let at = 0;
  for (; hasAscii(octets, at + 1, "LZO\0") && octets[at] === 0x89 && budget.time();) {
    const header = readHeader(octets, at + MAGIC_OCTETS);
    if (!header) return context.note("malformed");
    const output = new Output(outputLimit(budget, octets.length), octets.length * 2);
    const { end, next } = readBlocks(octets, header, output, context);
    const names = header.name ? [header.name] : innerNames(context.names, /\.(lzo|tzo)$/i);
    yield decodedEntry(names, { octets: output.octets, end }, octets.length, context);
    if (end !== "complete") return;
    at = next;
  }
  const rest = octets.subarray(at);
  if (rest.some((octet) => octet !== 0)) yield { names: [], content: rest };
}

function readBlocks(
  octets: Uint8Array,
  { flags, data }: FileHeader,
  output: Output,
  { budget }: UnpackContext,
): { readonly end: DecodeEnd; readonly next: number } {
  let at = data;
  const plainSums = (flags & ADLER_PLAIN ? 4 : 0) + (flags & CRC_PLAIN ? 4 : 0);
  const packedSums = (flags & ADLER_PACKED ? 4 : 0) + (flags & CRC_PACKED ? 4 : 0);
  if (flags & FILTERED) return { end: "unsupported", next: at };
  while (budget.time()) {
    if (at + 4 > octets.length) return { end: "truncated", next: at };
    const size = u32be(octets, at);
    if (size === 0) return { end: "complete", next: at + 4 };
    const packed = u32be(octets, at + 4);
    if (size > MAX_BLOCK || packed > size) return { end: "corrupt", next: at };
    at += 8 + plainSums + (packed < size ? packedSums : 0);
    const block = octets.subarray(at, at + packed);
    if (block.length < packed) {
      if (packed < size) unlzo(block, output);
      else output.append(block);
      return { end: "truncated", next: at };
    }
    const before = output.length;
    const end = packed < size ? unlzo(block, output) : output.append(block) ? "complete" : "limit";
    if (end !== "complete") return { end, next: at };
    if (output.length - before !== size) return { end: "corrupt", next: at };
    at += packed;
  }
  return { end: "time", next: at };
}
