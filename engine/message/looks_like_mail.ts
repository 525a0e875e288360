/** Whether octets are a message, whatever their name or declared type says. */
import { Source } from "./source.ts";

/** Octets at the start that are looked at. */
const PROBE = 8_192;

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
  const source = new Source(octets.subarray(0, PROBE), false);
  const first = source.octets[0] ?? 0;
  // What begins with a control character, or a magic number above ASCII, is no mail; a byte order mark is passed over.
  if (first < 9 && first !== 0) return false;
  const text = source.text(0, source.octets.length);
  const lines = text.replace(/^(?:\xef\xbb\xbf|\0|\s)+/, "").split(/\r\n|\n|\r/, 200);
  if (/^--[^\s]{1,70}$/.test(lines[0] ?? "") && /^content-[a-z-]+:/i.test(lines[1] ?? "")) {
    return true;
  }
  let strong = 0, telling = 0, other = 0, junk = 0;
  let mime = false;
  for (const [i, line] of lines.entries()) {
    if (line === "") break;
    if (/^[ \t]/.test(line)) continue;
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
