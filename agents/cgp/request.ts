/** Lines of CommuniGate Pro's helper protocol: `SEQ COMMAND ARGUMENTS`, answered by `SEQ RESPONSE ARGUMENTS`. */
import { MAX_REPLY_OCTETS } from "./limits.ts";

/** One request. */
export interface CgpRequest {
  /** The server's number for it, as it came. */
  readonly sequence: string;
  /** In upper case. */
  readonly command: string;
  readonly argument: string;
}

/** Reads a request; `undefined` where the line is none. */
export function readRequest(line: string): CgpRequest | undefined {
  const match = /^(\d{1,20}) +([A-Za-z]+)(?: +(.*?))? *\r?$/.exec(line);
  if (!match) return undefined;
  return { sequence: match[1]!, command: match[2]!.toUpperCase(), argument: match[3] ?? "" };
}

/**
 * A string of CommuniGate's: in quotes, `\e` for an end of line.
 *
 * @param most Octets that it may take, quotes included; what is over is cut.
 */
export function quoted(text: string, most: number): string {
  let inner = "";
  let octets = 2;
  for (const character of text.replace(/\r?\n/g, "\n")) {
    const code = character.codePointAt(0)!;
    const escaped = character === "\n"
      ? "\\e"
      : character === '"' || character === "\\"
      ? `\\${character}`
      : code < 32 || code === 127
      ? " "
      : character;
    octets += new TextEncoder().encode(escaped).length;
    if (octets > most) break;
    inner += escaped;
  }
  return `"${inner}"`;
}

/** A line without what would end it early, cut to what the server reads. */
export function replyLine(text: string): string {
  const safe = text.replace(/\p{Cc}/gu, " ");
  const octets = new TextEncoder().encode(safe);
  if (octets.length < MAX_REPLY_OCTETS) return `${safe}\n`;
  return `${
    new TextDecoder().decode(octets.subarray(0, MAX_REPLY_OCTETS - 4)).replace(/�+$/, "")
  }\n`;
}
