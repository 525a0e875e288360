/** Files and text that markup hides from a search: data: URLs, base64 elements, characters written as numbers. */
import { Buffer } from "node:buffer";
import { fileType, fileTypeGroup } from "../detect/file_type.ts";
import { markupText } from "../detect/markup_heuristics.ts";
import { base64Octets } from "./octets.ts";
import type { Entry, UnpackContext } from "./unpacker.ts";

/** RFC 2397; blanks, line ends and percent escapes within the data are tolerated, as browsers do. */
const DATA_URL = /data:([\w.+/-]{0,100})((?:;[\w.=+-]{1,100}){0,5})?,([^"'<>)\\]{16,})/gi;
/** Base64 inside elements: flat OPC, Word 2003 XML. */
const ELEMENT =
  /<(?:\w{1,20}:)?(?:binaryData|binData|docOleData)\b[^>]{0,200}>([A-Za-z0-9+/=\s]{16,})</gi;
/** Base64 in the quotes of a script. */
const QUOTED = /["'`]([A-Za-z0-9+/]{40,}={0,2})["'`]/g;
/** So many characters written as numbers make it worth reading the text again without them. */
const MIN_REFERENCES = 8;

function unescapePercent(text: string): string {
  return text.replace(
    /%([0-9a-f]{2})/gi,
    (_, hex: string) => String.fromCharCode(parseInt(hex, 16)),
  );
}

/** The character of a reference such as `&#88;` or `&#x58;`. */
function decodeReferences(text: string): string {
  return text.replace(
    /&#(?:x([0-9a-f]{1,6})|(\d{1,7}));?/gi,
    (whole, hex: string, decimal: string) => {
      const code = hex ? parseInt(hex, 16) : Number(decimal);
      return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : whole;
    },
  );
}

/** Opens markup. */
export function* unmarkup(octets: Uint8Array, { budget }: UnpackContext): Generator<Entry> {
  const plain = markupText(octets);
  let text = plain;
  const references = plain.includes("&#") ? plain.match(/&#x?[0-9a-f]{1,7};?/gi)?.length ?? 0 : 0;
  if (references >= MIN_REFERENCES) {
    text = decodeReferences(plain);
    const content = new TextEncoder().encode(text);
    budget.unpacked(content.length);
    yield { names: [], content, quiet: true, isText: true };
  } else if (octets[0] === 0xff || octets[0] === 0xfe) {
    const content = new TextEncoder().encode(text);
    budget.unpacked(content.length);
    yield { names: [], content, quiet: true, isText: true };
  }
  for (const [, , options = "", data = ""] of text.matchAll(DATA_URL)) {
    if (!budget.time()) return;
    const raw = unescapePercent(data);
    const isBase64 = /;base64$/i.test(options);
    const content = isBase64 ? base64Octets(raw) : Buffer.from(raw, "latin1");
    yield* file(content, budget);
  }
  if (/\batob\b/.test(text)) {
    for (const [, data = ""] of text.matchAll(QUOTED)) {
      if (!budget.time()) return;
      yield* file(base64Octets(data), budget);
    }
  }
  for (const [, data = ""] of text.matchAll(ELEMENT)) {
    if (!budget.time()) return;
    yield* file(base64Octets(data), budget);
  }
}

/** Entries that are no known kind of file are listed only if something is found in them. */
function* file(content: Uint8Array, budget: UnpackContext["budget"]): Generator<Entry> {
  budget.unpacked(content.length);
  const group = fileTypeGroup(fileType(content));
  // pictures in data: URLs are everywhere
  yield { names: [], content, quiet: group === "media" || group === "other" };
}
