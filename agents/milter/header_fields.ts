import { latin1 } from "../line_ends.ts";

/** A header field as the protocol has it. */
export interface Field {
  readonly name: string;
  /** Latin-1, all behind the colon, folds as LF, no line end. */
  readonly value: string;
}

/** A message in two. */
export interface PartedMessage {
  readonly fields: readonly Field[];
  /** Where the body begins, past the empty line. */
  readonly body: number;
}

/** Cuts a message (CRLF) into fields and body. A line that is no field and no fold ends the header, as the empty line does. */
export function partMessage(message: Uint8Array): PartedMessage {
  const text = latin1(message, 0, headerOctets(message));
  const fields: Field[] = [];
  let at = 0;
  while (at < text.length) {
    let end = text.indexOf("\r\n", at);
    if (end === at) return { fields, body: at + 2 };
    while (end !== -1 && (text[end + 2] === " " || text[end + 2] === "\t")) {
      end = text.indexOf("\r\n", end + 2);
    }
    const line = text.slice(at, end === -1 ? undefined : end);
    const colon = line.indexOf(":");
    if (colon < 1 || /[\r\n]/.test(line.slice(0, colon))) break;
    const value = line.slice(colon + 1).replaceAll("\r\n", "\n").replace(/[\r\0]/g, " ");
    fields.push({ name: line.slice(0, colon).trimEnd(), value });
    at = end === -1 ? text.length : end + 2;
  }
  return { fields, body: at };
}

/** Octets up to the empty line and with it, so that no large body is made a string. */
function headerOctets(message: Uint8Array): number {
  for (let lf = message.indexOf(10); lf !== -1; lf = message.indexOf(10, lf + 1)) {
    if (message[lf + 1] === 13 && message[lf + 2] === 10) return lf + 3;
  }
  return message.length;
}
