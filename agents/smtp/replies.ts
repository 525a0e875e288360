import type { Outcome } from "../../policy/types.ts";
import { MAX_RELAYED_TEXT } from "./limits.ts";

/** A reply to a client, without CRLF: `250 2.1.0 Ok`. Lines of a longer one are joined by CRLF. */
export type Reply = string;

/** Printable ASCII in one line: what a policy or another server wrote may hold anything. */
export function sanitise(text: string): string {
  return text.replace(/[^\x20-\x7e]+/g, " ").replace(/ {2,}/g, " ").trim().slice(
    0,
    MAX_RELAYED_TEXT,
  );
}

/**
 * Makes a policy's reply fit to be said: its own code, enhanced code and text where it has the shape, else the default's.
 *
 * @param reply `550 5.7.1 text`, or absent.
 * @param fallback A whole reply; its first digit is what the reply's must be.
 */
export function policyReply(reply: string | undefined, fallback: Reply): Reply {
  if (reply === undefined) return fallback;
  const match = /^([2-5]\d\d)[ -](?:([245]\.\d{1,3}\.\d{1,3}) )?([^]*)$/.exec(reply);
  if (!match || match[1]![0] !== fallback[0] || match[1] === "421") return fallback;
  const enhanced = match[2]?.[0] === match[1]![0] ? match[2] : fallback.split(" ")[1];
  return `${match[1]} ${enhanced} ${sanitise(match[3]!)}`;
}

/** The reply of an outcome that ends it before any message is read; `undefined` where it goes on. */
export function refusalOf(outcome: Outcome): Reply | undefined {
  if (!outcome.final) return undefined;
  if (outcome.action === "reject") return policyReply(outcome.reply, "554 5.7.1 Refused by policy");
  if (outcome.action === "defer") return policyReply(outcome.reply, "451 4.7.1 Try again later");
  return undefined;
}

/** A multi-line reply: each line with the code, the last with a blank behind it. */
export function lines(code: number, texts: readonly string[]): Reply {
  return texts.map((text, i) => `${code}${i < texts.length - 1 ? "-" : " "}${text}`).join("\r\n");
}

/** RCPT, DATA or BDAT without a transaction. */
export const NEED_MAIL: Reply = "503 5.5.1 Send MAIL first";
/** Larger than SIZE. */
export const TOO_LARGE: Reply = "552 5.3.4 Message is too large";
/** The node holds as much as it may. */
export const NO_MEMORY: Reply = "452 4.3.1 Too much mail at once, try again later";
/** DATA or BDAT without a recipient that was accepted. */
export const NO_RECIPIENT: Reply = "503 5.5.1 No valid recipient";
/** Replies of commands that do nothing. */
export const IDLE: Readonly<Record<string, Reply>> = {
  NOOP: "250 2.0.0 Ok",
  VRFY: "252 2.5.0 Send some mail, it may be delivered",
  HELP: "214 2.0.0 See RFC 5321",
};
/** NOOP, RSET and XFORWARD. */
export const OK: Reply = "250 2.0.0 Ok";
/** A command that is known and not taken. */
export const NOT_IMPLEMENTED: Reply = "502 5.5.1 Command not implemented";
