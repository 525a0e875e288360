/** compress (.Z): LZW with codes of 9 to 16 bits. compress(1) */
import { limitReason, outputLimit } from "./bounds.ts";
import { unlzw } from "./lzw.ts";
import { innerNames } from "./octets.ts";
import { Output } from "./output.ts";
import type { Entry, UnpackContext } from "./unpacker.ts";

/** Opens compress. */
export function* uncompress(octets: Uint8Array, context: UnpackContext): Generator<Entry> {
  const { budget } = context;
  if (octets[1] !== 0x9d) return context.note("unsupported"); // pack and LZH, which share the ending
  const output = new Output(outputLimit(budget, octets.length), octets.length * 4);
  const flags = octets[2] ?? 0;
  const end = unlzw(octets, output, {
    start: 3,
    maxBits: flags & 0x1f,
    hasClear: (flags & 0x80) !== 0,
    isGrouped: true,
  });
  const content = output.octets;
  budget.unpacked(content.length);
  const names = innerNames(context.names, /\.Z$/i);
  const notScanned = end === "limit"
    ? limitReason(budget, octets.length)
    : end === "corrupt"
    ? "malformed"
    : undefined;
  if (notScanned) budget.breach(notScanned);
  yield { names, content, ...(notScanned ? { notScanned } : {}) };
}
