/** Whether octets are a message, whatever their name or declared type says. */
import { begins, isWhite } from "./lines.ts";
import { Source } from "./source.ts";

/** Octets at the start that are looked at. */
const PROBE = 8_192;

/** Lines that are looked at. */
const MAX_LINES = 200;

/** Fields that make a message (RFC 5322 and what transport adds), and those that only mail and its like have. */
const TELLING =
  /^(?:return-path|received|delivered-to|from|to|cc|bcc|subject|date|message-id|mime-version|reply-to|sender|in-reply-to|references|content-(?:type|transfer-encoding|disposition)|x-[a-z0-9-]+|dkim-signature|arc-[a-z-]+|authentication-results|list-[a-z-]+|resent-[a-z-]+|errors-to|importance|priority|organization|user-agent|newsgroups|path|lines|xref|delivery-date|envelope-to|received-spf)$/;
const STRONG =
  /^(?:return-path|received|delivered-to|from|to|subject|date|message-id|mime-version|content-type|content-transfer-encoding|newsgroups)$/;

/**
 * Whether octets read as a message: header fields from the first line on (an mbox `From ` line, a byte order mark, empty lines and
 * a few odd lines are passed over), of which at least two are such as mail has, or one that says it all. A body part that lost
 * the header around it counts too. Looks at the first 8 KiB only.
 */
export function looksLikeMail(octets: Uint8Array): boolean {
  if (!mayBeginMail(octets)) return false;
  const source = new Source(octets.subarray(0, PROBE), false);
  const first = source.octets[0] ?? 0;
  // What begins with a control character, or a magic number above ASCII, is no mail; a byte order mark is passed over.
  if (first < 9 && first !== 0) return false;
  const text = source.text(0, source.octets.length).replace(/^(?:\xef\xbb\xbf|\0|\s)+/, "");
  if (/^--[^\s]{1,70}(?:\r\n?|\n)content-[a-z-]+:/i.test(text)) return true;
  let strong = 0, telling = 0, other = 0, junk = 0;
  let mime = false;
  let at = 0; // one line after the other: most texts that are no mail show it in the first
  for (let i = 0; i < MAX_LINES && at <= text.length; i++) {
    const end = lineEnd(text, at);
    const line = text.slice(at, end);
    at = end + (text[end] === "\r" && text[end + 1] === "\n" ? 2 : 1);
    if (line === "") break;
    if (line[0] === " " || line[0] === "\t") continue;
    if (i === 0 && /^>?From /.test(line)) {
      telling++;
      continue;
    }
    const name = /^([!-9;-~]{1,76}?)[ \t]*(?:\([^)]*\)[ \t]*)?:/.exec(line)?.[1]?.toLowerCase();
    if (name === undefined) {
      if (++junk > 2 || telling === 0) return false;
    } else if (TELLING.test(name)) {
      telling++;
      if (STRONG.test(name)) strong++;
      if (name === "content-type") mime ||= /:\s*[\w.+-]+\/[\w.+-]+\s*(?:;|$)/.test(line);
      if (name === "from" || name === "return-path") mime ||= /\S@\S/.test(line);
    } else if (++other > 20 && telling === 0) return false;
  }
  if (mime && telling === 1 && junk === 0 && other === 0) return true; // a header of one field
  return strong >= 1 && telling >= 2 && telling + 2 >= other;
}

const COLON = 58, DASH = 45, PARENTHESIS = 40, SPACE = 32, TAB = 9;

/** Whether the first line may be one of mail, by its octets alone: most that is no mail shows it there, and need not become a string. */
function mayBeginMail(octets: Uint8Array): boolean {
  const most = Math.min(octets.length, PROBE);
  let at = 0;
  for (;;) {
    if (octets[at] === 0xef && octets[at + 1] === 0xbb && octets[at + 2] === 0xbf) at += 3;
    else if (at < most && (octets[at] === 0 || isWhite(octets[at]!))) at++;
    else break;
  }
  if (octets[at] === DASH || begins(octets, at, "from ") || begins(octets, at, ">from ")) {
    return true;
  }
  for (; at < most; at++) {
    const octet = octets[at]!;
    if (octet === COLON || octet === PARENTHESIS) return true;
    if (octet === SPACE || octet === TAB) break; // between a field's name and its colon or comment
    if (octet < 33 || octet > 126) return false;
  }
  while (octets[at] === SPACE || octets[at] === TAB) at++;
  return octets[at] === COLON || octets[at] === PARENTHESIS;
}

/** Where the line ends that begins at `at`: at a CR, an LF, or the end of the text. */
function lineEnd(text: string, at: number): number {
  for (let i = at; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 10 || code === 13) return i;
  }
  return text.length;
}
