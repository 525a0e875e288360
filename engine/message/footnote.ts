/** Where a footnote can be put without breaking anything: the end of a message's plain text. */
import { Budget } from "../budget.ts";
import { readMessage } from "./read.ts";
import type { PartReading } from "./types.ts";

const LIMITS = {
  messageOctets: Number.MAX_SAFE_INTEGER,
  depth: 1,
  files: 1_000,
  octets: 64 * 1024 * 1024,
  ratio: 1_000,
  timeMs: 1_000,
};

/** Types whose parts must not be touched, since a signature or encryption covers them. */
const SEALED =
  /^(?:multipart\/(?:signed|encrypted)|application\/(?:x-)?pkcs7-(?:mime|signature)|application\/pgp-(?:encrypted|signature))$/;

/**
 * Finds the place.
 *
 * @returns Offset into the message and the text to put there; undefined where it cannot be done safely: no plain text, text in
 * base64, anything signed or encrypted in the message, or a message that is read in more than one way.
 */
export function footnotePlace(
  message: Uint8Array,
  footnote: string,
): { readonly at: number; readonly text: string } | undefined {
  const reading = readMessage(message, new Budget(LIMITS));
  if (reading.ambiguities.length > 0) return undefined;
  if (reading.parts.some((part) => part.declaredTypes.some((type) => SEALED.test(type)))) {
    return undefined;
  }
  const part = firstText(reading.root);
  if (part === undefined || part.contents.length !== 1) return undefined;
  const lineEnd = reading.layout.lineEnd;
  const [content] = part.contents;
  const text = footnote.replace(/\r\n?|\n/g, "\n").replace(/(?!\n)\p{Cc}/gu, " ").toWellFormed()
    .replaceAll("\n", lineEnd);
  const octets = message.subarray(part.bodyRange.start, part.bodyRange.end);
  const inFront = endsLine(octets) ? "" : lineEnd;
  // A line of dashes must not be taken for a delimiter: what begins with two gets a bar, but for the usual "-- ".
  const safe = text.split(lineEnd).map((line) => /^--(?! ?$)/.test(line) ? `| ${line}` : line)
    .join(lineEnd).trimEnd();
  if (content!.reading === "identity") {
    const ascii = /^[\t\r\n\x20-\x7e]*$/.test(safe);
    const utf8 = part.charsets.length === 1 && part.charsets[0] === "utf-8";
    if (!ascii && !utf8) return undefined;
    return { at: part.bodyRange.end, text: `${inFront}${lineEnd}${safe}${lineEnd}` };
  }
  if (content!.reading === "quoted-printable") {
    const charset = part.charsets[0];
    if (!/^[\t\r\n\x20-\x7e]*$/.test(safe) && charset !== "utf-8") return undefined;
    return {
      at: part.bodyRange.end,
      text: `${inFront}${lineEnd}${quote(safe, lineEnd)}${lineEnd}`,
    };
  }
  return undefined;
}

function endsLine(octets: Uint8Array): boolean {
  return octets.length === 0 || octets.at(-1) === 10;
}

/** The text that people see first: text/plain, not an attachment, in the message itself or its first parts. */
function firstText(part: PartReading): PartReading | undefined {
  if (part.attachment || part.kind === "preamble" || part.kind === "message") return undefined;
  if (part.kind === "leaf") {
    const type = part.declaredTypes[0] ?? "text/plain";
    return type === "text/plain" && part.inMessage && part.children.length === 0 ? part : undefined;
  }
  if (part.kind !== "multipart") return undefined;
  const [first] = part.children.filter((child) => child.kind !== "preamble");
  return first === undefined ? undefined : firstText(first);
}

/** Quoted-printable of a text, lines of at most 76 characters: RFC 2045, section 6.7. */
function quote(text: string, lineEnd: string): string {
  const encoder = new TextEncoder();
  return text.split(lineEnd).map((line) => {
    let out = "", column = 0;
    const octets = encoder.encode(line);
    for (const [i, octet] of octets.entries()) {
      const last = i === octets.length - 1;
      const plain = octet > 32 && octet < 127 && octet !== 61 || octet === 32 && !last;
      const piece = plain
        ? String.fromCharCode(octet)
        : `=${octet.toString(16).toUpperCase().padStart(2, "0")}`;
      if (column + piece.length > 75) {
        out += `=${lineEnd}`;
        column = 0;
      }
      out += piece;
      column += piece.length;
    }
    return out;
  }).join(lineEnd);
}
