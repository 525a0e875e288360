/** What is written in batches: the message log and the counters. Bounded; a failed write is tried again, never thrown away in silence. */
import { PosternError } from "../errors.ts";
import type { Access } from "./access.ts";
import { commit, list, storeError } from "./access.ts";
import { addTotal } from "./blobs.ts";
import type { EncodedDocument } from "./documents.ts";
import { deleteDocument, encodeDocument, readDocument, setDocument } from "./documents.ts";
import type { Key, Span } from "./keys.ts";
import { keys, messageLogEntry, SPANS } from "./keys.ts";
import {
  BUFFER_COUNTERS,
  BUFFER_ENTRIES,
  BUFFER_OCTETS,
  COMMIT_MUTATIONS,
  COMMIT_OCTETS,
  COUNTER_NAME_CHARACTERS,
  FLUSH_MS,
  FLUSH_RETRY_MS,
} from "./limits.ts";
import { spanStart } from "./statistics.ts";
import type { MessageLogEntry } from "./types.ts";

interface Waiting {
  readonly key: Key;
  readonly document: EncodedDocument;
}

const KEY_OCTETS = 300; // of one mutation besides its value, generously

/** The buffer before the store. */
export class Journal {
  readonly #access: Access;
  /** Oldest first; those before `#done` are written. */
  #entries: Waiting[] = [];
  #octets = 0;
  #counters = new Map<string, { key: Key; value: number }>();
  #sequence = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #flushing: Promise<void> | undefined;
  #failures = 0;
  #dropped = 0;
  #closed = false;

  constructor(access: Access) {
    this.#access = access;
  }

  /** Entries and counters that wait. */
  get buffered(): number {
    return this.#entries.length + this.#counters.size;
  }

