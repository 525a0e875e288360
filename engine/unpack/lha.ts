/**
 * LHA: 7-Zip opens it, but for archives whose headers are of level 3, which are taken apart here; LHA's methods also serve zoo.
 *
 * @see LHa for UNIX, header.doc.md
 */
import { outputLimit } from "./bounds.ts";
import { type Decoded, decodedEntry, storedOctets } from "./entries.ts";
import { unforeign } from "./foreign/foreign.ts";
import { latin1Text } from "../latin1.ts";
import { nameText, u16, u32 } from "./octets.ts";
import type { Entry, UnpackContext } from "./unpacker.ts";

/** Octets in front of the extensions of a header of level 3. */
const HEADER_OCTETS = 28;
/** Extensions: the name, and its folder with 0xff between its parts. */
const NAME = 1;
const FOLDER = 2;
const IS_FOLDER = "-lhd-";

/** One file as LHA packs it. */
interface LhaFile {
  /** `-lh5-` and the like. */
  readonly method: string;
  readonly size: number;
  /** CRC-16 of the content. */
  readonly crc: number;
}

/** An archive of one file named `a`, header level 0. */
function archiveOf(piece: Uint8Array, { method, size, crc }: LhaFile): Uint8Array {
  const lha = new Uint8Array(25 + piece.length + 1);
  const view = new DataView(lha.buffer);
  lha[0] = 23;
  for (let i = 0; i < 5; i++) lha[2 + i] = method.charCodeAt(i);
  view.setUint32(7, piece.length, true);
  view.setUint32(11, size, true);
  view.setUint32(15, 0x00210000, true);
  lha[19] = 0x20;
  lha[21] = 1;
  lha[22] = 0x61;
  view.setUint16(23, crc, true);
  lha[1] = lha.subarray(2, 25).reduce((sum, octet) => sum + octet, 0);
  lha.set(piece, 25);
  return lha;
}

/** Unpacks one file's data with 7-Zip, which also checks its sum. */
export function unlha(
  piece: Uint8Array,
  file: LhaFile,
  maxOctets: number,
  { budget, tools }: UnpackContext,
): Decoded {
  if (!tools.sevenZip) return { octets: new Uint8Array(0), end: "unsupported" };
  const limits = { octets: maxOctets, kept: maxOctets, files: 1, skip: 0 };
  const run = tools.sevenZip.unpack(archiveOf(piece, file), limits, budget);
  const octets = run.files.written[0]?.octets ?? new Uint8Array(0);
  const end = run.status === 0
    ? "complete"
    : run.stopped === "octets"
    ? "limit"
    : run.stopped === "time"
    ? "time"
    : "corrupt";
  return { octets, end };
}

/** Opens LHA. */
export function* unlzh(octets: Uint8Array, context: UnpackContext): Generator<Entry> {
  if (octets[20] !== 3) return yield* unforeign(octets, context);
  const { budget } = context;
  let at = 0;
  while (octets[at] !== 0 && octets[at] !== undefined && budget.time()) {
    const header = u32(octets, at + 24);
    if (u16(octets, at) !== 4 || octets[at + 20] !== 3 || header < HEADER_OCTETS) break;
    const packed = u32(octets, at + 7);
    const data = at + header;
    if (data > octets.length) break;
    const file = {
      method: latin1Text(octets.subarray(at + 2, at + 7)),
      size: u32(octets, at + 11),
      crc: u16(octets, at + 21),
    };
    const piece = storedOctets(octets, data, packed);
    if (file.method === IS_FOLDER || file.size === 0) budget.file();
    else {
      const limit = outputLimit(budget, octets.length, file.size);
      const decoded = piece.end === "complete" ? unlha(piece.octets, file, limit, context) : piece;
      yield decodedEntry([nameOf(octets, at, data)], decoded, octets.length, context);
    }
    if (piece.end !== "complete") return context.note("malformed");
    at = data + packed;
  }
  if (octets[at] !== 0) context.note("malformed");
}

/** Extensions: a length that counts itself, a kind, octets; the first length stands in the header. */
function nameOf(octets: Uint8Array, at: number, end: number): string {
  let name = "";
  let folder = "";
  let length = u32(octets, at + HEADER_OCTETS);
  for (let place = at + HEADER_OCTETS + 4; length > 4 && place + length <= end + 4;) {
    const value = octets.subarray(place + 1, place + Math.min(length - 4, 1024));
    if (octets[place] === NAME) name = nameText(value);
    if (octets[place] === FOLDER) {
      folder = nameText(value.map((octet) => octet === 0xff ? 0x2f : octet));
    }
    place += length;
    length = u32(octets, place - 4);
  }
  return folder + name;
}
