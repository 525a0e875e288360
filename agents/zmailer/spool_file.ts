/**
 * ZMailer's spool files: envelope lines (`rcvdfrom name ([192.0.2.1])`, `from <sender>`, `to <recipient>`, ...) up to `env-end`, then
 * the message with LF line ends.
 */
import type { Envelope } from "../../policy/types.ts";
import { bareAddress } from "../bare_address.ts";
import { MAX_ENVELOPE_OCTETS } from "./limits.ts";

/** What the file holds. */
export interface SpoolFile {
  readonly envelope: Envelope;
  readonly message: Uint8Array;
}

const LF = 10;

/** Takes a spool file apart; `undefined` where its envelope does not end. */
export function readSpoolFile(octets: Uint8Array): SpoolFile | undefined {
  let sender = "";
  let client: string | undefined;
  let clientName: string | undefined;
  let user: string | undefined;
  const recipients: string[] = [];
  for (let at = 0; at < Math.min(octets.length, MAX_ENVELOPE_OCTETS);) {
    const end = octets.indexOf(LF, at);
    if (end < 0) return undefined;
    const line = new TextDecoder().decode(octets.subarray(at, end));
    at = end + 1;
    if (line === "env-end") {
      return {
        envelope: {
          sender,
          recipients,
          ...(client === undefined ? {} : { client }),
          ...(clientName === undefined ? {} : { clientName }),
          ...(user === undefined ? {} : { user }),
        },
        message: octets.subarray(at),
      };
    }
    const space = line.indexOf(" ");
    const value = line.slice(space + 1);
    switch (line.slice(0, space)) {
      case "from":
        sender = bareAddress(value);
        break;
      case "to":
        recipients.push(bareAddress(value));
        break;
      case "rcvdfrom":
        client = /\[(?:IPv6[:.])?([0-9A-Fa-f:.]+)\]/i.exec(value)?.[1];
        clientName = /^([A-Za-z0-9][A-Za-z0-9.-]*) /.exec(value)?.[1];
        break;
      case "loginname":
      case "authuser":
        user = value;
        break;
    }
  }
  return undefined;
}
