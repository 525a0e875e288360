/** Files inside text: uuencode, yEnc, BinHex. Inside mail the MIME reader finds them; here they are files of their own. */
import { findEmbedded } from "../message/embedded.ts";
import { Source } from "../message/source.ts";
import { outputLimit } from "./bounds.ts";
import type { Entry, UnpackContext } from "./unpacker.ts";

/** How often the octets may be gone over. */
const MAX_PASSES = 16;

/** Opens text that carries files. */
export function* untext(octets: Uint8Array, context: UnpackContext): Generator<Entry> {
  const { budget } = context;
  const source = new Source(octets, false);
  const most = outputLimit(budget, octets.length);
  // many begin lines, each of which reads to the end, must not cost the square of the size
  let walked = 0;
  const walk = (count: number) =>
    (walked += count) <= MAX_PASSES * octets.length + 65536 || budget.breach("time");
  const { files, more } = findEmbedded(source, 0, octets.length, most, true, walk);
  for (const { name, octets: content } of files) {
    budget.unpacked(content.length);
    yield { names: name === "" ? [] : [name], content };
  }
  if (more) context.note("files");
}
