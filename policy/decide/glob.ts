/** Matching of texts with `*` (any characters) and `?` (one UTF-16 unit). */
import { fold } from "./key_table.ts";

/** `*` */
export const STAR = 42;
/** `?` */
export const ANY = 63;

/**
 * @param pattern In lower case.
 * @param text Of which `[from..to)` is compared, ASCII letters in any case.
 */
export function matchesGlob(pattern: string, text: string, from: number, to: number): boolean {
  let p = 0;
  let t = from;
  let star = -1;
  let resume = from;
  while (t < to) {
    const unit = p < pattern.length ? pattern.charCodeAt(p) : -1;
    if (unit === STAR) {
      star = ++p;
      resume = t;
    } else if (unit === ANY || unit === fold(text.charCodeAt(t))) {
      p++;
      t++;
    } else if (star >= 0) {
      p = star;
      t = ++resume;
    } else return false;
  }
  while (p < pattern.length && pattern.charCodeAt(p) === STAR) p++;
  return p === pattern.length;
}
