/**
 * Objects in a presentation's own stream: embedded documents and packages, and the project of its macros, packed or not.
 *
 * @see [MS-PPT] 2.10.34 to 2.10.37 (ExOleObjStg, VbaProjectStg)
 */
import { outputLimit } from "./bounds.ts";
import { decodedEntry } from "./entries.ts";
import { inflateRaw } from "./decompress.ts";
import { u16, u32 } from "./octets.ts";
import type { Entry, UnpackContext } from "./unpacker.ts";

/** Octets of the record type of an object's storage, 0x1011. */
const STORAGE = [0x11, 0x10] as const;
/** Version and instance: as it is, or behind its size by zlib. */
const PLAIN = 0x0000;
const PACKED = 0x0010;
/** Most objects of one stream. */
const MAX_OBJECTS = 10_000;

/**
 * Finds the objects of a stream, by their records wherever they stand: readers get at them by a table of places.
 *
 * @param octets The stream `PowerPoint Document`.
 */
export function* presentationObjects(octets: Uint8Array, context: UnpackContext): Generator<Entry> {
  const { budget } = context;
  let found = 0;
  const [low, high] = STORAGE;
  for (let at = octets.indexOf(low, 2); at >= 0; at = octets.indexOf(low, at + 1)) {
    if (octets[at + 1] !== high) continue;
    const kind = u16(octets, at - 2);
    const size = u32(octets, at + 2);
    const data = octets.subarray(at + 6, at + 6 + size);
    if (size < 6 || data.length < size || !budget.time() || found >= MAX_OBJECTS) continue;
    if (kind === PLAIN && u32(data, 0) === 0xe011cfd0) {
      found++;
      yield { names: ["object"], content: data };
    } else if (kind === PACKED && ((data[4] ?? 0) & 15) === 8) {
      found++;
      const packed = data.subarray(6);
      const inflated = inflateRaw(
        packed,
        outputLimit(budget, octets.length, u32(data, 0)),
        u32(data, 0),
      );
      if (inflated.octets.length > 0) {
        yield decodedEntry(["object"], inflated, octets.length, context);
      }
    }
  }
}
