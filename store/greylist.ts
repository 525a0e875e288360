/**
 * Who wrote to whom from which network, and whether it came a second time. An index by due time goes with every record, so that
 * what is over is found without reading the rest; KV's own `expireIn` would leave the totals and the index behind.
 */
import type { Access } from "./access.ts";
import { commit, get, guarded, list, storeError } from "./access.ts";
import { addTotal, sha256Hex } from "./blobs.ts";
import type { GreylistClientRecord, GreylistRecord, Key, Total } from "./keys.ts";
import { decodeRecord, encodeRecord, greylistClientRecord, greylistRecord, keys } from "./keys.ts";
import {
  COMMIT_TRIES,
  GREYLIST_ADDRESS_CHARACTERS,
  GREYLIST_BATCH,
  GREYLIST_REFRESH,
  LIST_ENTRIES,
} from "./limits.ts";
import { PosternError } from "../errors.ts";
import type {
  GreylistAnswer,
  GreylistEntry,
  GreylistQuery,
  GreylistTerms,
  GreylistTriplet,
} from "./types.ts";
import type * as v from "valibot";

const DOING = "Cannot ask the greylist";
const COLLECTING = "Cannot collect the greylist";
const NOTHING = new Uint8Array();
/** Totals of what lives in the greylist. */
export const GREYLIST_TOTALS = ["greylistWaiting", "greylistKnown", "greylistClients"] as const;

type Maybe = Deno.KvEntryMaybe<unknown>;

/** The greylist of one store. */
export class Greylist {
  readonly #access: Access;

  constructor(access: Access) {
    this.#access = access;
  }

  /**
   * Says whether a mail has waited long enough, and remembers that it was here. Two that ask at once get what they would have got
   * one after the other.
   *
   * @param most Records that may be kept; past it those that are over soonest go.
   */
  async ask(
    triplet: GreylistTriplet,
    terms: GreylistTerms,
    most: number,
  ): Promise<GreylistAnswer> {
    const hash = await tripletHash(triplet);
    const key = keys.greylist(triplet.network, hash);
    const clientKey = keys.greylistClient(triplet.network);
    for (let attempt = 0; attempt < COMMIT_TRIES; attempt++) {
      const [found, client] = await guarded(
        DOING,
        () => this.#access.kv.getMany<unknown[]>([key, clientKey]),
      ) as [Maybe, Maybe];
      const atomic = this.#access.kv.atomic().check(found, client);
      const answer = await this.#step(atomic, found, client, triplet, terms, most);
      // Most answers change nothing: a second try that is too early, and mail that is known.
      if (answer.unchanged || await commit(atomic, DOING)) return answer.answer;
    }
    throw new PosternError("store/failed", `${DOING}: it changes all the time`);
  }

