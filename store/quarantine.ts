/** Quarantined messages: an entry each, its octets as a blob, an index by expiry. */
import * as v from "valibot";
import { PosternError } from "../errors.ts";
import type { Access } from "./access.ts";
import { commit, get, list, storeError } from "./access.ts";
import type { Blobs } from "./blobs.ts";
import { addTotal, sha256Hex } from "./blobs.ts";
import type { EncodedDocument } from "./documents.ts";
import {
  deleteDocument,
  documentParts,
  encodeDocument,
  readDocument,
  setDocument,
} from "./documents.ts";
import { idTime, isQuarantineId, newQuarantineId } from "./ids.ts";
import type { Key } from "./keys.ts";
import { keys, quarantineEntry } from "./keys.ts";
import {
  COMMIT_TRIES,
  DETAIL_CHARACTERS,
  ENTRY_FINDINGS,
  HISTORY_EVENTS,
  LIST_ENTRIES,
} from "./limits.ts";
import type { QuarantineEntry, QuarantineEvent, QuarantineQuery } from "./types.ts";

/** What a caller gives of a new entry. */
export type NewQuarantineEntry = Omit<QuarantineEntry, "id" | "history" | "sha256" | "size">;

const KEY_ROOM = 2_048; // keys of one commit besides those of the chunks, octets, generously

/** The quarantine of one store. */
export class Quarantine {
  readonly #access: Access;
  readonly #blobs: Blobs;

  constructor(access: Access, blobs: Blobs) {
    this.#access = access;
    this.#blobs = blobs;
  }

  /** Keeps a message; @returns its id once entry and octets are on disk. */
  async put(given: NewQuarantineEntry, message: Uint8Array): Promise<string> {
    const sha256 = await sha256Hex(message);
    const id = newQuarantineId(given.time);
    const key = keys.quarantine(id);
    const entry: QuarantineEntry = {
      ...given,
      id,
      sha256,
      size: message.length,
      findings: given.findings.slice(0, ENTRY_FINDINGS),
      history: [],
    };
    const checked = v.safeParse(quarantineEntry, entry);
    if (!checked.success) {
      const cause = v.summarize(checked.issues);
      throw new PosternError("store/failed", "The entry for the quarantine is not a valid one", {
        cause,
      });
    }
    const document = encodeDocument(key, entry);
    const extend = (atomic: Deno.AtomicOperation) => {
      atomic.check({ key, versionstamp: null }); // an id is given once
      setDocument(atomic, key, document);
      atomic.set(keys.expiry(entry.expires, id), new Uint8Array());
      addTotal(atomic, "quarantined", 1);
    };
    await this.#blobs.put(message, sha256, key, extend, document.octets + KEY_ROOM);
    return id;
  }

