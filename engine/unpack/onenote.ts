/** OneNote sections: the files that are embedded in their pages. [MS-ONESTORE] 2.6.13, FileDataStoreObject */
import { Buffer } from "node:buffer";
import { u32, u64 } from "./octets.ts";
import type { Entry, UnpackContext } from "./unpacker.ts";

/** {BDE316E7-2665-4511-A4C4-8D4D0B7A9EAC}, in front of the length (8 octets), 12 octets that say nothing, and the file. */
const HEADER = Buffer.from("e716e3bd65261145a4c48d4d0b7a9eac", "hex");
/** {71FBA722-0F79-4A0B-BB13-899256426B24}, behind the file. */
const FOOTER = Buffer.from("22a7fb71790f0b4abb13899256426b24", "hex");

/** Opens OneNote: every embedded file, in any place. */
export function* unonenote(octets: Uint8Array, { budget }: UnpackContext): Generator<Entry> {
  const buffer = Buffer.from(octets.buffer, octets.byteOffset, octets.length);
  for (let at = buffer.indexOf(HEADER); at >= 0; at = buffer.indexOf(HEADER, at + 16)) {
    if (!budget.time()) return;
    const start = at + 36;
    const told = u64(octets, at + 16);
    let size = told;
    if (u32(octets, at + 20) !== 0 || start + told > octets.length) {
      // a wrong length: up to the mark behind the file, or the end
      const end = buffer.indexOf(FOOTER, start);
      size = (end < 0 ? octets.length : end) - start;
    }
    const content = octets.subarray(start, start + Math.max(0, size));
    if (content.length === 0) continue;
    const isWhole = size === told;
    if (!isWhole) budget.breach("malformed");
    budget.unpacked(content.length);
    yield { names: [], content, ...(isWhole ? {} : { notScanned: "malformed" }) };
  }
}
