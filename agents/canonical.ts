import type { ScanSettings, Verdict } from "../engine/types.ts";
import { PosternError } from "../errors.ts";
import type { AgentPorts } from "./ports.ts";

/** A message that every program reads the same way. */
export interface Canonical {
  readonly message: Uint8Array;
  /** Of these octets. */
  readonly verdict: Verdict;
}

/** Whether programs read the message itself differently; what lies in its archives stays what it is. */
export function isAmbiguous({ ambiguities }: Verdict): boolean {
  return ambiguities.some(({ part }) => !part.includes("/"));
}

/**
 * Has an ambiguous message written anew in one reading, and scans that.
 *
 * @returns `undefined` where no such message could be made, or the scan finds more in it than was found before: what is delivered
 * would not be what was judged.
 */
export async function canonicalMessage(
  ports: AgentPorts,
  message: Uint8Array,
  before: Pick<Verdict, "findings">,
  settings: ScanSettings,
  signal?: AbortSignal,
): Promise<Canonical | undefined> {
  try {
    const made = await ports.rewrite(message, { remove: [], canonical: true }, signal);
    if (made.failed.length > 0) return undefined;
    const verdict = await ports.scan(made.message, settings, signal);
    const known = new Set(before.findings.map(({ name }) => name));
    const isNew = verdict.findings.some(({ name }) => !known.has(name));
    if (isNew || isAmbiguous(verdict)) return undefined;
    return { message: made.message, verdict };
  } catch (error) {
    if (!(error instanceof PosternError)) throw error;
    ports.log("warning", "Cannot write an ambiguous message anew", { error: error.message });
    return undefined;
  }
}
