import type { MessageLayout, OctetRange } from "../engine/types.ts";

const LF = 10;
const CR = 13;
const COLON = 58;
const OWN_PREFIX = ascii("x-postern-");
const RECEIVED = ascii("received");

/** What a walk over a message's header tells without reading its MIME structure. */
export interface HeaderWalk {
  /** Where marks go and what forged fields stand there; has no `subject`. */
  readonly layout: MessageLayout;
  /** Number of Received fields: how many hops it has come through. */
  readonly received: number;
}

/**
 * Walks the header fields of a message once: finds its end, fields that bear Postern's own names, and counts Received fields.
 * Looks only at the first octets of each line, so it costs microseconds and can run in an agent.
 *
 * @param message The message as received; the header ends at the first empty line, or at the first line that is no field.
 * @see RFC 5322, section 2.2; RFC 5321, section 6.3 (loops).
 */
export function walkHeader(message: Uint8Array): HeaderWalk {
  const ownFields: OctetRange[] = [];
  let received = 0;
  let own: number | undefined;
  let at = 0;
  let lineEnd: "\r\n" | "\n" | undefined;
  const close = (end: number) => {
    if (own !== undefined) ownFields.push({ start: own, end });
    own = undefined;
  };
  while (at < message.length) {
    const lf = message.indexOf(LF, at);
    const next = lf === -1 ? message.length : lf + 1;
    const first = message[at]!;
    if (lf !== -1) lineEnd ??= message[lf - 1] === CR ? "\r\n" : "\n";
    if (first === LF || (first === CR && message[at + 1] === LF)) break;
    if (first !== 32 && first !== 9) { // not the continuation of a field
      const colon = nameEnd(message, at, next);
      if (colon === -1) break; // the body began without an empty line
      close(at);
      if (startsWith(message, at, OWN_PREFIX)) own = at;
      else if (colon - at >= RECEIVED.length && startsWith(message, at, RECEIVED)) {
        if (isBlank(message, at + RECEIVED.length, colon)) received++;
      }
    }
    at = next;
  }
  close(at);
  return { layout: { headerEnd: at, lineEnd: lineEnd ?? "\r\n", ownFields }, received };
}

function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Offset of the colon when the line is a field, else -1. Blanks before the colon are obsolete but read by many. */
function nameEnd(message: Uint8Array, start: number, end: number): number {
  for (let i = start; i < end; i++) {
    const octet = message[i]!;
    if (octet === COLON) return i > start ? i : -1;
    if (octet === 32 || octet === 9) return skipBlank(message, i, end);
    if (octet < 33 || octet > 126) return -1;
  }
  return -1;
}

function skipBlank(message: Uint8Array, start: number, end: number): number {
  let i = start;
  while (i < end && (message[i] === 32 || message[i] === 9)) i++;
  return message[i] === COLON ? i : -1;
}

function isBlank(message: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (message[i] !== 32 && message[i] !== 9) return false;
  return true;
}

/** Case-insensitive; `lower` is lower-case ASCII. */
function startsWith(message: Uint8Array, at: number, lower: Uint8Array): boolean {
  for (let i = 0; i < lower.length; i++) {
    const octet = message[at + i];
    if (octet === undefined) return false;
    if ((octet >= 65 && octet <= 90 ? octet + 32 : octet) !== lower[i]) return false;
  }
  return true;
}
