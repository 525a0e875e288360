/** Encoded words of RFC 2047, as strictly and as loosely as mail programs read them. */
import { Buffer } from "node:buffer";
import { lenientBase64 } from "./base64.ts";
import { decodeRaw, decodeText } from "./charsets.ts";

const WORD = /=\?([^?\s]{0,80})\?([bq])\?([^?]*)\?=/gi;
const BETWEEN = /(=\?[^?\s]{0,80}\?[bq]\?[^?]*\?=)\s+(?==\?[^?\s]{0,80}\?[bq]\?[^?]*\?=)/gi;

/**
 * Decodes the encoded words of a header text.
 *
 * @param text Unfolded, a character an octet.
 * @returns Text for people; 8-bit octets outside words are read as UTF-8, else Windows-1252. Adjacent words of one charset are
 * joined before decoding, since many mailers split characters (RFC 2047, section 5 forbids it).
 */
export function decodeWords(text: string): string {
  if (!text.includes("=?")) return decodeRaw(text);
  const joined = text.replace(BETWEEN, "$1");
  let out = "";
  let last = 0;
  let pending: { charset: string; octets: Buffer[] } | undefined;
  const flush = () => {
    if (pending === undefined) return;
    out += decodeText(Buffer.concat(pending.octets), pending.charset);
    pending = undefined;
  };
  for (const match of joined.matchAll(WORD)) {
    const between = joined.slice(last, match.index);
    if (between !== "") {
      flush();
      out += decodeRaw(between);
    }
    last = match.index + match[0].length;
    const charset = match[1]!.toLowerCase();
    if (pending !== undefined && pending.charset !== charset) flush();
    pending ??= { charset, octets: [] };
    pending.octets.push(wordOctets(match[2]!, match[3]!));
  }
  flush();
  return out + decodeRaw(joined.slice(last));
}

function wordOctets(encoding: string, text: string): Buffer {
  if (encoding.toLowerCase() === "b") {
    return Buffer.from(lenientBase64(Buffer.from(text, "latin1")));
  }
  return Buffer.from(
    text.replaceAll("_", " ").replace(
      /=([0-9a-f]{2})/gi,
      (_all, hex: string) => String.fromCharCode(parseInt(hex, 16)),
    ),
    "latin1",
  );
}

/**
 * Text for reports: control characters, NUL and bidirectional marks gone, blanks in a row as one, cut at `most` characters.
 */
export function tidyText(text: string, most: number): string {
  const tidy = text.replace(/[\t\r\n]+/g, " ")
    .replace(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069\ufffe\uffff]/gu, "").trim();
  return tidy.length <= most ? tidy : tidy.slice(0, most).toWellFormed();
}

/** One encoded word or several, folded, for a header value; printable ASCII without `=?` is returned as it is. RFC 2047, section 5. */
export function encodeWords(text: string, lineEnd: string): string {
  const clean = text.replace(/[\p{Cc}]+/gu, " ").toWellFormed();
  if (/^[\x20-\x7e]*$/.test(clean) && !clean.includes("=?")) return clean;
  const words: string[] = [];
  let chunk = "";
  const encoder = new TextEncoder();
  let size = 0;
  const flush = () => {
    if (chunk !== "") words.push(`=?UTF-8?B?${Buffer.from(chunk, "utf8").toString("base64")}?=`);
    chunk = "";
    size = 0;
  };
  for (const character of clean) {
    const octets = encoder.encode(character).length;
    if (size + octets > 45) flush(); // 45 octets make 60 characters: a word has at most 75
    chunk += character;
    size += octets;
  }
  flush();
  return words.join(`${lineEnd} `);
}
