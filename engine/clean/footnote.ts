/**
 * A footnote in the texts that people see first, plain and HTML. Nothing that a signature or encryption covers is touched, nothing
 * that programs read differently, and of an encoded part only its own octets are written anew.
 */
import { Buffer } from "node:buffer";
import { Budget } from "../budget.ts";
import { readMessage } from "../message/read.ts";
import type { MessageReading, PartReading } from "../message/types.ts";
import type { NoticeText, OctetRange, ScanLimits } from "../types.ts";
import { htmlEnd } from "./html_end.ts";
import { messageLanguage, noticeIn } from "./language.ts";
import { noticeLines } from "./notice.ts";
import { base64Lines, quoteText } from "./quote.ts";
import { encodeText, toAscii } from "./transliterate.ts";

/** Octets of a message that are replaced. */
export interface Splice extends OctetRange {
  readonly by: Uint8Array;
}

const LIMITS: ScanLimits = {
  messageOctets: Number.MAX_SAFE_INTEGER,
  depth: 1,
  files: 1_000,
  octets: 64 * 1024 * 1024,
  ratio: 1_000,
  timeMs: 5_000,
};

/** Types whose parts must not be touched, since a signature or encryption covers them. */
const SEALED =
  /^(?:multipart\/(?:signed|encrypted|x-pgp.*)|application\/(?:x-)?pkcs7-(?:mime|signature)|application\/pgp(?:-encrypted|-signature)?)$/;

/** OpenPGP in the text itself: RFC 9580, section 6.2. */
const INLINE_PGP = /^-----BEGIN PGP /m;

/** Charsets in which an octet of ASCII does not always stand for itself. */
const NOT_ASCII = /^(?:utf-?(?:7|16|32)|ucs|unicode|hz|iso-2022|ebcdic|ibm(?:037|500|1047)|cp037)/;

/**
 * Finds what is to be changed.
 *
 * @returns In order; empty where the footnote cannot be put anywhere safely: no text that is shown first, a signed or encrypted
 * message, a message that is read in more than one way, a charset that it does not fit.
 */
export function footnoteSplices(message: Uint8Array, footnote: NoticeText): readonly Splice[] {
  const reading = readMessage(message, new Budget(LIMITS));
  if (reading.ambiguities.length > 0) return [];
  const text = noticeIn(footnote, () => messageLanguage(reading));
  const lines = footnoteLines(text);
  if (lines.length === 0) return [];
  const splices: Splice[] = [];
  for (const part of shownFirst(reading.root)) {
    const splice = intoPart(message, reading, part, lines);
    if (splice !== undefined) splices.push(splice);
  }
  if (splices.length === 0) return [];
  const after = readMessage(spliced(message, splices), new Budget(LIMITS));
  return after.ambiguities.length === 0 && after.parts.length === reading.parts.length
    ? splices
    : [];
}

/** The octets with the splices done; they are in order and do not overlap. */
export function spliced(message: Uint8Array, splices: readonly Splice[]): Uint8Array {
  const chunks: Uint8Array[] = [];
  let at = 0;
  for (const { start, end, by } of splices) {
    chunks.push(message.subarray(at, start), by);
    at = end;
  }
  chunks.push(message.subarray(at));
  return new Uint8Array(Buffer.concat(chunks));
}

/** Lines that are no structure to anyone; the usual `-- ` of a signature stays. */
function footnoteLines(text: string): readonly string[] {
  const lines = text.replace(/\r\n?/g, "\n").split("\n");
  const safe = noticeLines(text);
  return safe.map((line, i) => lines[i] === "-- " ? "-- " : line);
}

/** The texts that a reader shows when it opens the message: its first part, or every alternative of it. */
function shownFirst(part: PartReading): readonly PartReading[] {
  const [type = "text/plain"] = part.declaredTypes;
  if (part.declaredTypes.some((one) => SEALED.test(one)) || part.attachment) return [];
  if (part.kind === "multipart") {
    const children = part.children.filter(({ kind }) => kind !== "preamble" && kind !== "epilogue");
    const shown = type === "multipart/alternative" ? children : children.slice(0, 1);
    return shown.flatMap(shownFirst);
  }
  const isText = part.kind === "leaf" && (type === "text/plain" || type === "text/html");
  return isText && part.names.length === 0 && part.children.length === 0 ? [part] : [];
}

