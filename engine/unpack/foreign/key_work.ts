/** How much work a hostile archive may ask for before it can be seen that a password is wrong: there is no stopping inside of it. */
import { hasAscii } from "../octets.ts";

/** Most iterations of RAR 5's key derivation, as a power of 2; the program writes 15. This many take some 0.2 s. */
const MAX_RAR_POWER = 18;
/** Most iterations of 7z's, as a power of 2; the program writes 19. This many take some 0.2 s. */
export const MAX_SEVENZIP_POWER = 22;
const MAX_BLOCKS = 100_000;

/** Reads a number of up to ten octets, seven bits each, least first. */
function number(octets: Uint8Array, at: number): { value: number; end: number } {
  let value = 0;
  for (let i = 0; i < 10; i++) {
    const octet = octets[at + i] ?? 0;
    value += (octet & 127) * 2 ** (7 * i);
    if (octet < 128) return { value, end: at + i + 1 };
  }
  return { value: Infinity, end: at + 10 };
}

/**
 * Whether a RAR 5 asks for no more work than is allowed; other formats do.
 *
 * @see https://www.rarlab.com/technote.htm, "Archive encryption header" and "File encryption record"
 */
export function isQuickRar(octets: Uint8Array): boolean {
  if (!hasAscii(octets, 0, "Rar!\x1a\x07\x01\0")) return true;
  let at = 8;
  for (let block = 0; block < MAX_BLOCKS && at + 7 < octets.length; block++) {
    const size = number(octets, at + 4);
    const type = number(octets, size.end);
    const flags = number(octets, type.end);
    const end = size.end + size.value;
    let next = flags.end;
    const read = () => {
      const { value, end: after } = number(octets, next);
      next = after;
      return value;
    };
    if (type.value === 4) {
      read();
      read();
      return (octets[next] ?? 0) <= MAX_RAR_POWER;
    }
    const extra = flags.value & 1 ? read() : 0;
    const data = flags.value & 2 ? read() : 0;
    // records of type 1 are about ciphers in the headers of files (2) and services (3) only
    const isFile = type.value === 2 || type.value === 3;
    // they lie within their header and the file, whatever the numbers say: otherwise each block could lead over all of it
    const last = Math.min(end, octets.length);
    for (next = isFile ? Math.max(next, end - extra) : end; next < last;) {
      const record = number(octets, next);
      const kind = number(octets, record.end);
      next = kind.end;
      if (kind.value === 1) {
        read();
        read();
        if ((octets[next] ?? 0) > MAX_RAR_POWER) return false;
      }
      next = record.end + record.value;
    }
    at = end + data;
  }
  return true;
}
