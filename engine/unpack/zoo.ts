/**
 * zoo: stored files, LZW, and LH5 as LHA has it; deleted files, too.
 *
 * @see zoo 2.10, zoo.h
 */
import { outputLimit } from "./bounds.ts";
import { crc16 } from "./crc16.ts";
import { type Decoded, decodedEntry, storedOctets } from "./entries.ts";
import { unlha } from "./lha.ts";
import { unlzw } from "./lzw.ts";
import { paddedName, u16, u32 } from "./octets.ts";
import { Output } from "./output.ts";
import type { Entry, UnpackContext } from "./unpacker.ts";

const TAG = 0xfdc4a7dc;
const ENTRY_OCTETS = 51;
/** Most entries; each is also counted by the budget. */
const MAX_ENTRIES = 100_000;

/** Opens zoo. */
export function* unzoo(octets: Uint8Array, context: UnpackContext): Generator<Entry> {
  const { budget } = context;
  const seen = new Set<number>();
  let at = u32(octets, 24);
  while (seen.size < MAX_ENTRIES && !seen.has(at) && budget.time()) {
    if (u32(octets, at) !== TAG || at + ENTRY_OCTETS > octets.length) break;
    const next = u32(octets, at + 6);
    // the last entry has no next one, and is no file
    if (next === 0) return;
    const names = [longName(octets, at), paddedName(octets.subarray(at + 38, at + 51))]
      .filter((name, i, all) => name !== "" && all.indexOf(name) === i);
    const size = u32(octets, at + 20);
    const packed = u32(octets, at + 24);
    const piece = storedOctets(octets, u32(octets, at + 10), packed);
    const decoded = piece.end === "complete"
      ? unpack(
        piece.octets,
        octets[at + 5] ?? 0,
        { size, crc: u16(octets, at + 18) },
        octets,
        context,
      )
      : piece;
    const isWrong = decoded.end === "complete" && crc16(decoded.octets) !== u16(octets, at + 18);
    const sound: Decoded = isWrong ? { octets: decoded.octets, end: "corrupt" } : decoded;
    yield decodedEntry(names, sound, octets.length, context);
    seen.add(at);
    at = next;
  }
  context.note("malformed");
}

/** The name that entries of type 2 have besides: with its folder. */
function longName(octets: Uint8Array, at: number): string {
  if ((octets[at + 4] ?? 0) < 2 || u16(octets, at + 51) === 0) return "";
  const nameLength = octets[at + 56] ?? 0;
  const folderLength = octets[at + 57] ?? 0;
  const name = paddedName(octets.subarray(at + 58, at + 58 + nameLength));
  const folder = paddedName(
    octets.subarray(at + 58 + nameLength, at + 58 + nameLength + folderLength),
  );
  return folder && name ? `${folder}/${name}` : name;
}

function unpack(
  piece: Uint8Array,
  method: number,
  { size, crc }: { readonly size: number; readonly crc: number },
  octets: Uint8Array,
  context: UnpackContext,
): Decoded {
  const limit = outputLimit(context.budget, octets.length, size);
  if (method === 0) return { octets: piece, end: "complete" };
  if (method === 1) {
    const output = new Output(limit, size);
    const end = unlzw(piece, output, { start: 0, maxBits: 13, hasClear: true, hasEnd: true });
    return { octets: output.octets, end };
  }
  return method === 2
    ? unlha(piece, { method: "-lh5-", size, crc }, limit, context)
    : { octets: new Uint8Array(0), end: "unsupported" };
}
