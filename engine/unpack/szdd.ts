/** Files packed by MS-DOS COMPRESS.EXE (SZDD): LZSS over a ring of 4 KiB that begins as blanks. */
import { limitReason, outputLimit } from "./bounds.ts";
import { hasAscii, innerNames, u32 } from "./octets.ts";
import { Output } from "./output.ts";
import type { Entry, UnpackContext } from "./unpacker.ts";

const RING = 4096;

/** Opens SZDD; its sisters KWAJ and SZ are not opened. */
export function* unszdd(octets: Uint8Array, context: UnpackContext): Generator<Entry> {
  const { budget } = context;
  if (!hasAscii(octets, 0, "SZDD") || octets[8] !== 0x41) return context.note("unsupported");
  const output = new Output(
    Math.min(outputLimit(budget, octets.length), u32(octets, 10)),
    octets.length * 2,
  );
  const ring = new Uint8Array(RING).fill(0x20);
  let place = RING - 16;
  const put = (octet: number) => {
    ring[place] = octet;
    place = (place + 1) & (RING - 1);
    return output.put(octet);
  };
  for (let at = 14; at < octets.length && !output.isFull;) {
    const flags = octets[at++] ?? 0;
    for (let bit = 0; bit < 8 && at < octets.length; bit++) {
      if ((flags >> bit) & 1) {
        put(octets[at++] ?? 0);
        continue;
      }
      const low = octets[at++] ?? 0;
      const high = octets[at++] ?? 0;
      const from = low | ((high & 0xf0) << 4);
      for (let i = 0; i < (high & 15) + 3; i++) put(ring[(from + i) & (RING - 1)] ?? 0);
    }
  }
  const content = output.octets;
  budget.unpacked(content.length);
  const names = innerNames(context.names, /_$/);
  const isCut = content.length < u32(octets, 10);
  const reason = !isCut
    ? undefined
    : output.isFull
    ? limitReason(budget, octets.length)
    : "malformed";
  if (reason) budget.breach(reason);
  yield { names, content, ...(reason ? { notScanned: reason } : {}) };
}
