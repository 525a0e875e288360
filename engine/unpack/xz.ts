/** xz, LZMA alone and lzip. xz: "The .xz File Format" 1.2; lzip: RFC draft-diaz-lzip. */
import { undoX86 } from "./bcj.ts";
import { limitReason, outputLimit } from "./bounds.ts";
import type { InflateEnd } from "./inflate.ts";
import { unlzma2, unlzmaRaw, unlzmaTo } from "./lzma.ts";
import { innerNames, u32, u64 } from "./octets.ts";
import { Output } from "./output.ts";
import type { Entry, UnpackContext } from "./unpacker.ts";

const FILTER_LZMA2 = 0x21;
const FILTER_X86 = 4;
/** Filters of one block; others than x86 before LZMA2 are not undone. */
const MAX_FILTERS = 4;

/** A number of 7 bits an octet, low ones first: xz 1.2. */
function variable(octets: Uint8Array, at: number): { value: number; next: number } {
  let value = 0;
  for (let i = 0; i < 9; i++) {
    const octet = octets[at + i] ?? 0;
    value += (octet & 0x7f) * 2 ** (7 * i);
    if ((octet & 0x80) === 0) return { value, next: at + i + 1 };
  }
  return { value: 0, next: at + 9 };
}

/** Reads the blocks of one stream that starts at `start` into `output`; says where it ends, if it does. */
export function xzStream(
  octets: Uint8Array,
  start: number,
  output: Output,
): { end: InflateEnd | "filter"; next: number } {
  const check =
    [0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64][(octets[start + 7] ?? 0) & 15] ?? 0;
  let at = start + 12;
  while (at < octets.length && octets[at] !== 0) {
    const headerOctets = ((octets[at] ?? 0) + 1) * 4;
    const flags = octets[at + 1] ?? 0;
    let field = at + 2;
    if (flags & 0x40) field = variable(octets, field).next;
    if (flags & 0x80) field = variable(octets, field).next;
    let last = 0;
    let isX86 = false;
    let hasOther = false;
    for (let i = 0; i < Math.min(MAX_FILTERS, (flags & 3) + 1); i++) {
      const id = variable(octets, field);
      const size = variable(octets, id.next);
      if (last === FILTER_X86) isX86 = true;
      else if (last !== 0) hasOther = true;
      last = id.value;
      field = size.next + size.value;
    }
    if (last !== FILTER_LZMA2 || hasOther) return { end: "filter", next: at };
    const body = at + headerOctets;
    const from = output.length;
    const { end, used } = unlzma2(octets.subarray(body), output);
    if (isX86) undoX86(output.view(from));
    if (end !== "complete") return { end, next: body + used };
    at = body + used;
    at += (4 - (at - start) % 4) % 4 + check;
  }
  if (at >= octets.length) return { end: "truncated", next: at };
  // the index: number of records, two numbers each, padding, CRC; then the footer of 12
  let field = variable(octets, at + 1);
  for (let records = field.value * 2; records > 0 && field.next < octets.length; records--) {
    field = variable(octets, field.next);
  }
  const index = field.next - at;
  return { end: "complete", next: at + index + (4 - index % 4) % 4 + 4 + 12 };
}

function* finish(
  output: Output,
  end: InflateEnd | "filter",
  names: readonly string[],
  octets: Uint8Array,
  context: UnpackContext,
): Generator<Entry> {
  const { budget } = context;
  const content = output.octets;
  budget.unpacked(content.length);
  const notScanned = end === "complete"
    ? undefined
    : end === "limit"
    ? limitReason(budget, octets.length)
    : end === "filter"
    ? "unsupported"
    : "malformed";
  if (notScanned) budget.breach(notScanned);
  yield { names, content, ...(notScanned ? { notScanned } : {}) };
}

/** Opens xz: all streams joined, with padding between. */
export function* unxz(octets: Uint8Array, context: UnpackContext): Generator<Entry> {
  const names = innerNames(context.names, /\.(xz|txz)$/i);
  const output = new Output(outputLimit(context.budget, octets.length), octets.length * 4);
  let end: InflateEnd | "filter" = "complete";
  let at = 0;
  while (end === "complete" && octets[at] === 0xfd && context.budget.time()) {
    const stream = xzStream(octets, at, output);
    end = stream.end;
    at = stream.next;
    while (end === "complete" && at + 4 <= octets.length && u32(octets, at) === 0) at += 4;
  }
  yield* finish(output, end, names, octets, context);
  const rest = octets.subarray(at);
  if (end === "complete" && rest.some((octet) => octet !== 0)) yield { names: [], content: rest };
}

/** Opens LZMA alone: properties, dictionary size, size or -1. */
export function* unlzma(octets: Uint8Array, context: UnpackContext): Generator<Entry> {
  const { budget } = context;
  const names = innerNames(context.names, /\.(lzma|tlz)$/i);
  const isOpen = u32(octets, 5) === 0xffffffff && u32(octets, 9) === 0xffffffff;
  const size = isOpen ? Infinity : u64(octets, 5);
  const limit = outputLimit(budget, octets.length, isOpen ? 0 : size);
  const { octets: content, end } = unlzmaRaw(octets.subarray(13), octets[0] ?? 0, size, limit);
  budget.unpacked(content.length);
  if (end === "complete") yield { names, content };
  else if (end === "limit") {
    yield { names, content, notScanned: limitReason(budget, octets.length) };
  } // its first octets are no certain sign: something else that does not decode was searched as it is
  else if (content.length > 64) yield { names, content, notScanned: malformed(context) };
}

function malformed({ budget }: UnpackContext): "malformed" {
  budget.breach("malformed");
  return "malformed";
}

/** Opens lzip: members joined. */
export function* unlzip(octets: Uint8Array, context: UnpackContext): Generator<Entry> {
  const names = innerNames(context.names, /\.(lz|tlz)$/i);
  const output = new Output(outputLimit(context.budget, octets.length), octets.length * 4);
  let end: InflateEnd = "complete";
  let at = 0;
  while (end === "complete" && u32(octets, at) === 0x50495a4c && context.budget.time()) {
    // lc 3, lp 0, pb 2, an end mark; then CRC, data size and member size
    const member = unlzmaTo(octets.subarray(at + 6), 93, Infinity, output);
    end = member.end;
    at += 6 + member.used + 20;
  }
  yield* finish(output, end, names, octets, context);
}
