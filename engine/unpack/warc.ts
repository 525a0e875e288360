/**
 * WARC: records of a header and octets, mostly what web servers answered.
 *
 * @see ISO 28500; RFC 9112, 7.1 for chunks
 */
import { latin1Text } from "../latin1.ts";
import { concat } from "./octets.ts";
import type { Entry, UnpackContext } from "./unpacker.ts";

/** Longest header of a record or an answer, octets. */
const MAX_HEADER = 64 << 10;

/** A header's text and where what follows it begins; `undefined` where it has no end. */
function header(octets: Uint8Array, at: number): { text: string; end: number } | undefined {
  const text = latin1Text(octets.subarray(at, at + MAX_HEADER));
  const found = /\r?\n\r?\n/.exec(text);
  return found
    ? { text: text.slice(0, found.index), end: at + found.index + found[0].length }
    : undefined;
}

function field(text: string, name: string): string | undefined {
  return new RegExp(`^${name}:[ \\t]*(.*?)[ \\t]*\\r?$`, "im").exec(text)?.[1];
}

/** Puts chunks together; what is no chunk any more ends it. */
function unchunk(octets: Uint8Array): Uint8Array {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < octets.length;) {
    const size = /^([0-9a-f]{1,8})[^\n]{0,1000}\n/i.exec(
      latin1Text(octets.subarray(at, at + 1024)),
    );
    if (!size) break;
    at += size[0].length;
    const length = parseInt(size[1] ?? "0", 16);
    if (length === 0) break;
    pieces.push(octets.subarray(at, at + length));
    at += length + 2;
  }
  return concat(pieces);
}

/** Opens WARC. */
export function* unwarc(octets: Uint8Array, context: UnpackContext): Generator<Entry> {
  const { budget } = context;
  let at = 0;
  while (at < octets.length && budget.time()) {
    const record = header(octets, at);
    if (!record || !/^WARC\/\d/.test(record.text)) {
      const rest = octets.subarray(at);
      if (rest.some((octet) => octet > 32)) context.note("malformed");
      return;
    }
    const length = Number(field(record.text, "Content-Length") ?? NaN);
    if (!Number.isSafeInteger(length) || length < 0) return context.note("malformed");
    const end = record.end + length;
    const uri = field(record.text, "WARC-Target-URI") ?? "";
    const type = field(record.text, "Content-Type") ?? "";
    let content = octets.subarray(record.end, end);
    const answer = /^application\/http\b/i.test(type) ? header(content, 0) : undefined;
    if (answer) {
      content = content.subarray(answer.end);
      if (/chunked/i.test(field(answer.text, "Transfer-Encoding") ?? "")) {
        content = unchunk(content);
        budget.unpacked(content.length);
      }
    }
    const name = uri.replace(/[?#].*$/s, "").replace(/^.*\//s, "");
    const cut = end > octets.length;
    if (cut) budget.breach("malformed");
    if (content.length > 0 || cut) {
      const names = name ? [name] : [];
      yield { names, content, ...(cut ? { notScanned: "malformed" } : {}) };
    } else budget.file();
    at = end;
    while (octets[at] === 13 || octets[at] === 10) at++;
  }
}