function intoPart(
  message: Uint8Array,
  reading: MessageReading,
  part: PartReading,
  lines: readonly string[],
): Splice | undefined {
  const [content] = part.contents;
  if (!part.inMessage || content === undefined || part.contents.length !== 1) return undefined;
  if (part.charsets.length > 1 || NOT_ASCII.test(part.charsets[0] ?? "") && !isIso2022(part)) {
    return undefined;
  }
  const { octets } = content;
  if (
    INLINE_PGP.test(Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString("latin1"))
  ) {
    return undefined;
  }
  const { lineEnd } = reading.layout;
  const html = part.declaredTypes[0] === "text/html";
  if (html && isIso2022(part)) return undefined;
  const { start, end } = part.bodyRange;
  switch (content.reading) {
    case "identity": {
      const added = html
        ? inHtml(octets, lines, lineEnd)
        : inText(octets, part, lines, lineEnd, true);
      if (added === undefined) return undefined;
      const at = octets.byteOffset - message.byteOffset + added.at;
      return { start: at, end: at, by: added.octets };
    }
    case "quoted-printable": {
      const added = html
        ? inHtml(octets, lines, "\r\n")
        : inText(octets, part, lines, "\r\n", false);
      if (added === undefined) return undefined;
      if (html) {
        return {
          start,
          end,
          by: ascii(quoteText(joined(octets, added), lineEnd)),
        };
      }
      // What is there stays as it is: a soft line break at its end is ended first.
      const raw = Buffer.from(message.subarray(Math.max(start, end - 4), end)).toString("latin1");
      const before = /=[ \t]*\r?\n$/.test(raw)
        ? lineEnd
        : /=[ \t]*$/.test(raw)
        ? lineEnd + lineEnd
        : "";
      const more = added.octets.subarray(before !== "" ? leadingLineEnd(added.octets) : 0);
      return { start: end, end, by: ascii(before + quoteText(more, lineEnd)) };
    }
    case "base64": {
      const own = Buffer.from(octets.buffer, octets.byteOffset, octets.length).includes("\r\n") ||
          !octets.includes(10)
        ? "\r\n"
        : "\n";
      const added = html ? inHtml(octets, lines, own) : inText(octets, part, lines, own, false);
      if (added === undefined) return undefined;
      return {
        start,
        end,
        by: ascii(base64Lines(joined(octets, added), lineEnd) + tail(message, end)),
      };
    }
    default:
      return undefined;
  }
}

/** Octets to be added at a place of a content. */
interface Added {
  readonly at: number;
  readonly octets: Uint8Array;
}

function inText(
  octets: Uint8Array,
  part: PartReading,
  lines: readonly string[],
  lineEnd: string,
  unencoded: boolean,
): Added | undefined {
  const ends = octets.length === 0 || octets.at(-1) === 10;
  // 8-bit octets are only added, unencoded, where there are some: the part may have promised that there are none.
  const eight = !unencoded || octets.some((octet) => octet > 127);
  const text = `${ends ? "" : lineEnd}${lineEnd}${lines.join(lineEnd)}${lineEnd}`;
  const encoded = encodeText(
    eight ? text : toAscii(text),
    part.charsets[0],
    octets.subarray(-4096),
  );
  return encoded === undefined ? undefined : { at: octets.length, octets: encoded };
}

function inHtml(octets: Uint8Array, lines: readonly string[], lineEnd: string): Added | undefined {
  const page = Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString("latin1");
  const at = htmlEnd(page);
  if (at === undefined) return undefined;
  const shown = lines.filter((line, i) => !(i === 0 && line === "-- "))
    .map((line) => line.replace(/[&<>"']|[^\x20-\x7e]/gu, (one) => `&#${one.codePointAt(0)};`));
  const markup = `${lineEnd}<hr><p class="postern-footnote">${
    shown.join(`<br>${lineEnd}`)
  }</p>${lineEnd}`;
  return { at, octets: ascii(markup) };
}

function isIso2022({ charsets }: PartReading): boolean {
  return /^iso-2022-/.test(charsets[0] ?? "");
}

function joined(octets: Uint8Array, { at, octets: added }: Added): Uint8Array {
  return new Uint8Array(Buffer.concat([octets.subarray(0, at), added, octets.subarray(at)]));
}

/** The line end that a body ended with. */
function tail(message: Uint8Array, end: number): string {
  if (message[end - 1] !== 10) return "";
  return message[end - 2] === 13 ? "\r\n" : "\n";
}

function leadingLineEnd(octets: Uint8Array): number {
  return octets[0] === 13 && octets[1] === 10 ? 2 : octets[0] === 10 ? 1 : 0;
}

function ascii(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "latin1"));
}
