/**
 * CommuniGate Pro's message files: envelope lines up to an empty line, then the message. `S` says where it came from (`S <user>
 * SMTP [192.0.2.1]`), `P` the return path (`P I date time flags <sender>`), `R` one recipient each (`R W date time flags
 * <recipient>`); others are passed over.
 */
import type { Envelope } from "../../policy/types.ts";
import { bareAddress } from "../bare_address.ts";
import { MAX_ENVELOPE_OCTETS } from "./limits.ts";

/** What the file holds. */
export interface MessageFile {
  readonly envelope: Envelope;
  readonly message: Uint8Array;
}

const LF = 10;

/**
 * Takes a message file apart.
 *
 * @returns `undefined` where it has no envelope that ends.
 */
export function readMessageFile(octets: Uint8Array): MessageFile | undefined {
  let sender = "";
  let client: string | undefined;
  let user: string | undefined;
  const recipients: string[] = [];
  for (let at = 0; at < Math.min(octets.length, MAX_ENVELOPE_OCTETS);) {
    const end = octets.indexOf(LF, at);
    if (end < 0) return undefined;
    const line = new TextDecoder().decode(octets.subarray(at, end)).replace(/\r$/, "");
    at = end + 1;
    if (line === "") {
      return {
        envelope: {
          sender,
          recipients,
          ...(client === undefined ? {} : { client }),
          ...(user === undefined ? {} : { user }),
        },
        message: octets.subarray(at),
      };
    }
    const path = /<([^<>]*)>\s*$/.exec(line)?.[1];
    if (line.startsWith("P ") && path !== undefined) sender = bareAddress(path);
    else if (line.startsWith("R ") && path !== undefined) recipients.push(bareAddress(path));
    else if (line.startsWith("S ")) {
      client = /\[([0-9A-Fa-f:.]+)\](?::\d+)?\s*$/.exec(line)?.[1] ?? client;
      user = /^S <([^<>]+)>/.exec(line)?.[1] ?? user;
    }
  }
  return undefined;
}
