/** Text in which nobody sees files or parts any more. */
import { Buffer } from "node:buffer";
import { Source } from "../message/source.ts";
import type { OctetRange } from "../types.ts";

/**
 * Makes structure in a text plain: the files that are cut out leave a line in their place, and lines that begin a part or a file get
 * a bar in front, as quoted text has.
 *
 * @param files Ranges that are shown as files of their own.
 */
export function plainText(octets: Uint8Array, files: readonly OctetRange[]): Uint8Array {
  const chunks: Uint8Array[] = [];
  let at = 0;
  for (const { start, end } of files.toSorted((a, b) => a.start - b.start)) {
    if (start < at) {
      at = Math.max(at, end);
      continue;
    }
    chunks.push(octets.subarray(at, start), Buffer.from("[attached file]\r\n"));
    at = end;
  }
  chunks.push(octets.subarray(at));
  const cut = new Uint8Array(Buffer.concat(chunks));
  const source = new Source(cut, false);
  const lines = source.lines(0, cut.length);
  if (lines.length === 0) return cut;
  const barred: Uint8Array[] = [];
  at = 0;
  for (const line of lines) {
    if (line.start < at) continue;
    barred.push(cut.subarray(at, line.start), Buffer.from("| "));
    at = line.start;
  }
  barred.push(cut.subarray(at));
  return new Uint8Array(Buffer.concat(barred));
}
