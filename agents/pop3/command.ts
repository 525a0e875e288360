import { latin1 } from "../line_ends.ts";
import { MAX_DIGITS } from "./limits.ts";

/** A line of a client. */
export interface Command {
  /** Upper case. */
  readonly keyword: string;
  /** What stands behind the first blank; octets as characters. */
  readonly argument: string;
}

/**
 * Splits a command line at its first blank; passwords may have blanks in them (RFC 1939, section 7).
 *
 * @param line Without CRLF.
 */
export function parseCommand(line: Uint8Array): Command {
  const text = latin1(line);
  const blank = text.indexOf(" ");
  const keyword = blank === -1 ? text : text.slice(0, blank);
  return { keyword: keyword.toUpperCase(), argument: blank === -1 ? "" : text.slice(blank + 1) };
}

/** A number from 0 on; `undefined` for everything else, as `-1` and `1 2`. */
export function parseNumber(text: string): number | undefined {
  return text.length <= MAX_DIGITS && /^\d+$/.test(text) ? Number(text) : undefined;
}

/** Octets of a text of {@link parseCommand}. */
export function octetsOf(text: string): Uint8Array {
  const octets = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) octets[i] = text.charCodeAt(i);
  return octets;
}
