import { latin1 } from "../line_ends.ts";
import { walkHeader } from "../header_walk.ts";
import { MAX_ADDRESS_FIELD, MAX_ADDRESS_OCTETS, MAX_HEADER_OCTETS } from "./limits.ts";

/**
 * The envelope sender of a message that lies in a mailbox: what the delivering server wrote to Return-Path (RFC 5321, section
 * 4.4), else the first address of From. `""` where there is neither, and where the path is `<>`.
 *
 * @param message As the server gave it.
 */
export function senderOf(message: Uint8Array): string {
  const { layout } = walkHeader(message.subarray(0, MAX_HEADER_OCTETS));
  const header = latin1(message, 0, layout.headerEnd);
  const path = field(header, "return-path");
  if (path !== undefined) {
    if (/<\s*>/.test(path)) return "";
    const address = firstAddress(path);
    if (address !== undefined) return address;
  }
  const from = field(header, "from");
  return (from === undefined ? undefined : firstAddress(from)) ?? "";
}

/** Value of the first field of a name, unfolded. */
function field(header: string, name: string): string | undefined {
  for (let at = 0; at < header.length;) {
    const end = header.indexOf("\n", at);
    const next = end === -1 ? header.length : end + 1;
    const colon = header.indexOf(":", at);
    if (colon !== -1 && colon < next && colon - at <= name.length + 20) {
      if (header.slice(at, colon).trimEnd().toLowerCase() === name) {
        return unfolded(header, colon + 1, next);
      }
    }
    at = next;
  }
  return undefined;
}

function unfolded(header: string, start: number, lineEnd: number): string {
  let end = lineEnd;
  while (end - start < MAX_ADDRESS_FIELD && (header[end] === " " || header[end] === "\t")) {
    const lf = header.indexOf("\n", end);
    end = lf === -1 ? header.length : lf + 1;
  }
  return header.slice(start, Math.min(end, start + MAX_ADDRESS_FIELD)).replace(/[\r\n]+/g, " ");
}

/** The first address of a list, comments and display names left out (RFC 5322, section 3.4). */
function firstAddress(text: string): string | undefined {
  let plain = "";
  let depth = 0; // of comments
  for (let i = 0; i < text.length; i++) {
    const char = text[i]!;
    if (char === "\\") {
      if (depth === 0) plain += text.slice(i, i + 2);
      i++;
    } else if (char === "(") depth++;
    else if (char === ")" && depth > 0) depth--;
    else if (depth === 0 && char === '"') {
      const start = i;
      for (i++; i < text.length && text[i] !== '"'; i++) if (text[i] === "\\") i++;
      // A quoted local part belongs to the address, a quoted display name does not.
      if (text[i + 1] === "@") plain += text.slice(start, i + 1);
    } else if (depth === 0) plain += char;
  }
  const open = plain.indexOf("<");
  const close = plain.indexOf(">", open);
  const inner = open !== -1 && close !== -1 ? plain.slice(open + 1, close) : bareAddress(plain);
  return normalised(inner.trim());
}

/** An address without angle brackets: what stands around the first `@`, a quoted local part whole. */
function bareAddress(plain: string): string {
  const at = plain.indexOf("@");
  if (at === -1) return "";
  let start = at;
  if (plain[at - 1] === '"') start = Math.max(0, plain.lastIndexOf('"', at - 2));
  else while (start > 0 && !/[\s,;]/.test(plain[start - 1]!)) start--;
  let end = at;
  while (end < plain.length && !/[\s,;]/.test(plain[end]!)) end++;
  return plain.slice(start, end);
}

/** Local part as given, domain in lower case; `undefined` where it is no address. */
function normalised(address: string): string | undefined {
  const at = address.lastIndexOf("@");
  const wrong = at < 1 || at === address.length - 1 || address.length > MAX_ADDRESS_OCTETS ||
    /[\p{Cc} ]/u.test(address.slice(at)) || /\p{Cc}/u.test(address);
  if (wrong) return undefined;
  // Octets above 127 are UTF-8 (RFC 6532); what is not is left as it is.
  const octets = Uint8Array.from(address, (char) => char.charCodeAt(0));
  const text = new TextDecoder().decode(octets);
  const split = text.lastIndexOf("@");
  return `${text.slice(0, split)}@${text.slice(split + 1).toLowerCase()}`;
}
