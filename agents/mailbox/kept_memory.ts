import { createHash } from "node:crypto";
import type { AgentPorts, QuarantineRequest } from "../ports.ts";
import { KEPT_MS, MAX_KEPT } from "./limits.ts";

/** One copy in quarantine. */
interface Kept {
  readonly id: Promise<string>;
  /** Milliseconds since 1970 until which it counts. */
  readonly until: number;
}

/**
 * Remembers which messages have their copy in quarantine. A message stays in its mailbox, and its client asks for it again and
 * again; each time one copy more would fill the quarantine.
 */
export class KeptMemory {
  readonly #kept = new Map<string, Kept>();

  /** The same ports, with a quarantine that keeps each message once for its recipient. */
  over(ports: AgentPorts): AgentPorts {
    return {
      policy: () => ports.policy(),
      scan: (message, settings, signal) => ports.scan(message, settings, signal),
      rewrite: (message, request, signal) => ports.rewrite(message, request, signal),
      quarantine: (request) => this.#quarantine(ports, request),
      deliverMaildir: (path, envelope, message) => ports.deliverMaildir(path, envelope, message),
      reserve: (octets) => ports.reserve(octets),
      release: (octets) => ports.release(octets),
      record: (record) => ports.record(record),
      log: (level, message, fields) => ports.log(level, message, fields),
    };
  }

  async #quarantine(ports: AgentPorts, request: QuarantineRequest): Promise<string> {
    const now = Date.now();
    const hash = createHash("sha256").update(request.message).digest("hex");
    const key = `${hash} ${request.by} ${request.recipients.join(" ")}`;
    const known = this.#kept.get(key);
    if (known && known.until > now) return await known.id;
    const id = ports.quarantine(request);
    this.#kept.delete(key); // what is newest stands last
    this.#kept.set(key, { id, until: now + KEPT_MS });
    if (this.#kept.size > MAX_KEPT) this.#kept.delete(this.#kept.keys().next().value!);
    try {
      return await id;
    } catch (error) {
      this.#kept.delete(key);
      throw error;
    }
  }
}
