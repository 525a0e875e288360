/** Whom a message is from and for, as those who run a delivery agent tell it: by environment, or in the message's first line. */
import type { Envelope } from "../../policy/types.ts";
import { bareAddress } from "../bare_address.ts";
import { MAX_LOOK_OCTETS } from "./limits.ts";

/** Environment by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** What was said beside the environment. */
export interface Told {
  readonly sender?: string | undefined;
  readonly recipients: readonly string[];
  readonly client?: string | undefined;
  readonly clientName?: string | undefined;
  readonly helo?: string | undefined;
  readonly user?: string | undefined;
}

/** Names that say for whom a delivery agent delivers, the best first. */
const RECIPIENT_NAMES = ["RECIPIENT", "ORIGINAL_RECIPIENT", "LOGNAME", "USER"];

/**
 * The envelope: of the options; else of the environment (`SENDER`, `RECIPIENT` of Postfix's local(8), Exim's pipe transport and
 * qmail-command(8); `LOGNAME` or `USER` where there is no more); the sender else of a `From ` line, else of Return-Path.
 *
 * @param message As it came, for the sender alone.
 * @param recipientNames What of the environment names the recipient.
 * @returns Without recipients where nobody is named.
 */
export function envelopeOf(
  told: Told,
  environment: Environment,
  message: Uint8Array,
  recipientNames: readonly string[] = RECIPIENT_NAMES,
): Envelope {
  const from = (name: string) => environment[name] || undefined;
  const sender = told.sender ?? environment["SENDER"] ?? senderOf(message) ?? "";
  const recipients = told.recipients.length > 0
    ? told.recipients
    : recipientNames.map(from).filter((each) => each !== undefined).slice(0, 1);
  const client = told.client ?? addressOf(from("CLIENT_ADDRESS") ?? from("SENDER_HOST_ADDRESS"));
  const clientName = told.clientName ?? nameOf(from("CLIENT_HOSTNAME"));
  const helo = told.helo ?? from("CLIENT_HELO");
  const user = told.user ?? from("SASL_USERNAME");
  return {
    // MAILER-DAEMON is how delivery agents are told of the null sender.
    sender: sender === "MAILER-DAEMON" || sender === "#@[]" ? "" : bareAddress(sender),
    recipients: recipients.filter((each) => each !== "").map(bareAddress),
    ...(client === undefined ? {} : { client }),
    ...(clientName === undefined ? {} : { clientName }),
    ...(helo === undefined ? {} : { helo }),
    ...(user === undefined ? {} : { user }),
  };
}

function addressOf(value: string | undefined): string | undefined {
  return value !== undefined && /^[0-9A-Fa-f:.]+$/.test(value) ? value : undefined;
}

function nameOf(value: string | undefined): string | undefined {
  return value === "unknown" ? undefined : value;
}

/** The sender that the first line (mbox) or the Return-Path in front of all other fields names. */
function senderOf(message: Uint8Array): string | undefined {
  const text = new TextDecoder("latin1").decode(message.subarray(0, MAX_LOOK_OCTETS));
  const line = /^From (\S+) /.exec(text)?.[1];
  if (line !== undefined) return line;
  for (const each of text.split("\n")) {
    if (each.trim() === "") return undefined;
    const path = /^return-path:\s*(<[^>\r]*>)/i.exec(each)?.[1];
    if (path !== undefined) return path;
  }
  return undefined;
}
