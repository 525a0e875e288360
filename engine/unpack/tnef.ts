/** TNEF (winmail.dat): attachments that Outlook puts into one part. [MS-OXTNEF] */
import { nameText, u16, u32 } from "./octets.ts";
import type { Entry, UnpackContext } from "./unpacker.ts";

// attributes by their id alone: the type that stands beside it is what readers pass over
const ATTACH_REND_DATA = 0x9002; // begins each attachment
const ATTACH_TITLE = 0x8010;
const ATTACH_DATA = 0x800f;
const ATTACHMENT = 0x9005; // MAPI properties
const BODY = 0x800c;
const MESSAGE_PROPERTIES = 0x9003;

const PR_ATTACH_DATA = 0x3701;
const PR_ATTACH_FILENAME = 0x3704;
const PR_ATTACH_LONG_FILENAME = 0x3707;
const PR_RTF_COMPRESSED = 0x1009;
const PR_HTML = 0x1013;

/** Sizes of fixed types; others are counted and padded. */
const FIXED: Readonly<Record<number, number>> = {
  0x02: 4,
  0x03: 4,
  0x04: 4,
  0x0a: 4,
  0x0b: 4,
  0x05: 8,
  0x06: 8,
  0x07: 8,
  0x14: 8,
  0x40: 8,
  0x48: 16,
};

/** Values of MAPI properties that are octets or text, by property. Ends at the first that does not fit. */
function* properties(
  octets: Uint8Array,
): Generator<{ id: number; type: number; value: Uint8Array }> {
  let at = 4;
  for (let count = u32(octets, 0); count > 0 && at + 4 <= octets.length; count--) {
    const type = u16(octets, at);
    const id = u16(octets, at + 2);
    at += 4;
    if (id >= 0x8000) { // named: GUID, kind, number or name
      const isName = u32(octets, at + 16) === 1;
      at += 20;
      at += isName ? 4 + Math.ceil(u32(octets, at) / 4) * 4 : 4;
    }
    const isMulti = (type & 0x1000) !== 0;
    const fixed = FIXED[type & 0xfff];
    const isCounted = isMulti || fixed === undefined;
    let values = 1;
    if (isCounted) {
      values = u32(octets, at);
      at += 4;
    }
    for (; values > 0 && at < octets.length; values--) {
      let size = fixed ?? 0;
      if (fixed === undefined) {
        size = u32(octets, at);
        at += 4;
      }
      yield { id, type: type & 0xfff, value: octets.subarray(at, at + size) };
      at += Math.ceil(size / 4) * 4;
    }
  }
}

function text(type: number, value: Uint8Array): string {
  return (type === 0x1f ? new TextDecoder("utf-16le").decode(value) : nameText(value)).replace(
    /\0+$/,
    "",
  );
}

/** Opens TNEF. Checksums are not asked: readers do not either. */
export function* untnef(octets: Uint8Array, context: UnpackContext): Generator<Entry> {
  const { budget } = context;
  let names: string[] = [];
  let contents: Uint8Array[] = [];
  const flush = function* (): Generator<Entry> {
    for (const content of contents) {
      budget.unpacked(content.length);
      yield { names: [...new Set(names)], content };
    }
    names = [];
    contents = [];
  };
  let at = 6;
  while (at + 11 <= octets.length && budget.time()) {
    const attribute = u16(octets, at + 1);
    const size = u32(octets, at + 5);
    const value = octets.subarray(at + 9, at + 9 + size);
    if (octets[at] !== 1 && octets[at] !== 2) break;
    if (attribute === ATTACH_REND_DATA) yield* flush();
    else if (attribute === ATTACH_TITLE) names.push(text(0x1e, value));
    else if (attribute === ATTACH_DATA) contents.push(value);
    else if (attribute === BODY) yield { names: ["body"], content: value, quiet: true };
    else if (attribute === ATTACHMENT || attribute === MESSAGE_PROPERTIES) {
      for (const { id, type, value: own } of properties(value)) {
        if (id === PR_ATTACH_LONG_FILENAME) names.unshift(text(type, own));
        else if (id === PR_ATTACH_FILENAME) names.push(text(type, own));
        // an embedded message stands behind the 16 octets of its interface id
        else if (id === PR_ATTACH_DATA) contents.push(type === 0x0d ? own.subarray(16) : own);
        else if (id === PR_HTML || id === PR_RTF_COMPRESSED) {
          yield { names: ["body"], content: own, quiet: true };
        }
      }
    }
    at += 9 + size + 2;
    if (at - 2 > octets.length) context.note("malformed");
  }
  yield* flush();
  // what follows the last attribute is not TNEF
  const rest = octets.subarray(at);
  if (at < octets.length && rest.some((octet) => octet !== 0)) {
    yield { names: [], content: rest, quiet: true };
  }
}
