import { MAX_DOMAIN_OCTETS } from "./limits.ts";
import { latin1 } from "../line_ends.ts";
import { lines, type Reply } from "./replies.ts";
import { XCLIENT_ATTRIBUTES, XFORWARD_ATTRIBUTES } from "./client_facts.ts";
import type { Offers } from "./parameters.ts";
import type { Greeting } from "./session_types.ts";

/** A command line in its two halves, or what to reply to one that is none. */
export type ParsedCommand =
  | { readonly refusal: Reply }
  | { /** Upper case. */ readonly verb: string; readonly argument: string };

/**
 * @param line Without CRLF. ASCII, or UTF-8 where a command takes SMTPUTF8; control characters are in no command.
 * @see RFC 5321, section 4.1.1; RFC 6531, section 3.
 */
export function parseCommand(line: Uint8Array): ParsedCommand {
  let text = latin1(line);
  if (/[^\x20-\x7e]/.test(text)) {
    if (/\p{Cc}/u.test(text.replace(/[\x80-\x9f]/g, ""))) {
      return { refusal: "500 5.5.2 Control characters in a command" };
    }
    try {
      text = new TextDecoder("utf-8", { fatal: true }).decode(line);
    } catch {
      return { refusal: "500 5.5.2 Not UTF-8" };
    }
  }
  const blank = text.indexOf(" ");
  if (blank === -1) return { verb: text.toUpperCase(), argument: "" };
  return { verb: text.slice(0, blank).toUpperCase(), argument: text.slice(blank + 1).trimEnd() };
}

/** What EHLO and LHLO answer: one keyword a line, and only what can be kept. */
export function announce(
  offers: Offers,
  options: {
    readonly hostname: string;
    /** Whether STARTTLS can be taken now. */
    readonly startTls: boolean;
    readonly xforward: boolean;
    readonly xclient: boolean;
    /** Whether the offers' AUTH mechanisms can be taken now. */
    readonly mayAuth: boolean;
  },
): Reply {
  const texts = [options.hostname, "PIPELINING", `SIZE ${offers.size}`];
  if (options.startTls) texts.push("STARTTLS");
  texts.push("ENHANCEDSTATUSCODES");
  if (offers.eightBitMime) texts.push("8BITMIME");
  if (offers.dsn) texts.push("DSN");
  if (offers.smtpUtf8) texts.push("SMTPUTF8");
  texts.push("CHUNKING");
  if (options.mayAuth && offers.auth.length > 0) texts.push(`AUTH ${offers.auth.join(" ")}`);
  if (options.xforward) texts.push(`XFORWARD ${XFORWARD_ATTRIBUTES.join(" ")}`);
  if (options.xclient) texts.push(`XCLIENT ${XCLIENT_ATTRIBUTES.join(" ")}`);
  return lines(250, texts);
}

/** The protocol's name in a Received field: RFC 3848; RFC 6531, section 4.3. */
export function protocolName(word: Greeting["word"], utf8: boolean, secure: boolean): string {
  if (word === "HELO") return "SMTP";
  const base = word === "LHLO" ? (utf8 ? "UTF8LMTP" : "LMTP") : utf8 ? "UTF8SMTP" : "ESMTP";
  return secure ? `${base}S` : base;
}

/** Whether a client may call itself so in EHLO: anything printable in ASCII without blanks, as real clients are not all named well. */
export function isClientName(name: string): boolean {
  return name.length <= MAX_DOMAIN_OCTETS && /^[\x21-\x7e]+$/.test(name);
}
