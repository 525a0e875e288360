/** Archives inside an attached message: who saves it under an archive's name opens it as one. */
import { Buffer } from "node:buffer";

/** How archives begin that programs also find behind other octets: zip, RAR, 7z. */
const MAGICS = ["PK\x03\x04", "Rar!\x1a\x07", "7z\xbc\xaf\x27\x1c"];

/** The octets from where the first archive begins; undefined without one. Mail itself has none, but encoded. */
export function archiveInMail(octets: Uint8Array): Uint8Array | undefined {
  const buffer = Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength);
  const starts = MAGICS.map((magic) => buffer.indexOf(magic, 0, "latin1")).filter((at) => at >= 0);
  return starts.length === 0 ? undefined : octets.subarray(Math.min(...starts));
}
