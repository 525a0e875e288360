/**
 * The test mail that every spam filter knows; put together here, so that no filter takes our source for it.
 *
 * @see https://spamassassin.apache.org/gtube/
 */
import { type BytePattern, literalPieces } from "../detect/pattern.ts";
import type { SpamSymptom } from "../types.ts";

/** The 68 characters. */
export const GTUBE = [
  "XJS*C4JDBQADN1.NSBN3*2IDNEN*",
  "GTUBE-STANDARD-",
  "ANTI-UBE-TEST-EMAIL*C.34X",
].join("");

/** What it gives: more than any threshold. */
export const GTUBE_SYMPTOM: SpamSymptom = { name: "GTUBE", points: 1000 };

/** Found in any content of a message. */
export const GTUBE_PATTERN: BytePattern = {
  name: GTUBE_SYMPTOM.name,
  severity: "spam",
  pieces: literalPieces(new TextEncoder().encode(GTUBE)),
};
