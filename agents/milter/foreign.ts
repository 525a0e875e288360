import { Buffer } from "node:buffer";

/** What programs send first that meant another port, and what it is called. */
const SIGNS: readonly (readonly [RegExp, string])[] = [
  [/^(?:EHLO|HELO|LHLO|MAIL FROM|QUIT|NOOP|RSET|XCLIENT|XFORWARD)\b/i, "SMTP"],
  [/^(?:GET|HEAD|POST|PUT|OPTIONS|CONNECT|DELETE) \S* HTTP\/|^(?:GET|HEAD|POST|PUT) \//i, "HTTP"],
  [/^PRI \* HTTP\/2/, "HTTP/2"],
  [/^SSH-\d/, "SSH"],
  [/^PROXY |^\r\n\r\n.\r\nQUIT\n/, "the PROXY protocol"],
  [/^[zn]?(?:INSTREAM|PING|IDSESSION|CONTSCAN|SCAN|VERSION|STATS)\b/, "clamd's protocol"],
  [/^(?:PROCESS|CHECK|SYMBOLS|REPORT|HEADERS|TELL) SPAMC\//, "spamd's protocol"],
  [/^(?:USER|PASS|APOP|CAPA|STLS)\b/i, "POP3"],
  [/^\S{1,20} (?:LOGIN|CAPABILITY|STARTTLS|AUTHENTICATE|ID|NOOP)\b/i, "IMAP"],
  [/^request=/, "Postfix's policy delegation protocol"],
  [/^[\x20-\x7e\t\r\n]{4,}$/, "some protocol of text lines"],
];

/**
 * Says which protocol it is that is not milter's.
 *
 * @param octets The first ones of a connection; 4 or more tell something.
 * @returns a name for the log.
 */
export function nameForeign(octets: Uint8Array): string {
  const text = Buffer.from(octets.subarray(0, 64)).toString("latin1");
  if (octets[0] === 22 && octets[1] === 3) return "TLS"; // RFC 8446, section 5.1: handshake
  return SIGNS.find(([sign]) => sign.test(text))?.[1] ?? "no protocol that is known here";
}
