/** Tags of markup, found in a time that grows with the text alone, however many of them never end. */

/** A tag, or what is between two. */
export interface Tag {
  /** Its first character. */
  readonly start: number;
  /** Past its last one, which is a `>`. */
  readonly end: number;
}

/**
 * Every tag that begins as told and ends with the first `>` after that.
 *
 * An expression such as `<a\b[^>]{1,4000}>` looks 4000 characters ahead from every `<a` that has no end.
 *
 * @param open Begin of a tag; a global expression.
 * @param most Longest rest of a tag, characters; longer ones are passed over.
 */
export function* tags(text: string, open: RegExp, most: number): Generator<Tag> {
  let close = -1;
  for (const match of text.matchAll(open)) {
    const rest = match.index + match[0].length;
    if (close < rest) {
      close = text.indexOf(">", rest);
      if (close < 0) return;
    }
    if (close > rest && close - rest <= most) yield { start: match.index, end: close + 1 };
  }
}
