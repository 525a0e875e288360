/**
 * Octets by their SHA-256. Chunks are written first, under a marker `pending`; the commit that makes them visible writes the
 * blob's record, who needs it, and whatever the caller adds, and takes the marker away. What a crash leaves is named by its marker.
 */
import { createHash } from "node:crypto";
import { PosternError } from "../errors.ts";
import type { Access } from "./access.ts";
import { commit, get, guarded, list, storeError } from "./access.ts";
import type { BlobRecord, Key } from "./keys.ts";
import { blobRecord, decodeRecord, encodeRecord, keys, pendingRecord } from "./keys.ts";
import {
  CHUNK_OCTETS,
  CHUNKS_PER_COMMIT,
  COMMIT_MUTATIONS,
  COMMIT_TRIES,
  DELETE_CHUNKS,
} from "./limits.ts";
import { newQuarantineId } from "./ids.ts";

/** Adds to the commit that makes a blob visible. */
export type Extend = (atomic: Deno.AtomicOperation) => void;

const READ_AHEAD = 10; // the most keys of one getMany

/** SHA-256, lower-case hex. */
export async function sha256Hex(octets: Uint8Array): Promise<string> {
  if (octets.length < 65_536) return createHash("sha256").update(octets).digest("hex");
  // Off the main thread; a view on shared memory is copied, as WebCrypto refuses it.
  const own = octets.buffer instanceof ArrayBuffer
    ? octets as Uint8Array<ArrayBuffer>
    : new Uint8Array(octets);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", own));
  return Array.from(digest, (octet) => octet.toString(16).padStart(2, "0")).join("");
}

/** Adds `change` to a total in a commit; sums wrap, so that adding 2^64 - n takes n away. */
export function addTotal(
  atomic: Deno.AtomicOperation,
  total: Parameters<typeof keys.total>[0],
  change: number,
): void {
  if (change !== 0) atomic.sum(keys.total(total), BigInt.asUintN(64, BigInt(change)));
}

/** The blobs of one store. */
export class Blobs {
  readonly #access: Access;
  /** Generations being written or deleted right now: the collector leaves them alone. */
  readonly #active = new Set<string>();
  /** The last change under way, by hash: the same message sent to many is written once. */
  readonly #turns = new Map<string, Promise<unknown>>();

  constructor(access: Access) {
    this.#access = access;
  }

  /** Whether chunks of this generation are being written or deleted now. */
  isActive(generation: string): boolean {
    return this.#active.has(generation);
  }

  /**
   * Keeps octets for `owner`; resolves when they, the reference and what `extend` adds are on disk, by one commit.
   *
   * @param room Octets of values and keys that `extend` adds; at most 720,000.
   * @throws {PosternError} `store/full`, `store/locked`, `store/failed`.
   */
  async put(
    octets: Uint8Array,
    sha256: string,
    owner: Key,
    extend: Extend,
    room: number,
  ): Promise<void> {
    await this.#inTurn(sha256, () => this.#put(octets, sha256, owner, extend, room));
  }

  /** One change at a time of the references of one blob: others would only meet and try again. */
  async #inTurn<T>(sha256: string, change: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(sha256);
    const mine = (async () => {
      await before?.catch(() => {}); // its caller hears of it
      return await change();
    })();
    this.#turns.set(sha256, mine);
    try {
      return await mine;
    } finally {
      if (this.#turns.get(sha256) === mine) this.#turns.delete(sha256);
    }
  }

