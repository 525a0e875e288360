/** What is done to a message's octets beyond marks: parts taken out, one reading made of many, a footnote. */
import { Budget } from "../budget.ts";
import { canonicalMessage } from "../clean/canonical.ts";
import { footnoteSplices, spliced } from "../clean/footnote.ts";
import { removeParts } from "../clean/remove.ts";
import type { RewriteRequest, RewriteResult, ScanLimits } from "../types.ts";
import { readMessage } from "./read.ts";

/** Reading again for rewriting: the message was let in by the scan's own limits already, so these only keep it finite. */
const LIMITS: ScanLimits = {
  messageOctets: Number.MAX_SAFE_INTEGER,
  depth: 50,
  files: 100_000,
  octets: 2 ** 31,
  ratio: 1_100,
  timeMs: 25_000,
};

/**
 * Changes a message as it is asked: first parts and entries of archives are taken out, then one reading is made of many, then
 * the footnote is added. What none of these touches stays octet by octet; nothing asked is the same buffer.
 *
 * @param octets The message as it was scanned.
 */
export function rewriteMessage(octets: Uint8Array, request: RewriteRequest): RewriteResult {
  const { message: left, failed } = removeParts(octets, request.remove, LIMITS);
  let message = left;
  const failures = [...failed];
  if (request.canonical) {
    const canonical = canonicalMessage(message, LIMITS);
    if (canonical === undefined) failures.push("");
    else message = canonical;
  }
  if (request.footnote !== undefined) {
    const splices = footnoteSplices(message, request.footnote);
    if (splices.length > 0) message = spliced(message, splices);
  }
  const { layout } = readMessage(message, new Budget(LIMITS));
  return { message, layout, failed: failures };
}
