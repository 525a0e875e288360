/**
 * The test file that every scanner knows. Its text is put together here, so that no other scanner takes our source for it.
 *
 * @see https://www.eicar.org/download-anti-malware-testfile/
 */
import { type BytePattern, literalPieces } from "./pattern.ts";

/** Under which name it is found. */
export const EICAR_NAME = "Eicar-Test-Signature";

/** The 68 characters. */
export const EICAR = [
  "X5O!P%@AP[4\\PZX54(P^)7CC)7}$",
  "EICAR-STANDARD-",
  "ANTIVIRUS-TEST-FILE!$H+H*",
]
  .join("");

/** By its definition the file is at most so long, octets, and ends in white space only. */
const MAX_OCTETS = 128;

/** Wherever it stands: a mail that carries it in a way that nobody opens is still a test, and meant to be found. */
export const EICAR_PATTERN: BytePattern = {
  name: EICAR_NAME,
  severity: "infected",
  pieces: literalPieces(new TextEncoder().encode(EICAR)),
};

/** Whether content is the test file by its definition: the 68 characters first, then blanks, tabs, CR, LF, ^Z up to 128 octets. */
export function isEicar(octets: Uint8Array): boolean {
  if (octets.length < EICAR.length || octets.length > MAX_OCTETS) return false;
  for (let i = 0; i < EICAR.length; i++) if (octets[i] !== EICAR.charCodeAt(i)) return false;
  return octets.subarray(EICAR.length).every((octet) =>
    [0x20, 0x09, 0x0a, 0x0d, 0x1a].includes(octet)
  );
}
