/** Makes text safe for one line of a log or a terminal: what is not plainly visible is written out. */

/**
 * Everything that could break a line, end a field, move a cursor, hide or turn text: control, format (bidirectional marks, zero
 * width), private, unassigned and lone surrogate code points, every separator but the space, and the escape character itself.
 */
const UNSAFE = /[\p{C}\p{Zl}\p{Zp}\\]|(?! )\p{Zs}/gu;

const SHORT: Readonly<Record<string, string>> = {
  "\\": "\\\\",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
};

/** One code point as `\xHH` or `\u{H…}`, or as its short form. */
function written(character: string): string {
  const short = SHORT[character];
  if (short !== undefined) return short;
  const point = character.codePointAt(0) ?? 0;
  return point < 0x100 ? `\\x${point.toString(16).padStart(2, "0")}` : `\\u{${point.toString(16)}}`;
}

/** Text with every unsafe code point written out. {@link unescapeText} gives the text back. */
export function escapeText(text: string): string {
  return text.replace(UNSAFE, written);
}

/** The text that {@link escapeText} or {@link quoteValue} was given; for tests and tools. */
export function unescapeText(text: string): string {
  const escapes = /\\(?:x([0-9a-f]{2})|u\{([0-9a-f]{1,6})\}|(.))/gu;
  return text.replace(escapes, (_, hex?: string, point?: string, short?: string) => {
    const digits = hex ?? point;
    if (digits !== undefined) return String.fromCodePoint(parseInt(digits, 16));
    return { n: "\n", r: "\r", t: "\t" }[short ?? ""] ?? short ?? "";
  });
}

/** Printable ASCII that needs no quotes: no space, quote, `=`, comma or backslash. */
const BARE = /^[!#-+\--<>-[\]-~]+$/;

/** A value of `key=value`: bare where nothing in it can be misread, else in quotes with escapes. */
export function quoteValue(value: string): string {
  if (BARE.test(value)) return value;
  return `"${escapeText(value).replaceAll('"', '\\"')}"`;
}

/** A list as one value: elements joined by commas, commas inside an element written as `\x2c`. */
export function quoteList(values: readonly string[]): string {
  if (values.every((value) => BARE.test(value))) return values.length > 0 ? values.join(",") : '""';
  const elements = values.map((value) =>
    escapeText(value).replaceAll('"', '\\"').replaceAll(",", "\\x2c")
  );
  return `"${elements.join(",")}"`;
}

/** At most `most` characters, cut between code points; what was cut is counted: `abc...(12 more)`. */
export function cutText(text: string, most: number): string {
  if (text.length <= most) return text;
  const last = text.charCodeAt(most - 1);
  const end = last >= 0xd800 && last <= 0xdbff ? most - 1 : most;
  return `${text.slice(0, end)}...(${text.length - end} more)`;
}

/** JSON on one line that a terminal shows harmlessly: what {@link escapeText} would write out is `\uXXXX`. */
export function safeJson(value: unknown): string {
  return (JSON.stringify(value) ?? "null").replace(/[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu, (found) => {
    let units = "";
    for (let i = 0; i < found.length; i++) {
      units += `\\u${found.charCodeAt(i).toString(16).padStart(4, "0")}`;
    }
    return units;
  });
}
