/** A moment on the command line: `7d` (ago), `2026-01-31`, `2026-01-31T12:00:00Z`. */
import { message } from "@optique/core/message";
import type { ValueParser } from "@optique/core/valueparser";
import { parseTime } from "../../policy/units.ts";

const DATE = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?$/;

/**
 * Reads a moment.
 *
 * @param now Milliseconds since 1970, for what is said as a time ago.
 * @returns Milliseconds since 1970; `undefined` where the text is no moment. A date without a zone is in the machine's.
 */
export function parseMoment(text: string, now: number): number | undefined {
  const ago = parseTime(text);
  if (ago !== undefined) return now - ago;
  if (!DATE.test(text)) return undefined;
  const time = Date.parse(/^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00` : text);
  return Number.isNaN(time) ? undefined : time;
}

/** `MOMENT`: milliseconds since 1970. */
export const momentValue = (): ValueParser<"sync", number> => ({
  mode: "sync",
  metavar: "MOMENT",
  placeholder: 0,
  parse(input) {
    const value = parseMoment(input, Date.now());
    return value === undefined
      ? {
        success: false,
        error:
          message`${input} is not a time ago (7d, 12h) or a date (2026-01-31, 2026-01-31T12:00:00Z).`,
      }
      : { success: true, value };
  },
  format: (value) => new Date(value).toISOString(),
});
