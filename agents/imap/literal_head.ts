/** The announcement of a literal at the end of a line. */
export interface LiteralHead {
  /** Octets that follow the line. */
  readonly size: number;
  /** Whether the sender waits for a continuation: false for `{n+}`. */
  readonly sync: boolean;
  /** A literal8, `~{n}`: any octet, NUL too. */
  readonly binary: boolean;
}

/** What stands at the end of a line: `"unclear"` where a reader might see a literal, and another might not. */
export type LineEnd = LiteralHead | "unclear" | undefined;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const CLOSE = 0x7d;
/** Longest announcement: `~{`, 20 digits, `+}`. */
const LONGEST = 24;

/**
 * Reads the announcement of a literal. It counts as one only where a string may stand: outside of quotes, after a blank or a
 * parenthesis. At any other place it is `"unclear"`: a line like that must not be passed on.
 *
 * @param line Without its line end; the begin of a command or response, or what follows a literal.
 * @see RFC 9051, section 4.3; RFC 7888.
 */
export function literalHead(line: Uint8Array): LineEnd {
  if (line.at(-1) !== CLOSE) return undefined;
  const from = Math.max(0, line.length - LONGEST);
  const tail = String.fromCharCode(...line.subarray(from));
  const match = /(~?)\{(\d*)([^{}]*)\}$/.exec(tail);
  if (!match) return /^[\d+-]*\}$/.test(tail) ? "unclear" : undefined; // zeros before a number have no end
  const [whole, tilde, digits, mark] = match;
  if (digits === "" || mark !== "" && mark !== "+" || digits!.length > 19) return "unclear";
  const start = line.length - whole.length;
  const before = line[start - 1];
  const begins = before === undefined || before === 0x20 || before === 0x28;
  if (!begins || endsInQuotes(line.subarray(0, start))) return "unclear";
  return { size: Number(digits), sync: mark === "", binary: tilde !== "" };
}

/** Whether a text ends inside of a quoted string. */
export function endsInQuotes(text: Uint8Array): boolean {
  let quoted = false;
  let at = text.indexOf(QUOTE);
  if (at === -1) return false;
  for (; at < text.length; at++) {
    const octet = text[at];
    if (octet === QUOTE) quoted = !quoted;
    else if (quoted && octet === BACKSLASH) at++;
  }
  return quoted;
}
