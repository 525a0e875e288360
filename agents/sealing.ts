/** ARC seals over mail that was changed here: RFC 8617. */
import type { AgentName } from "../policy/types.ts";
import type { AgentPorts } from "./ports.ts";
import type { WayRequest } from "./way_types.ts";

/** Gates behind which nobody checks signatures any more: to mailboxes. */
const LAST: ReadonlySet<AgentName> = new Set(["pop3", "imap", "mda"]);

const CR = 13;
const LF = 10;

/**
 * Puts a seal before a changed message, where this node makes any. One that cannot be sealed goes on without.
 *
 * @param chunks The message as it goes on, with its marks.
 * @param times Gets what it took, as `seal`.
 */
export async function sealed(
  ports: AgentPorts,
  request: WayRequest,
  chunks: readonly Uint8Array[],
  times: Record<string, number>,
): Promise<readonly Uint8Array[]> {
  if (!ports.seal || LAST.has(request.agent)) return chunks;
  const begin = performance.now();
  const message = joined(chunks);
  const fields = await ports.seal(request.message, message);
  times["seal"] = (times["seal"] ?? 0) + performance.now() - begin;
  if (!fields) return chunks;
  const ends = hasLfEnds(message) ? fields.replaceAll("\r\n", "\n") : fields;
  return [new TextEncoder().encode(ends), ...chunks];
}

/** Whether the first line ends with LF alone, as mail in files does. */
function hasLfEnds(message: Uint8Array): boolean {
  const end = message.indexOf(LF);
  return end > 0 && message[end - 1] !== CR;
}

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const [only] = chunks;
  if (chunks.length === 1 && only) return only;
  const whole = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
