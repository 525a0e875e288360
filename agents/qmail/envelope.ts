/**
 * The envelope as qmail's programs write it to qmail-queue: `F`, sender, NUL, then `T`, recipient, NUL for each, then NUL.
 * @see qmail-queue(8)
 */
import { bareAddress } from "../bare_address.ts";
import { MAX_ADDRESS_OCTETS } from "./limits.ts";

/** Exit statuses of qmail-queue(8) that its callers know. */
export const QMAIL_STATUS = {
  queued: 0,
  /** An address is too long: permanent. */
  addressTooLong: 11,
  /** The mail server refuses to take it: permanent. */
  refused: 31,
  memory: 51,
  timeout: 52,
  write: 53,
  read: 54,
  config: 55,
  /** Trouble with a network connection: temporary. */
  network: 71,
  /** A text of its own on descriptor 6 says what it is (notqmail, netqmail with the error patch). */
  custom: 82,
  bug: 81,
  envelope: 91,
} as const;

/** What was read. */
export type QmailEnvelope =
  | { readonly sender: string; readonly recipients: readonly string[] }
  /** Nothing is to be queued, and this is the exit status. */
  | { readonly status: number };

/**
 * Reads an envelope.
 *
 * @param octets All that came up to the end of the file.
 */
export function readEnvelope(octets: Uint8Array): QmailEnvelope {
  const strings: string[] = [];
  let at = 0;
  for (;;) {
    const end = octets.indexOf(0, at);
    // The end before the last NUL: the caller gave the message up.
    if (end < 0) return { status: QMAIL_STATUS.read };
    if (end === at) break;
    if (end - at - 1 > MAX_ADDRESS_OCTETS) return { status: QMAIL_STATUS.addressTooLong };
    strings.push(new TextDecoder().decode(octets.subarray(at, end)));
    at = end + 1;
  }
  const [sender, ...recipients] = strings;
  if (sender === undefined || !sender.startsWith("F")) return { status: QMAIL_STATUS.envelope };
  if (!recipients.every((each) => each.startsWith("T"))) return { status: QMAIL_STATUS.envelope };
  return {
    sender: senderAddress(sender.slice(1)),
    recipients: recipients.map((each) => bareAddress(each.slice(1))),
  };
}

/** `#@[]` is the sender of a bounce of a bounce; VERPs end with `-@[]`. */
function senderAddress(sender: string): string {
  if (sender === "#@[]") return "";
  return bareAddress(sender.replace(/-@\[\]$/, ""));
}
