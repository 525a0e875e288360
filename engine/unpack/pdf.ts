/**
 * PDF: every stream, found by its words and not by the cross-reference table, which readers rebuild when it is wrong.
 *
 * @see ISO 32000-1, 7.3.8 streams, 7.6 encryption
 */
import { limitReason, outputLimit } from "./bounds.ts";
import { latin1Text } from "../latin1.ts";
import { fittingPassword } from "./passwords.ts";
import { PDF_FILTERS } from "./pdf_filters.ts";
import { type PdfCipher, pdfCipher } from "./pdf_cipher.ts";
import { pdfActions } from "./pdf_actions.ts";
import type { Entry, UnpackContext } from "./unpacker.ts";

/** A dictionary before a stream is looked for so far back, characters. */
const MAX_DICTIONARY = 16 << 10;
/** Filters in a row; more are only made to cost. */
const MAX_FILTERS = 8;

const BLANK = /\s/;

/** Names may be written with `#` and two hex digits (7.3.5). */
function plainNames(text: string): string {
  return text.replace(
    /#([0-9a-f]{2})/gi,
    (_, hex: string) => String.fromCharCode(parseInt(hex, 16)),
  );
}

interface PdfStream {
  readonly dictionary: string;
  readonly object: number;
  readonly generation: number;
  readonly data: Uint8Array;
}

/** The last `12 0 obj` of a text, looked for from its end: what is before it can be long. */
function lastObject(text: string): { number: number; generation: number; end: number } | undefined {
  for (let at = text.lastIndexOf("obj"); at > 0; at = text.lastIndexOf("obj", at - 1)) {
    if (/\w/.test(text.charAt(at + 3))) continue;
    const second = wordBefore(text, at);
    const first = wordBefore(text, second.start);
    if (!/^\d{1,5}$/.test(second.word) || !/^\d{1,10}$/.test(first.word)) continue;
    return { number: Number(first.word), generation: Number(second.word), end: at + 3 };
  }
  return undefined;
}

/** The word before the white space before `at`, empty where there is none; of a long one the end. */
function wordBefore(text: string, at: number): { word: string; start: number } {
  let end = at;
  while (end > 0 && BLANK.test(text.charAt(end - 1))) end--;
  let start = end;
  if (end < at) {
    while (start > 0 && end - start < 16 && !BLANK.test(text.charAt(start - 1))) start--;
  }
  return { word: text.slice(start, end), start };
}

function* streams(octets: Uint8Array, text: string): Generator<PdfStream> {
  const word = /\bstream(\r\n|\n|\r)?/g;
  for (let found = word.exec(text); found; found = word.exec(text)) {
    if (text.startsWith("end", found.index - 3)) continue;
    const before = text.slice(Math.max(0, found.index - MAX_DICTIONARY), found.index);
    const head = lastObject(before);
    const dictionary = plainNames(before.slice(head?.end ?? 0));
    const start = word.lastIndex;
    const told = /\/Length\s+(\d{1,10})(?!\s+\d+\s+R)/.exec(dictionary);
    const toldEnd = start + Number(told?.[1] ?? 0);
    const isTrue = told !== null && /^\s*endstream/.test(text.slice(toldEnd, toldEnd + 16));
    const next = isTrue ? toldEnd : text.indexOf("endstream", start);
    const end = next < 0 ? text.length : next;
    yield {
      dictionary,
      object: head?.number ?? 0,
      generation: head?.generation ?? 0,
      data: octets.subarray(start, end),
    };
    word.lastIndex = Math.max(word.lastIndex, end);
  }
}

/** Names after /Filter, in order. */
function filtersOf(dictionary: string): readonly string[] {
  const found = /\/(?:Filter|F)\s*(\[[^\]]*\]|\/\w+)/.exec(dictionary);
  return (found?.[1]?.match(/\/\w+/g) ?? []).map((name) => name.slice(1));
}

/** Opens PDF. Streams are many and mostly pages: listed are those that are files or hold something else than text. */
export function* unpdf(octets: Uint8Array, context: UnpackContext): Generator<Entry> {
  const { budget } = context;
  const text = latin1Text(octets);
  let isAsked = false;
  const cipher = pdfCipher(octets, text, (open) =>
    fittingPassword(context, [""], (password) => {
      const key = open(password);
      isAsked = key !== undefined && password !== "";
      return key;
    }));
  if (cipher?.isLocked) context.note("encrypted");
  const objects: string[] = [];
  for (const stream of streams(octets, text)) {
    if (!budget.time()) return;
    const filters = filtersOf(stream.dictionary);
    const isFile = /\/Type\s*\/EmbeddedFile\b/.test(stream.dictionary);
    if (filters.length === 0 && !isFile && cipher === undefined) continue; // was searched as it is
    const decoded = decode(stream, filters, cipher, context, octets.length);
    if (!decoded) continue;
    if (/\/ObjStm\b/.test(stream.dictionary)) objects.push(latin1Text(decoded.content));
    const marks = { ...(isAsked ? { encrypted: true } : {}), ...(isFile ? {} : { quiet: true }) };
    yield { names: [], ...decoded, ...marks };
  }
  for (const name of pdfActions(text, objects)) context.suspect?.(name);
}

function decode(
  stream: PdfStream,
  filters: readonly string[],
  cipher: PdfCipher | undefined,
  { budget }: UnpackContext,
  packed: number,
): Pick<Entry, "notScanned"> & { content: Uint8Array } | undefined {
  let content = cipher ? cipher.decrypt(stream.data, stream) : stream.data;
  if (!content) return undefined;
  for (const name of filters.slice(0, MAX_FILTERS)) {
    if (name === "Crypt") continue; // undone above
    const filter = Object.hasOwn(PDF_FILTERS, name) ? PDF_FILTERS[name] : undefined;
    if (!filter) return undefined; // a picture
    const filtered = filter(content, outputLimit(budget, packed));
    content = filtered.octets;
    budget.unpacked(content.length);
    if (filtered.isOver) return { content, notScanned: limitReason(budget, packed) };
  }
  return { content };
}
