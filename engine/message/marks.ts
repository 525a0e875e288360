/** Marks on a message: header fields, a subject prefix, a footnote, spliced in so that every other octet stays as it is. */
import type { MessageLayout, NoticeText, OctetRange } from "../types.ts";
import { footnoteSplices } from "../clean/footnote.ts";
import { Source } from "./source.ts";
import { encodeWords } from "./words.ts";

/** What is to be put on a message. */
export interface Marks {
  /** Fields to be added at the top; names are cut to what a field name may hold, values cannot break the header. */
  readonly fields: readonly { readonly name: string; readonly value: string }[];
  /** Put before the subject unless it is there already; a message without Subject gets one. */
  readonly subjectPrefix?: string;
  /** Put at the end of the texts that are shown first, plain and HTML, where nothing signed or encrypted is touched by it. */
  readonly footnote?: NoticeText;
}

/** A piece of the input that something else takes the place of. */
interface Splice extends OctetRange {
  readonly by: string | Uint8Array;
}

/** Longest line that is made by folding, characters (RFC 5322, section 2.1.1). */
const LINE = 78;

/**
 * Puts marks on a message and cuts the fields of Postern's own names that came with it.
 *
 * @param message As received.
 * @param layout Of exactly these octets.
 * @returns Chunks in order; all but the new text are subarrays of `message`.
 */
export function applyMarks(
  message: Uint8Array,
  layout: MessageLayout,
  marks: Marks,
): readonly Uint8Array[] {
  const top = fieldsStart(message);
  const { lineEnd } = layout;
  let head = "";
  for (const field of marks.fields) head += headerField(field.name, field.value, lineEnd);
  const splices: Splice[] = layout.ownFields.map((range) => ({ ...range, by: "" }));
  const prefix = marks.subjectPrefix === undefined ? "" : printable(marks.subjectPrefix);
  if (prefix.trim() !== "") {
    const { subject } = layout;
    if (subject === undefined) head += headerField("Subject", prefix.trim(), lineEnd);
    else if (!subject.value.startsWith(prefix.trim())) {
      splices.push(subjectSplice(message, subject, prefix, lineEnd));
    }
  }
  if (head !== "") {
    // A message without header begins with its body: the new fields need the empty line that it lacks.
    const first = message[top];
    if (layout.headerEnd <= top && first !== 13 && first !== 10) head += lineEnd;
    splices.push({ start: top, end: top, by: head });
  }
  if (marks.footnote !== undefined) splices.push(...footnoteSplices(message, marks.footnote));
  return splice(message, splices);
}

/** Puts the splices in order and cuts the message around them; overlapping ones are dropped, the first wins. */
function splice(message: Uint8Array, splices: readonly Splice[]): Uint8Array[] {
  if (splices.length === 0) return [message];
  const encoder = new TextEncoder();
  const chunks: Uint8Array[] = [];
  let at = 0;
  for (const one of splices.toSorted((a, b) => a.start - b.start || a.end - b.end)) {
    if (one.start < at || one.end > message.length) continue;
    if (one.start > at) chunks.push(message.subarray(at, one.start));
    const by = typeof one.by === "string" ? encoder.encode(one.by) : one.by;
    if (by.length > 0) chunks.push(by);
    at = one.end;
  }
  if (at < message.length) chunks.push(message.subarray(at));
  return chunks;
}

/** Where the first field begins: behind an mbox `From ` line and a byte order mark. */
function fieldsStart(message: Uint8Array): number {
  const source = new Source(message.subarray(0, 1024), false);
  const text = source.text(0, source.octets.length);
  return /^(?:\xef\xbb\xbf)?(?:>?From [^\n]*\n)?/.exec(text)?.[0].length ?? 0;
}

/** A whole field with line end: RFC 5322, section 2.2; nothing in name or value can begin another field. */
export function headerField(name: string, value: string, lineEnd: string): string {
  const safeName = name.replace(/[^!-9;-~]/g, "").slice(0, 64) || "X-Postern-Mark";
  const text = encodeWords(printable(value).trim(), lineEnd);
  const lines: string[] = [];
  let line = `${safeName}:`;
  for (const word of text.split(/\r?\n ?| /)) {
    for (let rest = word; rest !== "";) {
      const piece = rest.slice(0, 900); // a line has at most 998 characters
      rest = rest.slice(900);
      if (line.length + 1 + piece.length > LINE && line !== `${safeName}:`) {
        lines.push(line);
        line = "";
      }
      line += ` ${piece}`;
    }
  }
  lines.push(line);
  return lines.join(lineEnd) + lineEnd;
}

/** Line ends, NUL and other control characters become blanks; unpaired surrogates are mended. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]+/gu, " ").toWellFormed();
}

/** The prefix goes behind the field's name: what stood there follows it untouched. */
function subjectSplice(
  message: Uint8Array,
  subject: OctetRange,
  prefix: string,
  lineEnd: string,
): Splice {
  const colon = message.indexOf(58, subject.start);
  const at = colon < 0 || colon >= subject.end ? subject.start : colon + 1;
  let next = at;
  while (next < subject.end && (message[next] === 32 || message[next] === 9)) next++;
  const text = encodeWords(prefix.trim(), lineEnd);
  // Between two encoded words a blank is dropped when shown (RFC 2047, section 6.2), so the blank goes into the word.
  const encoded = text.startsWith("=?");
  const word = encoded ? encodeWords(`${prefix.trim()} `, lineEnd) : text;
  return { start: at, end: next, by: ` ${word} ` };
}
