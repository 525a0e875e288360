import { Buffer } from "node:buffer";
import { PosternError } from "../../errors.ts";
import { packet } from "./packets.ts";
import { ACTIONS, MACRO_STAGES, OLDEST_VERSION, PROTOCOL, VERSION } from "./protocol.ts";

/** What both sides have agreed on. */
export interface Agreement {
  /** 2 to 6. */
  readonly version: number;
  /** Bits of {@link ACTIONS}: what may be changed. */
  readonly actions: number;
  /** Bits of {@link PROTOCOL} in force. */
  readonly protocol: number;
}

/** All that is made use of. Quarantine is Postern's own, the sender is never changed. */
const WANTED_ACTIONS = ACTIONS.addHeaders | ACTIONS.changeBody | ACTIONS.addRecipients |
  ACTIONS.deleteRecipients | ACTIONS.changeHeaders | ACTIONS.setMacros;
/**
 * No reply where there is nothing to decide, so that the MTA can send header and body in one go; and no command that only costs a
 * round trip.
 */
const WANTED_PROTOCOL = PROTOCOL.noReplyHelo | PROTOCOL.noReplyHeader |
  PROTOCOL.noReplyEndOfHeader | PROTOCOL.noReplyBody | PROTOCOL.noReplyData |
  PROTOCOL.noReplyUnknown | PROTOCOL.noData | PROTOCOL.noUnknown | PROTOCOL.noEndOfHeader |
  PROTOCOL.leadingSpace;

/** Macros wanted at each moment: whether there is TLS, who has logged in, how it came, the MTA's name of the message. */
const MACROS: readonly (readonly [stage: number, macros: string])[] = [
  [MACRO_STAGES.helo, "{tls_version}"],
  [MACRO_STAGES.mail, "i r {tls_version} {auth_authen}"],
  [MACRO_STAGES.recipient, "i"],
  [MACRO_STAGES.endOfMessage, "i"],
];

/**
 * Answers an MTA's offer: the same version or an older one, a subset of the actions (a filter that asks for more is dropped), a
 * subset of the protocol bits. What is not offered is done without.
 *
 * @param data Behind the command `O`: version, actions, protocol; what follows is for other filters.
 * @param silent Commands about which nothing can be decided, as `noReply` bits: no reply to them either.
 * @throws {PosternError} `wire/bad-frame` where it is no offer, or one before version 2.
 */
export function negotiate(
  data: Uint8Array,
  silent = 0,
): { agreement: Agreement; reply: Uint8Array } {
  if (data.length < 12) throw new PosternError("wire/bad-frame", "The MTA's offer is cut short");
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  const offered = view.getUint32(0);
  if (offered < OLDEST_VERSION) {
    throw new PosternError(
      "wire/bad-frame",
      `The MTA speaks version ${offered} of the milter protocol; the oldest known is ${OLDEST_VERSION}`,
    );
  }
  const version = Math.min(offered, VERSION);
  const actions = view.getUint32(4) & WANTED_ACTIONS;
  const protocol = view.getUint32(8) & (WANTED_PROTOCOL | silent);
  const lists = actions & ACTIONS.setMacros ? MACROS : [];
  const parts = [numbers(version, actions, protocol)];
  for (const [stage, macros] of lists) parts.push(numbers(stage), Buffer.from(`${macros}\0`));
  return { agreement: { version, actions, protocol }, reply: packet("O", Buffer.concat(parts)) };
}

function numbers(...values: readonly number[]): Buffer {
  const octets = Buffer.alloc(values.length * 4);
  for (const [i, value] of values.entries()) octets.writeUInt32BE(value, i * 4);
  return octets;
}
