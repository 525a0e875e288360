/** AppleSingle and AppleDouble: a Macintosh file's forks in one file (RFC 1740, appendices A and B). */
import { nameText, u16be, u32be } from "./octets.ts";
import type { Entry, UnpackContext } from "./unpacker.ts";

const HEADER_OCTETS = 26, DESCRIPTOR_OCTETS = 12;
/** Descriptors that are read; the format knows 15 kinds of entries. */
const MAX_DESCRIPTORS = 256;
const DATA_FORK = 1, RESOURCE_FORK = 2, REAL_NAME = 3;

/** Opens AppleSingle and AppleDouble: data fork and resource fork, named as the file says it is. */
export function* unapplefile(octets: Uint8Array, context: UnpackContext): Generator<Entry> {
  const count = Math.min(u16be(octets, 24), MAX_DESCRIPTORS);
  const forks: { content: Uint8Array; cut: boolean }[] = [];
  let name: string | undefined;
  for (let i = 0; i < count && context.budget.time(); i++) {
    const at = HEADER_OCTETS + i * DESCRIPTOR_OCTETS;
    const kind = u32be(octets, at), start = u32be(octets, at + 4), size = u32be(octets, at + 8);
    const content = octets.subarray(start, start + size);
    if (kind === REAL_NAME) name = nameText(content.subarray(0, 1024));
    else if ((kind === DATA_FORK || kind === RESOURCE_FORK) && size > 0) {
      forks.push({ content, cut: content.length < size });
    }
  }
  if (count === 0 || forks.some(({ cut }) => cut)) context.note("malformed");
  const names = [...(name ? [name] : []), ...context.names];
  for (const { content } of forks) {
    if (content.length === 0) continue;
    context.budget.unpacked(content.length);
    yield { names, content };
  }
}