  async #put(
    octets: Uint8Array,
    sha256: string,
    owner: Key,
    extend: Extend,
    room: number,
  ): Promise<void> {
    const doing = "Cannot keep a message";
    const { kv } = this.#access;
    const blobKey = keys.blob(sha256);
    for (let attempt = 0; attempt < COMMIT_TRIES; attempt++) {
      const found = await get(this.#access, blobKey, doing);
      if (found.versionstamp !== null) {
        const record = decodeRecord(blobRecord, blobKey, found.value);
        // Setting the record again gives it a new version, so that a deletion that has begun sees the new reference.
        const atomic = kv.atomic().check(found).set(blobKey, encodeRecord(record));
        atomic.set(keys.reference(sha256, owner), new Uint8Array());
        extend(atomic);
        if (await commit(atomic, doing)) return;
        continue;
      }
      const generation = newQuarantineId(this.#access.now());
      this.#active.add(generation);
      try {
        const chunks = Math.ceil(octets.length / CHUNK_OCTETS);
        const together = octets.length + room <= CHUNKS_PER_COMMIT * CHUNK_OCTETS;
        if (!together) await this.#writeChunks(octets, sha256, generation, chunks, doing);
        const atomic = kv.atomic().check({ key: blobKey, versionstamp: null });
        if (together) setChunks(atomic, octets, sha256, generation, 0, chunks);
        else atomic.delete(keys.pending(sha256, generation));
        const record: BlobRecord = { size: octets.length, chunks, generation };
        atomic.set(blobKey, encodeRecord(record));
        atomic.set(keys.reference(sha256, owner), new Uint8Array());
        addTotal(atomic, "blobs", 1);
        addTotal(atomic, "blobOctets", octets.length);
        extend(atomic);
        if (await commit(atomic, doing)) return;
        if (!together) await this.#deleteChunks(sha256, generation, chunks);
      } finally {
        this.#active.delete(generation);
      }
    }
    throw new PosternError("store/failed", `${doing}: too many writers of the same message`);
  }

  async #writeChunks(
    octets: Uint8Array,
    sha256: string,
    generation: string,
    chunks: number,
    doing: string,
  ): Promise<void> {
    const { kv } = this.#access;
    for (let n = 0; n < chunks; n += CHUNKS_PER_COMMIT) {
      const atomic = kv.atomic();
      if (n === 0) atomic.set(keys.pending(sha256, generation), encodeRecord({ chunks }));
      setChunks(atomic, octets, sha256, generation, n, Math.min(n + CHUNKS_PER_COMMIT, chunks));
      await commit(atomic, doing);
    }
  }

  /**
   * Reads a blob and compares its hash.
   *
   * @throws {PosternError} `store/not-found`, `store/corrupt`.
   */
  async read(sha256: string): Promise<Uint8Array> {
    const doing = "Cannot read a message";
    const key = keys.blob(sha256);
    const found = await get(this.#access, key, doing);
    if (found.versionstamp === null) {
      throw new PosternError("store/not-found", `There is no blob ${sha256}`);
    }
    const record = decodeRecord(blobRecord, key, found.value);
    try {
      return await this.#readChunks(sha256, record);
    } catch (error) {
      const now = await get(this.#access, key, doing);
      if (now.versionstamp !== null) throw error;
      throw new PosternError("store/not-found", `The blob ${sha256} was deleted meanwhile`);
    }
  }

  async #readChunks(sha256: string, record: BlobRecord): Promise<Uint8Array> {
    const octets = new Uint8Array(record.size);
    let at = 0;
    for await (const chunk of this.chunks(sha256, record)) {
      if (at + chunk.length <= octets.length) octets.set(chunk, at);
      at += chunk.length;
    }
    if (at !== octets.length || await sha256Hex(octets) !== sha256) {
      throw new PosternError("store/corrupt", `The octets of ${sha256} are not what was stored`);
    }
    return octets;
  }

  /** The chunks of a blob in order, not verified. @throws {PosternError} `store/corrupt` where one is missing. */
  async *chunks(sha256: string, record: BlobRecord): AsyncGenerator<Uint8Array> {
    for (let from = 0; from < record.chunks; from += READ_AHEAD) {
      const wanted: Key[] = [];
      for (let n = from; n < Math.min(from + READ_AHEAD, record.chunks); n++) {
        wanted.push(keys.chunk(sha256, record.generation, n));
      }
      const found = await guarded(
        "Cannot read a message",
        () => this.#access.kv.getMany<unknown[]>(wanted),
      );
      for (const { value } of found) {
        if (value instanceof Uint8Array) yield value;
        else throw new PosternError("store/corrupt", `A chunk of ${sha256} is missing`);
      }
    }
  }

  /**
   * Takes the owner's reference away by one commit with what `extend` adds, and the blob, too, where nobody else needs it.
   *
   * @returns false where the caller's checks did not hold; nothing is changed then.
   */
  async release(sha256: string, owner: Key, extend: Extend): Promise<boolean> {
    return await this.#inTurn(sha256, () => this.#release(sha256, owner, extend));
  }

  async #release(sha256: string, owner: Key, extend: Extend): Promise<boolean> {
    const doing = "Cannot delete a message";
    const { kv } = this.#access;
    const mine = JSON.stringify(keys.reference(sha256, owner));
    const found = await get(this.#access, keys.blob(sha256), doing);
    const atomic = kv.atomic().check(found).delete(keys.reference(sha256, owner));
    let others = false;
    const references = list(this.#access, { prefix: ["reference", sha256] }, doing, { limit: 2 });
    for await (const { key } of references) others ||= JSON.stringify(key) !== mine;
    extend(atomic);
    if (found.versionstamp === null) return await commit(atomic, doing);
    if (others) {
      // A new version here as well: two that go at once must not each leave the blob to the other.
      return await commit(atomic.set(found.key, found.value), doing);
    }
    const record = decodeRecord(blobRecord, keys.blob(sha256), found.value);
    atomic.delete(keys.blob(sha256));
    addTotal(atomic, "blobs", -1);
    addTotal(atomic, "blobOctets", -record.size);
    if (record.chunks <= DELETE_CHUNKS) {
      for (let n = 0; n < record.chunks; n++) {
        atomic.delete(keys.chunk(sha256, record.generation, n));
      }
      return await commit(atomic, doing);
    }
    atomic.set(
      keys.pending(sha256, record.generation),
      encodeRecord({ chunks: record.chunks }),
    );
    this.#active.add(record.generation);
    try {
      if (!await commit(atomic, doing)) return false;
      await this.#deleteChunks(sha256, record.generation, record.chunks);
      return true;
    } finally {
      this.#active.delete(record.generation);
    }
  }

  /** Deletes what crashes left of blobs half written or half deleted; @returns how many. */
  async collectPending(): Promise<number> {
    let collected = 0;
    const doing = "Cannot collect orphaned blobs";
    for await (const { key, value } of list(this.#access, { prefix: ["pending"] }, doing)) {
      const [, sha256, generation] = key;
      if (typeof sha256 !== "string" || typeof generation !== "string") continue;
      if (this.#active.has(generation)) continue;
      const pending = await get(this.#access, key as Key, doing); // the list may be behind
      if (pending.versionstamp === null || this.#active.has(generation)) continue;
      let chunks: number;
      try {
        ({ chunks } = decodeRecord(pendingRecord, key as Key, value));
      } catch (error) {
        this.#access.problem(storeError(doing, error));
        continue;
      }
      await this.#deleteChunks(sha256, generation, chunks);
      collected++;
    }
    return collected;
  }

  async #deleteChunks(sha256: string, generation: string, chunks: number): Promise<void> {
    const { kv } = this.#access;
    const doing = "Cannot delete the chunks of a message";
    for (let n = 0; n < chunks; n += COMMIT_MUTATIONS) {
      const atomic = kv.atomic();
      for (let m = n; m < Math.min(n + COMMIT_MUTATIONS, chunks); m++) {
        atomic.delete(keys.chunk(sha256, generation, m));
      }
      await commit(atomic, doing);
    }
    await commit(kv.atomic().delete(keys.pending(sha256, generation)), doing);
  }
}

function setChunks(
  atomic: Deno.AtomicOperation,
  octets: Uint8Array,
  sha256: string,
  generation: string,
  from: number,
  to: number,
): void {
  for (let n = from; n < to; n++) {
    // A view over a large buffer would be serialized with all of it.
    const chunk = octets.slice(n * CHUNK_OCTETS, (n + 1) * CHUNK_OCTETS);
    atomic.set(keys.chunk(sha256, generation, n), chunk);
  }
}
