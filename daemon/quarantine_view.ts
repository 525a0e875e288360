/** What people are shown of a quarantined message's octets: nothing that a terminal or a page could obey. */
import { decodeWords } from "../engine/message/words.ts";
import { cutText, escapeText } from "./log/escape.ts";

/** Octets of header that are looked at. */
const HEADER_OCTETS = 65_536;
/** Fields that are shown. */
const FIELDS = 200;
/** Characters of one field, before and after it is decoded. */
const FIELD_CHARACTERS = 2_000;
/** Octets of the body that are shown. */
const BODY_OCTETS = 2_000;

/** A message for people; every text is one line of visible characters (see daemon/log/escape.ts). */
export interface MessageView {
  /** Fields in order, values unfolded and decoded (RFC 2047). */
  readonly header: readonly { readonly name: string; readonly value: string }[];
  /** True where the message has more fields than are shown. */
  readonly headerCut: boolean;
  /** First lines of the body as they stand on the wire, not decoded. */
  readonly body: readonly string[];
  /** Octets of the body that are not shown. */
  readonly bodyCut: number;
}

/** Octets as characters of the same number, so that nothing is lost before it is escaped. */
function latin1(octets: Uint8Array): string {
  let text = "";
  for (let at = 0; at < octets.length; at += 8192) {
    text += String.fromCharCode(...octets.subarray(at, at + 8192));
  }
  return text;
}

/** Where the body begins: after the first empty line, however its lines end; -1 where there is none. */
function bodyStart(octets: Uint8Array): number {
  const most = Math.min(octets.length, HEADER_OCTETS);
  for (let at = 0; at < most; at++) {
    if (octets[at] !== 0x0a) continue;
    if (octets[at + 1] === 0x0a) return at + 2;
    if (octets[at + 1] === 0x0d && octets[at + 2] === 0x0a) return at + 3;
  }
  return -1;
}

/** Makes the view; reads {@link HEADER_OCTETS} and {@link BODY_OCTETS} at most, whatever the message's size. */
export function viewMessage(octets: Uint8Array): MessageView {
  const start = bodyStart(octets);
  const headerEnd = start < 0 ? Math.min(octets.length, HEADER_OCTETS) : start;
  const lines = latin1(octets.subarray(0, headerEnd)).split(/\r?\n/);
  const fields: string[] = [];
  for (const line of lines) {
    if (line === "") continue;
    const last = fields.length - 1;
    if (/^[ \t]/.test(line) && last >= 0) fields[last] = `${fields[last]} ${line.trim()}`;
    else fields.push(line);
  }
  const body = octets.subarray(headerEnd, headerEnd + BODY_OCTETS);
  return {
    header: fields.slice(0, FIELDS).map(viewField),
    headerCut: fields.length > FIELDS || (start < 0 && octets.length > HEADER_OCTETS),
    body: latin1(body).split(/\r?\n/).map(escapeText),
    bodyCut: octets.length - headerEnd - body.length,
  };
}

function viewField(field: string): { name: string; value: string } {
  const colon = field.indexOf(":");
  const name = colon < 0 ? "" : field.slice(0, colon);
  const raw = cutText(field.slice(colon + 1).trim(), FIELD_CHARACTERS);
  return {
    name: escapeText(cutText(name.trim(), 200)),
    value: escapeText(cutText(decodeWords(raw), FIELD_CHARACTERS)),
  };
}
