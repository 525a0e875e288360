/** Text as signatures for text are written: letters of ASCII in lower case, each run of blanks and line ends one blank. */
import { LOWER } from "./pattern.ts";

/** Longer texts are searched as they are only, octets. */
const MAX_TEXT_OCTETS = 16 << 20;
const BLANK = 0x20;

/** What becomes of each octet; 0x20 for every kind of blank. */
const NORMAL = LOWER.slice();
for (const octet of [0x09, 0x0a, 0x0b, 0x0c, 0x0d]) NORMAL[octet] = BLANK;

/** The text in that form; `undefined` where it has it already, or is too long. */
export function normalText(octets: Uint8Array): Uint8Array | undefined {
  if (octets.length > MAX_TEXT_OCTETS) return undefined;
  const normal = new Uint8Array(octets.length);
  let length = 0;
  let before = 0;
  let changes = 0;
  // Without branches: a blank behind a blank is overwritten by what follows.
  for (let i = 0; i < octets.length; i++) {
    const octet = octets[i] ?? 0;
    const made = NORMAL[octet] ?? 0;
    changes |= made ^ octet;
    normal[length] = made;
    length += ((made ^ BLANK) | (before ^ BLANK)) === 0 ? 0 : 1;
    before = made;
  }
  return changes !== 0 || length < octets.length ? normal.subarray(0, length) : undefined;
}
