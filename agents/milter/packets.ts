/** What a filter says to an MTA: replies and modifications, each one packet. */
import { Buffer } from "node:buffer";
import { PosternError } from "../../errors.ts";
import { BODY_CHUNK_OCTETS } from "./limits.ts";

/** A packet: length, command, data. */
export function packet(command: string, data: Uint8Array = new Uint8Array(0)): Uint8Array {
  const octets = new Uint8Array(5 + data.length);
  new DataView(octets.buffer).setUint32(0, 1 + data.length);
  octets[4] = command.charCodeAt(0);
  octets.set(data, 5);
  return octets;
}

/** Go on. Has no data: Postfix takes octets behind a reply for a broken filter. */
export const CONTINUE: Uint8Array = packet("c");
/** The message may go on; no more is asked of this filter. */
export const ACCEPT: Uint8Array = packet("a");
/** The message is taken and thrown away. */
export const DISCARD: Uint8Array = packet("d");
/** Still at work: the MTA's time begins anew. */
export const PROGRESS: Uint8Array = packet("p");
/** Enough of the body. */
export const SKIP: Uint8Array = packet("s");

/**
 * A reply with code and text. `%` is doubled: Sendmail and Postfix take the text for a format.
 *
 * @param reply `550 5.7.1 text`, one line of ASCII; 4yz or 5yz.
 * @throws {PosternError} `wire/bad-frame` when it is not: with a line end in it, it would be more than one reply.
 */
export function replyCode(reply: string): Uint8Array {
  if (!/^[45]\d\d [\x20-\x7e]+$/.test(reply)) {
    throw new PosternError("wire/bad-frame", `Cannot say ${JSON.stringify(reply.slice(0, 100))}`);
  }
  return packet("y", Buffer.from(`${reply.replaceAll("%", "%%")}\0`, "latin1"));
}

/**
 * Takes the place of one field, or deletes it.
 *
 * @param index Which one of this name, from 1.
 * @param value Latin-1, folds as LF; empty to delete.
 */
export function changeHeader(index: number, name: string, value: string): Uint8Array {
  return indexed("m", index, name, value);
}

/** Puts a field at a place; 0 is the top, above the MTA's own Received. Value as in {@link changeHeader}. */
export function insertHeader(index: number, name: string, value: string): Uint8Array {
  return indexed("i", index, name, value);
}

/** Puts a field at the end. Value as in {@link changeHeader}. */
export function addHeader(name: string, value: string): Uint8Array {
  return packet("h", strings(name, value));
}

/** One more recipient. @param address With `<>`. */
export function addRecipient(address: string): Uint8Array {
  return packet("+", Buffer.from(`${address}\0`));
}

/** One recipient less. @param address Octet by octet as the MTA named it. */
export function deleteRecipient(address: Uint8Array): Uint8Array {
  const data = new Uint8Array(address.length + 1);
  data.set(address);
  return packet("-", data);
}

/** The whole new body, in chunks that belong together: no other packet may come between them. */
export function replaceBody(body: Uint8Array): Uint8Array[] {
  const packets: Uint8Array[] = [];
  for (let at = 0; at < body.length || at === 0; at += BODY_CHUNK_OCTETS) {
    packets.push(packet("b", body.subarray(at, at + BODY_CHUNK_OCTETS)));
  }
  return packets;
}

function indexed(command: string, index: number, name: string, value: string): Uint8Array {
  const data = new Uint8Array(4 + name.length + value.length + 2);
  new DataView(data.buffer).setUint32(0, index);
  data.set(strings(name, value), 4);
  return packet(command, data);
}

/** @throws {PosternError} `wire/bad-frame` where a NUL would cut them short or a CR would double a line end. */
function strings(name: string, value: string): Uint8Array {
  if (!/^[!-9;-~]+$/.test(name) || /[\0\r]/.test(value)) {
    throw new PosternError("wire/bad-frame", `Cannot send the field ${JSON.stringify(name)}`);
  }
  return Buffer.from(`${name}\0${value}\0`, "latin1");
}