  async #step(
    atomic: Deno.AtomicOperation,
    found: Maybe,
    client: Maybe,
    triplet: GreylistTriplet,
    terms: GreylistTerms,
    most: number,
  ): Promise<{ readonly answer: GreylistAnswer; readonly unchanged?: boolean }> {
    const now = this.#access.now();
    const network = this.#live(greylistClientRecord, client, now);
    const record = this.#live(greylistRecord, found, now);
    const fresh = (until: number) => until >= now + terms.keep * GREYLIST_REFRESH;
    const until = now + terms.keep;
    if (terms.proven > 0 && network && network.passed >= terms.proven) {
      const answer = { waitMs: 0, came: "proven" } as const;
      if (fresh(network.until)) return { answer, unchanged: true };
      this.#write(atomic, client, { ...network, until });
      return { answer };
    }
    if (record?.passed !== undefined) {
      const answer = { waitMs: 0, came: "known" } as const;
      if (fresh(record.until)) return { answer, unchanged: true };
      this.#write(atomic, found, { ...record, until });
      return { answer };
    }
    if (record) {
      // A clock that was set back must not make anybody wait longer than the delay.
      const waited = Math.max(0, now - record.first);
      if (waited < terms.delay) {
        return { answer: { waitMs: terms.delay - waited, came: "early" }, unchanged: true };
      }
      this.#write(atomic, found, { ...record, passed: now, until });
      this.#write(atomic, client, { passed: (network?.passed ?? 0) + 1, until });
      addTotal(atomic, "greylistWaiting", -1);
      addTotal(atomic, "greylistKnown", 1);
      if (totalOf(client) === undefined) addTotal(atomic, "greylistClients", 1);
      return { answer: { waitMs: 0, came: "again" } };
    }
    await this.#makeRoom(most);
    const shown = (address: string) => address.slice(0, GREYLIST_ADDRESS_CHARACTERS);
    this.#write(atomic, found, {
      sender: shown(triplet.sender),
      recipient: shown(triplet.recipient),
      first: now,
      until: now + terms.window,
    });
    // One that is over takes its place, of whichever kind it was.
    const before = totalOf(found);
    if (before !== "greylistWaiting") {
      addTotal(atomic, "greylistWaiting", 1);
      if (before) addTotal(atomic, before, -1);
    }
    return { answer: { waitMs: terms.delay, came: "first" } };
  }

  /** A record that still holds; one that cannot be read is told of, and is as none. */
  #live<T extends { readonly until: number }>(
    schema: v.GenericSchema<T>,
    found: Maybe,
    now: number,
  ): T | undefined {
    if (found.versionstamp === null) return undefined;
    try {
      const record = decodeRecord(schema, found.key as Key, found.value);
      return record.until > now ? record : undefined;
    } catch (error) {
      this.#access.problem(storeError("Cannot read a record of the greylist", error));
      return undefined;
    }
  }

  #write(
    atomic: Deno.AtomicOperation,
    found: Maybe,
    record: GreylistRecord | GreylistClientRecord,
  ): void {
    const before = untilOf(found);
    const key = found.key as Key;
    if (before !== undefined) atomic.delete(dueKey(before, key));
    atomic.set(key, encodeRecord(record)).set(dueKey(record.until, key), NOTHING);
  }

  async #makeRoom(most: number): Promise<void> {
    if (await this.#total() < most) return;
    await this.#deleteDue(Infinity, GREYLIST_BATCH);
  }

  async #total(): Promise<number> {
    let sum = 0;
    for (const total of GREYLIST_TOTALS) {
      const { value } = await get(this.#access, keys.total(total), DOING);
      if (value instanceof Deno.KvU64) sum += Number(value.value);
    }
    return sum;
  }

  /** Forgets what is over; @returns how many records. */
  collect(now: number): Promise<number> {
    return this.#deleteDue(now, Infinity);
  }

  /** Deletes records that are due before `end`, soonest first, so many at most. */
  async #deleteDue(end: number, most: number): Promise<number> {
    let deleted = 0;
    let batch: Key[] = [];
    const selector = { start: ["greylistDue"], end: ["greylistDue", end] };
    for await (const { key } of list(this.#access, selector, COLLECTING)) {
      batch.push(key as Key);
      if (batch.length < GREYLIST_BATCH) continue;
      deleted += await this.#deleteBatch(batch);
      batch = [];
      if (deleted >= most) return deleted;
    }
    return deleted + await this.#deleteBatch(batch);
  }

  async #deleteBatch(dues: readonly Key[]): Promise<number> {
    if (dues.length === 0) return 0;
    const found: Maybe[] = [];
    // KV reads ten keys at once at most.
    for (let from = 0; from < dues.length; from += 10) {
      const some = dues.slice(from, from + 10).map(recordKey);
      found.push(...await guarded(COLLECTING, () => this.#access.kv.getMany<unknown[]>(some)));
    }
    const atomic = this.#access.kv.atomic();
    let count = 0;
    found.forEach((record, i) => {
      atomic.check(record).delete(dues[i]!);
      // A due time that is not the record's any more is only in the way.
      if (untilOf(record) !== dues[i]![1]) return;
      forget(atomic, record);
      count++;
    });
    if (await commit(atomic, COLLECTING)) return count;
    if (dues.length === 1) return 0; // it has just come again
    let deleted = 0;
    for (const due of dues) deleted += await this.#deleteBatch([due]);
    return deleted;
  }

  /** Records that match, by network. One that cannot be read is left out and reported as a problem. */
  async list(query: GreylistQuery): Promise<GreylistEntry[]> {
    const entries: GreylistEntry[] = [];
    const limit = query.limit ?? LIST_ENTRIES;
    for await (const { entry } of this.#matching(query)) {
      if (entries.length >= limit) break;
      entries.push(entry);
    }
    return entries;
  }

  /** Forgets what matches; @returns how many records. */
  async clear(query: GreylistQuery): Promise<number> {
    let deleted = 0;
    for await (const { found } of this.#matching(query)) {
      const atomic = this.#access.kv.atomic().check(found);
      const until = untilOf(found);
      if (until !== undefined) atomic.delete(dueKey(until, found.key as Key));
      forget(atomic, found);
      if (await commit(atomic, "Cannot clear the greylist")) deleted++;
    }
    return deleted;
  }

  async *#matching(
    query: GreylistQuery,
  ): AsyncGenerator<{ readonly found: Deno.KvEntry<unknown>; readonly entry: GreylistEntry }> {
    const now = this.#access.now();
    const contains = (text: string, part: string | undefined) =>
      part === undefined || text.toLowerCase().includes(part.toLowerCase());
    const within = query.network === undefined ? [] : [query.network];
    const doing = "Cannot list the greylist";
    // Clients have no addresses to be found by.
    const networks = query.sender === undefined && query.recipient === undefined;
    if (networks && query.network !== undefined) {
      const found = await get(this.#access, keys.greylistClient(query.network), doing);
      const client = this.#live(greylistClientRecord, found, now);
      if (client && found.versionstamp !== null) {
        yield { found, entry: { network: query.network, ...client } };
      }
    } else if (networks) {
      for await (const found of list(this.#access, { prefix: ["greylistClient"] }, doing)) {
        const client = this.#live(greylistClientRecord, found, now);
        if (client) yield { found, entry: { network: String(found.key[1]), ...client } };
      }
    }
    for await (const found of list(this.#access, { prefix: ["greylist", ...within] }, doing)) {
      const record = this.#live(greylistRecord, found, now);
      if (!record || !contains(record.sender, query.sender)) continue;
      if (!contains(record.recipient, query.recipient)) continue;
      yield { found, entry: { network: String(found.key[1]), ...record } };
    }
  }
}

/** What tells senders and recipients apart in a key, whose length is bounded. */
function tripletHash({ sender, recipient }: GreylistTriplet): Promise<string> {
  return sha256Hex(new TextEncoder().encode(`${sender}\0${recipient}`));
}

/** Deletes a record and counts it no more. */
function forget(atomic: Deno.AtomicOperation, found: Maybe): void {
  atomic.delete(found.key);
  const total = totalOf(found);
  if (total) addTotal(atomic, total, -1);
}

/** The total that a record is counted in; `undefined` where it is none. */
export function totalOf(found: Pick<Maybe, "key" | "value">): Total | undefined {
  if (untilOf(found) === undefined) return undefined;
  if (found.key[0] === "greylistClient") return "greylistClients";
  return "passed" in (readable(found.value) ?? {}) ? "greylistKnown" : "greylistWaiting";
}

/** When a record is over, ms since 1970; `undefined` where there is none. */
export function untilOf({ value }: Pick<Maybe, "value">): number | undefined {
  const until = readable(value)?.["until"];
  return typeof until === "number" ? until : undefined;
}

function readable(value: unknown): Readonly<Record<string, unknown>> | undefined {
  try {
    const record: unknown = JSON.parse(new TextDecoder().decode(value as Uint8Array));
    return typeof record === "object" && record !== null ? { ...record } : undefined;
  } catch {
    return undefined;
  }
}

/** Where the index has a record. */
export function dueKey(until: number, [kind, network, hash]: Key): Key {
  return keys.greylistDue(until, String(network), kind === "greylistClient" ? "" : String(hash));
}

/** The record of an entry of the index. */
export function recordKey([, , network, hash]: Key): Key {
  return hash === ""
    ? keys.greylistClient(String(network))
    : keys.greylist(String(network), String(hash));
}
