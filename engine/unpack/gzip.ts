/** gzip and zlib: RFC 1952 and RFC 1950. */
import { limitReason, outputLimit } from "./bounds.ts";
import { crc32 } from "./crc32.ts";
import { inflateRaw } from "./decompress.ts";
import { concat, distinct, innerNames, nameText, u16, u32 } from "./octets.ts";
import type { Entry, UnpackContext } from "./unpacker.ts";

/** Members that are also shown one by one; above it only joined. */
const MAX_SINGLE_MEMBERS = 16;

interface Header {
  readonly end: number;
  readonly name?: string;
}

/** RFC 1952, section 2.3; `undefined` where no member starts. */
function readHeader(octets: Uint8Array, at: number): Header | undefined {
  if (octets[at] !== 0x1f || octets[at + 1] !== 0x8b || octets[at + 2] !== 8) return undefined;
  const flags = octets[at + 3] ?? 0;
  let end = at + 10;
  if (flags & 4) end += 2 + u16(octets, end);
  let name: string | undefined;
  for (const flag of [8, 16]) {
    if ((flags & flag) === 0) continue;
    const nul = octets.indexOf(0, end);
    if (nul < 0) return undefined;
    if (flag === 8) name = nameText(octets.subarray(end, Math.min(nul, end + 1024)));
    end = nul + 1;
  }
  if (flags & 2) end += 2;
  if (end > octets.length) return undefined;
  return name === undefined ? { end } : { end, name };
}

/** Opens gzip: all members joined, as gunzip does, each alone, and what stands behind them. */
export function* gunzip(octets: Uint8Array, context: UnpackContext): Generator<Entry> {
  const { budget } = context;
  const members: Uint8Array[] = [];
  let names: readonly string[] = [];
  let bad: Entry["notScanned"];
  let at = 0;
  while (bad === undefined && budget.time()) {
    const header = readHeader(octets, at);
    if (!header) {
      if (at === 0) bad = "malformed";
      break;
    }
    if (at === 0) {
      names = distinct([
        ...(header.name ? [header.name] : []),
        ...innerNames(context.names, /\.(gz|gzip|z)$/i),
        ...innerNames(context.names, /(?<=\.t)gz$/i).map((name) => `${name}ar`),
      ]);
    }
    const packed = octets.subarray(header.end);
    // of the last member, but most have only one
    const claimed = u32(octets, octets.length - 4);
    const limit = outputLimit(budget, octets.length, claimed);
    const { octets: content, used, end } = inflateRaw(packed, limit, claimed || undefined);
    members.push(content);
    if (end === "limit") bad = limitReason(budget, octets.length);
    else if (end !== "complete") bad = "malformed";
    budget.unpacked(content.length);
    at = header.end + used;
    if (bad === undefined) {
      const sound = at + 8 <= octets.length && u32(octets, at) === crc32(content) &&
        u32(octets, at + 4) === content.length % 2 ** 32;
      if (!sound) bad = "malformed";
      at += 8;
    }
  }
  if (bad) budget.breach(bad);
  if (members.length > 0) {
    yield { names, content: concat(members), ...(bad ? { notScanned: bad } : {}) };
  } else {
    context.note(bad ?? "malformed");
  }
  if (members.length > 1 && members.length <= MAX_SINGLE_MEMBERS) {
    for (const content of members) yield { names, content };
  }
  const rest = octets.subarray(at);
  if (bad === undefined && rest.some((octet) => octet !== 0)) {
    budget.unpacked(rest.length);
    yield { names: [], content: rest };
  }
}

/** Opens ActiveMime (`editdata.mso`): a header of 50 octets, or as long as it says at 46, then zlib. */
export function* unactivemime(octets: Uint8Array, context: UnpackContext): Generator<Entry> {
  for (const start of [50, u16(octets, 46) + 46 + 4]) {
    const entries = [...unzlib(octets.subarray(start), context)];
    if (((octets[start] ?? 0) & 15) !== 8 || entries.length === 0) continue;
    yield* entries;
    return;
  }
  context.note("malformed");
}

/** Opens a zlib stream. */
export function* unzlib(octets: Uint8Array, context: UnpackContext): Generator<Entry> {
  const { budget } = context;
  const { octets: content, end } = inflateRaw(
    octets.subarray(2),
    outputLimit(budget, octets.length),
  );
  budget.unpacked(content.length);
  if (end === "complete") yield { names: [], content };
  else if (end === "limit") {
    yield { names: [], content, notScanned: limitReason(budget, octets.length) };
  } // two octets make no certainty: what does not inflate was no zlib, its octets were scanned as they are
  else if (content.length > 0) yield { names: [], content };
}