  /** @returns the entry; undefined where there is none. @throws {PosternError} `store/corrupt`. */
  async get(id: string): Promise<QuarantineEntry | undefined> {
    return (await this.#read(id))?.entry;
  }

  async #read(id: string): Promise<
    { found: Deno.KvEntry<unknown>; entry: QuarantineEntry } | undefined
  > {
    if (!isQuarantineId(id)) return undefined;
    const key = keys.quarantine(id);
    const found = await get(this.#access, key, "Cannot read the quarantine");
    if (found.versionstamp === null) return undefined;
    const entry = await readDocument(this.#access, quarantineEntry, key, found.value);
    return entry && { found, entry };
  }

  /** The octets of a message, verified. @throws {PosternError} `store/not-found`, `store/corrupt`. */
  async readOctets(id: string): Promise<Uint8Array> {
    const entry = await this.get(id);
    if (!entry) throw notFound(id);
    return await this.#blobs.read(entry.sha256);
  }

  /** Entries that match, newest first. One that cannot be read is left out and reported as a problem. */
  async list(query: QuarantineQuery): Promise<QuarantineEntry[]> {
    const entries: QuarantineEntry[] = [];
    const limit = query.limit ?? LIST_ENTRIES;
    if (limit <= 0) return entries;
    const matches = matcher(query);
    for await (const entry of this.entries(query.since, query.until, true)) {
      if (!matches(entry)) continue;
      entries.push(entry);
      if (entries.length >= limit) break;
    }
    return entries;
  }

  /** Entries by time, from `since` to `until` (ms, both included). */
  async *entries(
    since?: number,
    until?: number,
    reverse = false,
  ): AsyncGenerator<QuarantineEntry> {
    const selector = {
      start: keys.quarantine(since === undefined ? "" : idTime(since)),
      end: until === undefined ? ["quarantine", Infinity] : keys.quarantine(`${idTime(until)}~`),
    };
    // Numbers sort after strings among the parts of a key; `~` sorts after every character of an id.
    const found = list(this.#access, selector, "Cannot list the quarantine", { reverse });
    for await (const { key, value } of found) {
      try {
        const entry = await readDocument(this.#access, quarantineEntry, key as Key, value);
        if (entry) yield entry;
      } catch (error) {
        this.#access.problem(storeError("Cannot read an entry of the quarantine", error));
      }
    }
  }

  /** Deletes an entry, and its octets where no other entry has the same. */
  async delete(id: string): Promise<boolean> {
    for (let attempt = 0; attempt < COMMIT_TRIES; attempt++) {
      const read = await this.#read(id);
      if (!read) return false;
      const { found, entry } = read;
      const key = keys.quarantine(id);
      const done = await this.#blobs.release(entry.sha256, key, (atomic) => {
        atomic.check(found);
        deleteDocument(atomic, key, found.value);
        atomic.delete(keys.expiry(entry.expires, id));
        addTotal(atomic, "quarantined", -1);
      });
      if (done) return true;
    }
    throw new PosternError("store/failed", `Cannot delete ${id}: it changes all the time`);
  }

  /** Adds to an entry's history. @throws {PosternError} `store/not-found`. */
  async note(id: string, event: QuarantineEvent): Promise<void> {
    for (let attempt = 0; attempt < COMMIT_TRIES; attempt++) {
      const read = await this.#read(id);
      if (!read) throw notFound(id);
      const { found, entry } = read;
      const noted = { ...event, detail: event.detail.slice(0, DETAIL_CHARACTERS) };
      const document = this.#withHistory(entry, [...entry.history, noted]);
      const atomic = this.#access.kv.atomic().check(found);
      setDocument(
        atomic,
        keys.quarantine(id),
        document,
        documentParts(found.key as Key, found.value),
      );
      if (await commit(atomic, "Cannot note what was done with a message")) return;
    }
    throw new PosternError("store/failed", `Cannot note what was done with ${id}`);
  }

  /** With as much of the newest history as a document holds: the new event must never be refused for the old ones. */
  #withHistory(entry: QuarantineEntry, history: readonly QuarantineEvent[]): EncodedDocument {
    for (
      let kept = history.slice(-HISTORY_EVENTS);;
      kept = kept.slice(Math.ceil(kept.length / 2))
    ) {
      try {
        return encodeDocument(keys.quarantine(entry.id), { ...entry, history: kept });
      } catch (error) {
        if (kept.length <= 1) throw error;
      }
    }
  }

  /** Deletes what expired before `now`; @returns how many. */
  async collectExpired(now: number): Promise<number> {
    let deleted = 0;
    const selector = { start: ["expiry"], end: ["expiry", now] };
    for await (const { key } of list(this.#access, selector, "Cannot collect the quarantine")) {
      const id = key[2];
      if (typeof id !== "string") continue;
      const done = await this.#tryDelete(id);
      if (done) deleted++;
      else if (done === false) {
        await commit(this.#access.kv.atomic().delete(key), "Cannot collect the quarantine");
      }
    }
    return deleted;
  }

  /** Deletes the oldest until the blobs take at most `octets`, as `total()` gives them; @returns how many. */
  async collectSize(octets: number, total: () => Promise<number>): Promise<number> {
    let deleted = 0;
    if (await total() <= octets) return 0;
    const selector = { prefix: ["quarantine"] };
    try {
      for await (const { key } of list(this.#access, selector, "Cannot collect the quarantine")) {
        const id = key[1];
        if (typeof id === "string" && await this.#tryDelete(id)) deleted++;
        if (await total() <= octets) break;
      }
    } finally {
      if (deleted > 0) this.#access.evicted?.(deleted);
    }
    return deleted;
  }

  /** One entry that cannot be read must not stop the collection of the others: it stays (undefined), and `check` names it. */
  async #tryDelete(id: string): Promise<boolean | undefined> {
    try {
      return await this.delete(id);
    } catch (error) {
      const failure = storeError("Cannot delete an entry of the quarantine", error);
      if (failure.code !== "store/corrupt") throw failure;
      this.#access.problem(failure);
      return undefined;
    }
  }
}

function notFound(id: string): PosternError {
  const shown = isQuarantineId(id) ? id : JSON.stringify(id.slice(0, 40));
  return new PosternError("store/not-found", `There is no quarantined message ${shown}`);
}

/** The test that a query makes of each entry, but for its time. */
function matcher(query: QuarantineQuery): (entry: QuarantineEntry) => boolean {
  const contains = (text: string | undefined, part: string | undefined) =>
    part === undefined || (text ?? "").toLowerCase().includes(part.toLowerCase());
  return (entry) =>
    (query.status === undefined || entry.status === query.status) &&
    contains(entry.sender, query.sender) &&
    contains(entry.subject, query.subject) &&
    (query.recipient === undefined ||
      entry.recipients.some((recipient) => contains(recipient, query.recipient))) &&
    (query.finding === undefined ||
      entry.findings.some(({ name }) => contains(name, query.finding)));
}
