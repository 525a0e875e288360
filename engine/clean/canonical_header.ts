/** Header fields that everyone reads the same way. */
import { Buffer } from "node:buffer";
import type { PartReading } from "../message/types.ts";
import type { OctetRange } from "../types.ts";
import { MAX_KEPT_NAME } from "./limits.ts";
import { toAscii } from "./transliterate.ts";

/** Longest line, octets: RFC 5322, section 2.1.1. */
const MAX_LINE = 998;

/**
 * The fields of a message that do not describe its content, in their order: folds and line ends made plain, NUL and other control
 * characters gone, lines that are no field left out.
 */
export function canonicalHeader(source: Uint8Array, range: OctetRange): Uint8Array {
  const text = Buffer.from(source.buffer, source.byteOffset, source.byteLength)
    .toString("latin1", range.start, range.end);
  const fields: string[] = [];
  let keeping = false;
  for (const raw of text.split(/\r\n|\n|\r/)) {
    const line = raw.replace(/(?![\t\x80-\x9f])\p{Cc}/gu, "").trimEnd();
    if (/^[ \t]/.test(raw)) {
      if (keeping && line.trim() !== "") fields.push(...pieces(` ${line.trim()}`));
      continue;
    }
    const field = /^([a-z0-9][\w.-]{0,75})[ \t]*:(.*)$/is.exec(line);
    keeping = field !== null && !/^(?:content-|mime-version$)/i.test(field[1]!);
    if (keeping && field !== null) fields.push(...pieces(`${field[1]}:${field[2]}`));
  }
  return Buffer.from(fields.map((line) => `${line}\r\n`).join(""), "latin1");
}

/** A line as lines that are not too long. */
function pieces(line: string): string[] {
  if (line.length <= MAX_LINE) return [line];
  const out: string[] = [];
  for (let at = 0; at < line.length; at += MAX_LINE - 1) {
    out.push(`${at === 0 ? "" : " "}${line.slice(at, at + MAX_LINE - 1)}`);
  }
  return out;
}

/** Content-* fields of one content in base64, ending with a line end. */
export function partFields(part: PartReading, octets: Uint8Array): string {
  const [name] = part.names;
  const fields: string[] = [];
  const type = contentType(part, octets);
  const charset = /^text\//.test(type) ? charsetOf(part) : "";
  fields.push(`Content-Type: ${type}${charset}`);
  fields.push("Content-Transfer-Encoding: base64");
  if (name !== undefined) {
    fields.push("Content-Disposition: attachment", ...nameParameter(name));
  } else if (!/^text\//.test(type) || part.attachment) {
    fields.push("Content-Disposition: attachment");
  }
  const lines = fields.join("\r\n").replace(/attachment\r\n /, "attachment;\r\n ");
  return `${lines}\r\n`;
}

/** A type that shows the content and does nothing else with it. */
function contentType(part: PartReading, octets: Uint8Array): string {
  const [type] = part.declaredTypes;
  const bare = part.kind === "preamble" || part.kind === "epilogue" || type === undefined;
  if (bare || /^(?:multipart|message)\//.test(type)) {
    return octets.includes(0) || part.kind === "embedded"
      ? "application/octet-stream"
      : "text/plain";
  }
  return /^[a-z0-9][a-z0-9.+_-]{0,62}\/[a-z0-9][a-z0-9.+_-]{0,62}$/.test(type)
    ? type
    : "application/octet-stream";
}

function charsetOf({ charsets: [charset] }: PartReading): string {
  return charset !== undefined && /^[a-z0-9][a-z0-9._:-]{0,39}$/.test(charset)
    ? `; charset="${charset}"`
    : "";
}

/**
 * The name once as ASCII and, where that is not all of it, once as RFC 2231 has it. What would be another name to another reader
 * (quotes, backslashes, marks that turn the direction of text, dots and blanks at the end) is left out.
 */
function nameParameter(name: string): string[] {
  const safe = name.toWellFormed().normalize("NFC").replace(
    /[\p{Cc}\p{Cf}\u2028\u2029\u2400"\\]/gu,
    "",
  )
    .replace(/^.*[/]/s, "").replace(/=\?|\?=/g, "_").replace(/[\s.]+$/, "").trim();
  const kept = safe.length > 2 * MAX_KEPT_NAME
    ? safe.slice(-2 * MAX_KEPT_NAME).toWellFormed()
    : safe;
  if (kept === "") return [' filename="file"'];
  if (toAscii(kept) === kept) return [` filename="${kept}"`];
  const octets = [...new TextEncoder().encode(kept)]
    .map((octet) =>
      /[A-Za-z0-9._-]/.test(String.fromCharCode(octet))
        ? String.fromCharCode(octet)
        : `%${octet.toString(16).toUpperCase().padStart(2, "0")}`
    ).join("");
  return [` filename*=UTF-8''${octets}`];
}
