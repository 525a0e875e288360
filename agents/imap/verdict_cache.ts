import type { DecisionTree } from "../../policy/tree.ts";
import { MessageCache } from "../mailbox/message_cache.ts";
import type { AgentPorts } from "../ports.ts";
import type { ChangedMessage } from "./changed_message.ts";

/** How what is asked of a message that was scanned is answered. */
export type Shown =
  | "unchanged" // what the server answers is passed on
  | ChangedMessage; // answers are made of these octets

/** What is known of a message that was scanned. */
export type Known =
  | Shown
  | "unchangedAsText"; // passed on, but for BINARY, which may show NULs where others were scanned in their place

/** What a clean message costs, octets: its key and its place. */
const UNCHANGED_OCTETS = 200;
/** A program that fetches a message piece by piece gets it from one scan, if its pieces are not further apart than this, ms. */
const SERIES_MS = 10 * 60_000;

interface Entry {
  readonly known: Known;
  readonly tree: DecisionTree;
  readonly scanned: number;
  used: number;
}

/**
 * What scans of messages have given, by mailbox, UIDVALIDITY and UID: what has these never changes on the server (RFC 9051, section
 * 2.3.1.1). An entry counts as long as the policy that it was made under, and for some time only, as signatures change.
 */
export class VerdictCache {
  readonly #unchanged = new Map<string, Entry>();
  readonly #changed: MessageCache<Entry>;
  /** How long a scan counts, ms. */
  keepMs: number;
  /** Octets for all of it. */
  maxOctets: number;

  constructor(ports: AgentPorts, maxOctets: number, keepMs: number) {
    this.#changed = new MessageCache(ports, maxOctets);
    this.maxOctets = maxOctets;
    this.keepMs = keepMs;
  }

  /** Messages that are known. */
  get size(): number {
    return this.#unchanged.size;
  }

  /** Octets that are held for changed messages. */
  get octets(): number {
    return this.#changed.octets;
  }

  /** What is known of a message, under the policy in force. */
  get(key: string, tree: DecisionTree): Known | undefined {
    const entry = this.#unchanged.get(key) ?? this.#changed.get(key);
    if (!entry) return undefined;
    const now = performance.now();
    const age = now - entry.scanned;
    const inSeries = now - entry.used < SERIES_MS && age < 2 * this.keepMs;
    if (entry.tree !== tree || age > this.keepMs && !inSeries) {
      this.#unchanged.delete(key);
      this.#changed.delete(key);
      return undefined;
    }
    entry.used = now;
    return entry.known;
  }

  /** Remembers a scan. */
  async set(key: string, known: Known, tree: DecisionTree): Promise<void> {
    const now = performance.now();
    const entry = { known, tree, scanned: now, used: now };
    this.#unchanged.delete(key);
    if (typeof known !== "string") {
      this.#changed.maxOctets = this.maxOctets;
      return await this.#changed.set(key, entry, known.octets.length + UNCHANGED_OCTETS);
    }
    this.#changed.delete(key);
    this.#unchanged.set(key, entry);
    const most = Math.max(1, Math.floor(this.maxOctets / UNCHANGED_OCTETS));
    if (this.#unchanged.size > most) {
      this.#unchanged.delete(this.#unchanged.keys().next().value!);
    }
  }
}
