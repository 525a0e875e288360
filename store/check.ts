/**
 * Reads everything and compares it with itself. What can be rebuilt without losing anything is mended: the index by expiry,
 * references, totals, octets nobody needs. What is lost is named. Runs beside the daemon's work: what looks wrong is read a second
 * time before it is believed.
 */
import { createHash } from "node:crypto";
import type { Access } from "./access.ts";
import { commit, get, list, storeError } from "./access.ts";
import type { Blobs } from "./blobs.ts";
import { readDocument } from "./documents.ts";
import { checkGreylist } from "./greylist_check.ts";
import type { BlobRecord, Key, Total } from "./keys.ts";
import {
  blobRecord,
  decodeRecord,
  encodeRecord,
  keys,
  KINDS,
  messageLogEntry,
  pendingRecord,
  poisonRecord,
  quarantineEntry,
  SCHEMA_VERSION,
  showKey,
  TOTALS,
} from "./keys.ts";
import type { QuarantineEntry, StoreCheck } from "./types.ts";

const DOING = "Cannot check the store";
/** Problems named one by one; the rest is a number. */
const MOST_SENTENCES = 1_000;

/** One run of the check. */
export class Check {
  readonly #access: Access;
  readonly #blobs: Blobs;
  /** Whether nothing was written since the check began: only then the totals can be told right from wrong. */
  readonly #quiet: () => boolean;
  readonly #problems: string[] = [];
  readonly #mended: string[] = [];
  readonly #counts: Record<Total, number> = {
    quarantined: 0,
    blobs: 0,
    blobOctets: 0,
    messages: 0,
    greylistWaiting: 0,
    greylistKnown: 0,
    greylistClients: 0,
  };
  /** Hashes of the messages of all entries seen. */
  readonly #needed = new Set<string>();

  constructor(access: Access, blobs: Blobs, quiet: () => boolean) {
    this.#access = access;
    this.#blobs = blobs;
    this.#quiet = quiet;
  }

  /** Does it. @throws {PosternError} Only where the file cannot be read at all. */
  async run(): Promise<StoreCheck> {
    const orphans = await this.#blobs.collectPending();
    if (orphans > 0) this.#mend(`${orphans} blobs half written or half deleted were collected`);
    await this.#checkKinds();
    await this.#checkEntries();
    await this.#checkReferences();
    await this.#checkBlobs();
    await this.#checkChunks();
    await this.#checkExpiry();
    await this.#checkParts();
    await this.#checkRecords();
    await checkGreylist(this.#access, {
      counted: (total) => void this.#counts[total]++,
      failure: (error) => this.#failure(error),
      mended: (text) => this.#mend(text),
    });
    await this.#checkTotals();
    return {
      schemaVersion: SCHEMA_VERSION,
      ...this.#counts,
      problems: shortened(this.#problems),
      mended: shortened(this.#mended),
    };
  }

  #problem(text: string): void {
    this.#problems.push(text);
  }

  #mend(text: string): void {
    this.#mended.push(text);
  }

  #failure(error: unknown): void {
    const { message, cause } = storeError(DOING, error);
    this.#problem(typeof cause === "string" ? `${message} (${cause})` : message);
  }

  async #exists(key: Key): Promise<boolean> {
    return (await get(this.#access, key, DOING)).versionstamp !== null;
  }

  /** Keys of no known kind: skips from kind to kind instead of reading all. */
  async #checkKinds(): Promise<void> {
    const known: ReadonlySet<unknown> = new Set(KINDS);
    let start: Key = [""];
    for (;;) {
      let kind: unknown;
      const selector = { start, end: [Infinity] };
      for await (const { key } of list(this.#access, selector, DOING, { limit: 1 })) kind = key[0];
      if (typeof kind !== "string") return;
      if (!known.has(kind)) this.#problem(`There are keys of an unknown kind: ${kind}`);
      start = [kind, Infinity, Infinity];
    }
  }

  async #checkEntries(): Promise<void> {
    for await (const { key, value } of list(this.#access, { prefix: ["quarantine"] }, DOING)) {
      let entry: QuarantineEntry | undefined;
      try {
        entry = await readDocument(this.#access, quarantineEntry, key as Key, value);
      } catch (error) {
        this.#failure(error);
        continue;
      }
      if (!entry) continue;
      this.#counts.quarantined++;
      if (entry.id !== key[1]) this.#problem(`${showKey(key)} holds the entry ${entry.id}`);
      this.#needed.add(entry.sha256);
      await this.#checkOwn(entry);
    }
  }

  async #checkOwn(entry: QuarantineEntry): Promise<void> {
    const key = keys.quarantine(entry.id);
    const found = await get(this.#access, keys.blob(entry.sha256), DOING);
    if (found.versionstamp === null) {
      if (await this.#exists(key)) {
        this.#problem(`${entry.id}: its message (${entry.sha256}) is not there`);
      }
      return;
    }
    const size = this.#readBlob(keys.blob(entry.sha256), found.value)?.size;
    if (size !== undefined && size !== entry.size) {
      this.#problem(`${entry.id}: ${entry.size} octets, its message has ${size}`);
    }
    const reference = keys.reference(entry.sha256, key);
    const expiry = keys.expiry(entry.expires, entry.id);
    const hasReference = await this.#exists(reference);
    const hasExpiry = await this.#exists(expiry);
    if (hasReference && hasExpiry) return;
    const entryNow = await get(this.#access, key, DOING);
    if (entryNow.versionstamp === null) return; // deleted meanwhile
    const atomic = this.#access.kv.atomic().check(entryNow, found);
    atomic.set(found.key, found.value); // as every new reference does
    atomic.set(reference, new Uint8Array()).set(expiry, new Uint8Array());
    if (!await commit(atomic, DOING)) return;
    if (!hasReference) this.#mend(`${entry.id}: its reference was missing and is there again`);
    if (!hasExpiry) this.#mend(`${entry.id}: its expiry was missing and is there again`);
  }

  #readBlob(key: Key, value: unknown): BlobRecord | undefined {
    try {
      return decodeRecord(blobRecord, key, value);
    } catch (error) {
      this.#failure(error);
      return undefined;
    }
  }

  /** Each blob is needed by somebody. */
  async #checkBlobs(): Promise<void> {
    for await (const found of list(this.#access, { prefix: ["blob"] }, DOING)) {
      const sha256 = String(found.key[1]);
      const record = this.#readBlob(found.key as Key, found.value);
      if (!record) continue;
      this.#counts.blobs++;
      this.#counts.blobOctets += record.size;
      if (this.#needed.has(sha256)) continue;
      // An entry that cannot be read may need it: its reference keeps the octets for whoever can.
      let owner: string | undefined;
      for await (const { key } of list(this.#access, { prefix: ["reference", sha256] }, DOING)) {
        if (await this.#exists(key.slice(2) as Key)) owner = showKey(key.slice(2));
      }
      if (owner !== undefined) continue;
      if (await this.#blobs.release(sha256, ["nobody"], (atomic) => void atomic.check(found))) {
        this.#counts.blobs--;
        this.#counts.blobOctets -= record.size;
        this.#mend(`The blob ${sha256} was needed by nobody and is collected`);
      }
    }
  }

  /** All octets, in one pass by hash and generation. */
  async #checkChunks(): Promise<void> {
    let run:
      | { sha256: string; generation: string; hash: ReturnType<typeof createHash>; n: number }
      | undefined;
    const finish = async () => {
      if (run) await this.#checkRun(run.sha256, run.generation, run.hash.digest("hex"), run.n);
    };
    for await (const { key, value } of list(this.#access, { prefix: ["chunk"] }, DOING, BIG)) {
      const [, sha256, generation] = key;
      if (typeof sha256 !== "string" || typeof generation !== "string") continue;
      if (run?.sha256 !== sha256 || run.generation !== generation) {
        await finish();
        run = { sha256, generation, hash: createHash("sha256"), n: 0 };
      }
      if (value instanceof Uint8Array) run.hash.update(value);
      run.n++;
    }
    await finish();
    await this.#checkEmpty();
  }

  async #checkRun(sha256: string, generation: string, hash: string, n: number): Promise<void> {
    if (this.#blobs.isActive(generation)) return;
    const key = keys.blob(sha256);
    const found = await get(this.#access, key, DOING);
    const record = found.versionstamp === null ? undefined : this.#readBlob(key, found.value);
    if (found.versionstamp !== null && !record) return; // named already
    if (record?.generation === generation) {
      if (hash === sha256 && n === record.chunks) return;
      // A list over many chunks is not one moment; a second reading decides.
      try {
        await this.#blobs.read(sha256);
      } catch (error) {
        this.#failure(error);
      }
      return;
    }
    if (await this.#exists(keys.pending(sha256, generation))) return;
    let last = -1;
    const selector = { prefix: ["chunk", sha256, generation] };
    for await (const chunk of list(this.#access, selector, DOING, BIG)) {
      if (typeof chunk.key[3] === "number") last = Math.max(last, chunk.key[3]);
    }
    if (last < 0) return;
    const marker = encodeRecord({ chunks: last + 1 });
    const atomic = this.#access.kv.atomic().check(found)
      .set(keys.pending(sha256, generation), marker);
    if (!await commit(atomic, DOING)) return;
    await this.#blobs.collectPending();
    this.#mend(`${n} chunks that belonged to no blob were collected`);
  }

  /** Blobs none of whose chunks are there are not met by the pass over the chunks. */
  async #checkEmpty(): Promise<void> {
    for await (const { key, value } of list(this.#access, { prefix: ["blob"] }, DOING)) {
      const sha256 = String(key[1]);
      const record = this.#readBlob(key as Key, value);
      if (!record || await this.#exists(keys.chunk(sha256, record.generation, 0))) continue;
      if (record.chunks === 0 && sha256 === EMPTY) continue;
      await this.#blobs.read(sha256).catch((error) => {
        if (storeError(DOING, error).code !== "store/not-found") this.#failure(error);
      });
    }
  }

  async #checkReferences(): Promise<void> {
    for await (const found of list(this.#access, { prefix: ["reference"] }, DOING)) {
      const { key } = found;
      const owner = key.slice(2) as Key;
      const entry = await get(this.#access, owner, DOING);
      if (entry.versionstamp !== null) continue;
      const blob = await get(this.#access, ["blob", String(key[1])], DOING);
      const atomic = this.#access.kv.atomic().check(found, entry, blob).delete(key);
      // A reference is made by the commit that makes its owner, so one without an owner is an orphan for good.
      if (await commit(atomic, DOING)) {
        this.#mend(`A reference of ${showKey(owner)}, which is not there, was removed`);
      }
    }
  }

  async #checkExpiry(): Promise<void> {
    for await (const found of list(this.#access, { prefix: ["expiry"] }, DOING)) {
      const { key } = found;
      const ownerKey = keys.quarantine(String(key[2]));
      const owner = await get(this.#access, ownerKey, DOING);
      if (owner.versionstamp !== null) continue;
      if (await commit(this.#access.kv.atomic().check(found, owner).delete(key), DOING)) {
        this.#mend(`The expiry of ${String(key[2])}, which is not there, was removed`);
      }
    }
  }

  /** Parts of documents that are not there. */
  async #checkParts(): Promise<void> {
    let gone = 0;
    for await (const found of list(this.#access, { prefix: ["more"] }, DOING, BIG)) {
      const { key } = found;
      const owner = await get(this.#access, key.slice(1, -1) as Key, DOING);
      if (owner.versionstamp !== null) continue;
      if (await commit(this.#access.kv.atomic().check(found, owner).delete(key), DOING)) gone++;
    }
    if (gone > 0) this.#mend(`${gone} parts of records that are not there were removed`);
  }

  async #checkRecords(): Promise<void> {
    for await (const { key, value } of list(this.#access, { prefix: ["message"] }, DOING)) {
      this.#counts.messages++;
      await readDocument(this.#access, messageLogEntry, key as Key, value)
        .catch((error) => this.#failure(error));
    }
    for (const [kind, schema] of [["poison", poisonRecord], ["pending", pendingRecord]] as const) {
      for await (const { key, value } of list(this.#access, { prefix: [kind] }, DOING)) {
        try {
          decodeRecord<unknown>(schema, key as Key, value);
        } catch (error) {
          this.#failure(error);
        }
      }
    }
    for await (const { key, value } of list(this.#access, { prefix: ["statistic"] }, DOING)) {
      if (!(value instanceof Deno.KvU64)) this.#problem(`${showKey(key)} is no counter`);
    }
  }

  async #checkTotals(): Promise<void> {
    for (const total of TOTALS) {
      const found = await get(this.#access, keys.total(total), DOING);
      const kept = found.value instanceof Deno.KvU64 ? Number(found.value.value) : 0;
      if (!this.#quiet()) return;
      if (kept === this.#counts[total]) continue;
      const right = new Deno.KvU64(BigInt(this.#counts[total]));
      const atomic = this.#access.kv.atomic().check(found).set(found.key, right);
      if (await commit(atomic, DOING)) {
        this.#mend(`The total ${total} was ${kept} and is ${this.#counts[total]}`);
      }
    }
  }
}

/** Values of 60 KiB come ten at a time. */
const BIG = { batchSize: 10 } as const;
/** SHA-256 of no octets. */
const EMPTY = createHash("sha256").digest("hex");

function shortened(sentences: readonly string[]): string[] {
  if (sentences.length <= MOST_SENTENCES) return [...sentences];
  const more = sentences.length - MOST_SENTENCES;
  return [...sentences.slice(0, MOST_SENTENCES), `... and ${more} more`];
}
