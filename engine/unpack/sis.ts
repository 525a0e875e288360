/**
 * Symbian's installation files: those up to version 9 have a table of files; later ones are nested fields, packed data among them.
 *
 * @see Alexander Thoukydides, "SIS file format"; Symbian, "SIS file format specification" for version 9
 */
import { outputLimit } from "./bounds.ts";
import { type Decoded, decodedEntry, storedOctets } from "./entries.ts";
import { inflate } from "./inflate.ts";
import { u16, u32, u64 } from "./octets.ts";
import type { Entry, UnpackContext } from "./unpacker.ts";

/** The first identifier of files for version 9. */
const NEW_FILE = 0x10201a7a;
/** The second one from Symbian 6 on; then records have the unpacked size. */
const SYMBIAN_6 = 0x10003a12;
/** Option: files are as they are. */
const NOT_PACKED = 8;
/** Most languages that a file comes in; more are only made to cost. */
const MAX_LANGUAGES = 100;

/** Kinds of records. */
const FILE = 0;
const FILE_BY_LANGUAGE = 1;
const OPTIONS = 2;
const IF = 3;
const ELSE_IF = 4;

function unzlib(octets: Uint8Array, limit: number): Decoded {
  const { octets: content, end } = inflate(octets.subarray(2), limit);
  return { octets: content, end };
}

function nameAt(octets: Uint8Array, length: number, at: number, isWide: boolean): string {
  const piece = octets.subarray(at, at + Math.min(length, 1024));
  const text = new TextDecoder(isWide ? "utf-16le" : "latin1").decode(piece);
  return text.replace(/^.*[/\\:]/s, "");
}

/** Opens SIS. */
export function* unsis(octets: Uint8Array, context: UnpackContext): Generator<Entry> {
  if (u32(octets, 0) === NEW_FILE) return yield* packedFields(octets, context);
  const { budget } = context;
  const isNew = u32(octets, 4) === SYMBIAN_6;
  const languages = u16(octets, 18);
  const options = u16(octets, 36);
  let at = u32(octets, 52);
  if (languages > MAX_LANGUAGES || at < 68) return context.note("malformed");
  for (let left = u16(octets, 20); left > 0 && budget.time(); left--) {
    if (at + 4 > octets.length) return context.note("malformed");
    const kind = u32(octets, at);
    if (kind === FILE || kind === FILE_BY_LANGUAGE) {
      const count = kind === FILE ? 1 : languages;
      const next = at + 28 + count * (isNew ? 12 : 8) + (isNew ? 8 : 0);
      if (next > octets.length) return context.note("malformed");
      const names = [12, 20].map((field) =>
        nameAt(octets, u32(octets, at + field), u32(octets, at + field + 4), (options & 1) !== 0)
      ).filter((name, i, all) => name !== "" && all.indexOf(name) === i);
      for (let i = 0; i < count && budget.time(); i++) {
        const size = u32(octets, at + 28 + 4 * i);
        const place = u32(octets, at + 28 + 4 * count + 4 * i);
        const claimed = isNew ? u32(octets, at + 28 + 8 * count + 4 * i) : 0;
        if (size === 0) continue;
        const packed = storedOctets(octets, place, size);
        const limit = outputLimit(budget, octets.length, claimed);
        const decoded = (options & NOT_PACKED) !== 0 || packed.octets.length === 0
          ? packed
          : unzlib(packed.octets, limit);
        yield decodedEntry(names, decoded, octets.length, context);
      }
      at = next;
    } else if (kind === OPTIONS) at += 8 + u32(octets, at + 4) * languages * 8 + 16;
    else if (kind === IF || kind === ELSE_IF) at += 8 + u32(octets, at + 4);
    else at += 4;
  }
}

/** Field of packed data: type, length, algorithm, size, then zlib or plain octets. */
const COMPRESSED = 3;
const ZLIB = 1;

/** Finds packed data of version 9 wherever it stands: the fields around it say nothing of its content. */
function* packedFields(octets: Uint8Array, context: UnpackContext): Generator<Entry> {
  const { budget } = context;
  let found = 0;
  for (let at = 16; at + 20 <= octets.length && budget.time();) {
    const length = u32(octets, at + 4);
    const algorithm = u32(octets, at + 8);
    const size = u64(octets, at + 12);
    const isField = u32(octets, at) === COMPRESSED && length >= 12 && algorithm <= ZLIB &&
      size > 0 && size < 2 ** 31 && at + 8 < octets.length - 12 &&
      (algorithm === ZLIB ? ((octets[at + 20] ?? 0) & 15) === 8 : size === length - 12);
    if (!isField) {
      at += 4;
      continue;
    }
    found++;
    const packed = storedOctets(octets, at + 20, length - 12);
    const decoded = algorithm === ZLIB
      ? unzlib(packed.octets, outputLimit(budget, octets.length, size))
      : packed;
    yield decodedEntry([], decoded, octets.length, context);
    at += 20 + Math.ceil(packed.octets.length / 4) * 4;
  }
  if (found === 0) context.note("malformed");
}