  /** Log entries given up since the start. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Takes an entry; never throws. */
  append(entry: MessageLogEntry): void {
    const queueId = entry.queueId.slice(0, 100);
    const time = Number.isFinite(entry.time) ? entry.time : this.#access.now();
    const key = keys.message(time, queueId, this.#sequence++);
    const document = encodeEntry(key, { ...entry, queueId, time });
    if (!document) {
      this.#drop(1, "it cannot be written as JSON");
      return;
    }
    this.#entries.push({ key, document });
    this.#octets += document.octets;
    let over = 0;
    while (
      this.#entries.length - over > BUFFER_ENTRIES ||
      (this.#octets > BUFFER_OCTETS && over < this.#entries.length)
    ) {
      this.#octets -= this.#entries[over]?.document.octets ?? 0;
      over++;
    }
    if (over > 0) {
      this.#entries = this.#entries.slice(over);
      this.#drop(over, "too many wait to be written");
    }
    this.#schedule();
  }

  #drop(entries: number, why: string): void {
    const before = this.#dropped;
    this.#dropped += entries;
    // Said at the first and at each thousandth: a full disk must not fill the log as well.
    if (before === 0 || Math.floor(before / 1000) !== Math.floor(this.#dropped / 1000)) {
      this.#access.problem(
        new PosternError(
          "store/failed",
          `${this.#dropped} entries of the message log were given up: ${why}`,
        ),
      );
    }
  }

  /** Adds to the counters of the spans of `time`. What is not a whole number from 0 on is rounded, or left out. */
  count(time: number, counters: Readonly<Record<string, number>>): void {
    if (!Number.isFinite(time)) return;
    for (const [name, given] of Object.entries(counters)) {
      const value = Math.round(given);
      if (!Number.isSafeInteger(value) || value <= 0) continue;
      for (const span of SPANS) this.#add(span, time, name, value);
    }
    this.#schedule();
  }

  #add(span: Span, time: number, name: string, value: number): void {
    const key = keys.statistic(
      span,
      spanStart(span, time),
      name.slice(0, COUNTER_NAME_CHARACTERS),
    );
    const id = JSON.stringify(key);
    const found = this.#counters.get(id);
    if (found) found.value += value;
    else if (this.#counters.size < BUFFER_COUNTERS) this.#counters.set(id, { key, value });
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#closed || this.#flushing) return;
    const wait = Math.min(FLUSH_MS * 2 ** Math.min(this.#failures, 10), FLUSH_RETRY_MS);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.flush().catch(() => {}); // reported by #run
    }, wait);
    Deno.unrefTimer(Number(this.#timer));
  }

  /** Writes what waits. @throws {PosternError} Where that fails; what was not written goes on waiting. */
  async flush(): Promise<void> {
    // What came while a flush ran may not be in it.
    while (this.#flushing) await this.#flushing;
    if (this.buffered === 0) return;
    const run = this.#run();
    this.#flushing = run;
    try {
      await run;
    } finally {
      this.#flushing = undefined;
      if (this.buffered > 0) this.#schedule();
    }
  }

  async #run(): Promise<void> {
    try {
      await this.#writeEntries();
      await this.#writeCounters();
      this.#failures = 0;
    } catch (error) {
      const failure = storeError("Cannot write the message log", error);
      if (this.#failures++ === 0) this.#access.problem(failure);
      throw failure;
    }
  }

  async #writeEntries(): Promise<void> {
    while (this.#entries.length > 0) {
      const atomic = this.#access.kv.atomic();
      const batch: Waiting[] = [];
      let octets = 0;
      let mutations = 1;
      for (const entry of this.#entries) {
        const parts = entry.document.entries.length;
        const size = entry.document.octets + parts * KEY_OCTETS;
        const over = octets + size > COMMIT_OCTETS || mutations + parts > COMMIT_MUTATIONS;
        if (over && batch.length > 0) break;
        setDocument(atomic, entry.key, entry.document);
        batch.push(entry);
        octets += size;
        mutations += parts;
      }
      addTotal(atomic, "messages", batch.length);
      await commit(atomic, "Cannot write the message log");
      // Meanwhile the oldest may have been dropped for want of room.
      const written = new Set(batch);
      this.#entries = this.#entries.filter((entry) => {
        if (!written.has(entry)) return true;
        this.#octets -= entry.document.octets;
        return false;
      });
    }
  }

  async #writeCounters(): Promise<void> {
    const batch = [...this.#counters];
    for (let from = 0; from < batch.length; from += COMMIT_MUTATIONS) {
      const slice = batch.slice(from, from + COMMIT_MUTATIONS);
      const atomic = this.#access.kv.atomic();
      const values = slice.map(([id, counter]) => ({ id, counter, value: counter.value }));
      for (const { counter, value } of values) atomic.sum(counter.key, BigInt(value));
      await commit(atomic, "Cannot write the statistics");
      for (const { id, counter, value } of values) {
        counter.value -= value; // it may have grown during the commit
        if (counter.value === 0) this.#counters.delete(id);
      }
    }
  }

  /** Entries of the log in order of time, those that wait included. */
  async *list(
    query: { since?: number; until?: number; limit?: number },
  ): AsyncGenerator<MessageLogEntry> {
    await this.flush();
    const selector = {
      start: query.since === undefined ? ["message"] : ["message", query.since],
      // An end is not part of its range; no queue id sorts after a number.
      end: query.until === undefined ? ["message", Infinity] : ["message", query.until, Infinity],
    };
    let left = query.limit ?? Infinity;
    if (left <= 0) return;
    for await (const { key, value } of list(this.#access, selector, "Cannot read the log")) {
      const entry = await this.#read(key as Key, value);
      if (!entry) continue;
      yield entry;
      if (--left <= 0) return;
    }
  }

  async #read(key: Key, value: unknown): Promise<MessageLogEntry | undefined> {
    try {
      return await readDocument(this.#access, messageLogEntry, key, value);
    } catch (error) {
      this.#access.problem(storeError("Cannot read an entry of the message log", error));
      return undefined;
    }
  }

  /** Deletes entries older than `keepMs`, then the oldest over `entries`; @returns how many. */
  async collect(now: number, keepMs: number, total: number, entries: number): Promise<number> {
    const doing = "Cannot collect the message log";
    const old = { start: ["message"], end: ["message", now - keepMs] };
    const deleted = await this.#delete(old, Infinity, doing);
    const over = total - deleted - entries;
    if (over <= 0) return deleted;
    return deleted + await this.#delete({ prefix: ["message"] }, over, doing);
  }

  async #delete(selector: Deno.KvListSelector, most: number, doing: string): Promise<number> {
    let deleted = 0;
    let atomic = this.#access.kv.atomic();
    let waiting = 0;
    let entries = 0;
    const commitBatch = async () => {
      addTotal(atomic, "messages", -entries);
      await commit(atomic, doing);
      atomic = this.#access.kv.atomic();
      waiting = entries = 0;
    };
    for await (const { key, value } of list(this.#access, selector, doing)) {
      if (deleted >= most) break;
      waiting += deleteDocument(atomic, key as Key, value);
      entries++;
      deleted++;
      if (waiting >= COMMIT_MUTATIONS) await commitBatch();
    }
    if (entries > 0) await commitBatch();
    return deleted;
  }

  /** Writes what waits, for the last time. @throws {PosternError} Where that fails. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.flush();
  }
}

/** An entry as it is stored; one that is too long without its record's details; undefined where it is no JSON at all. */
function encodeEntry(key: Key, entry: MessageLogEntry): EncodedDocument | undefined {
  try {
    return encodeDocument(key, entry);
  } catch {
    const record = { queueId: entry.queueId, time: entry.time, shortened: true };
    try {
      return encodeDocument(key, { ...entry, status: entry.status.slice(0, 100), record });
    } catch {
      return undefined;
    }
  }
}
