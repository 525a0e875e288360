/**
 * A backup: one file with everything that cannot be rebuilt.
 *
 * `POSTERN-BACKUP-1 LF`, then frames, each: kind (1 octet), length of the key (u32, big endian), length of the value (u32), the key
 * (JSON, UTF-8), the value, CRC-32 of all these (u32). Kinds: `H` header (value: JSON {@link BackupHeader}), `R` octets, `U` counter
 * (u64), `E` end (value: number of frames before it as u64, then SHA-256 of all octets before this frame). Nothing follows `E`.
 *
 * The store goes on working meanwhile: octets stand before the entry that needs them, and an entry deleted while its octets were
 * copied is left out.
 */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { dirname } from "node:path";
import { PosternError } from "../errors.ts";
import type { Access } from "./access.ts";
import { get, list, storeError } from "./access.ts";
import type { Blobs } from "./blobs.ts";
import type { BackupResult } from "./types.ts";
import { encodeDocument, readDocument } from "./documents.ts";
import { crc32 } from "./crc32.ts";
import type { Key } from "./keys.ts";
import {
  blobRecord,
  decodeRecord,
  encodeRecord,
  greylistClientRecord,
  greylistRecord,
  keys,
  messageLogEntry,
  poisonRecord,
  quarantineEntry,
  SCHEMA_VERSION,
} from "./keys.ts";

/** First octets of a backup. */
export const BACKUP_MAGIC: Uint8Array = new TextEncoder().encode("POSTERN-BACKUP-1\n");
/** Octets of a frame before its key. */
export const FRAME_HEAD = 9;
/** Kinds of frames. */
export const FRAMES = { header: 0x48, record: 0x52, counter: 0x55, end: 0x45 } as const;

/** What a backup says of itself. */
export interface BackupHeader {
  readonly schemaVersion: number;
  /** When it was made, ms since 1970. */
  readonly time: number;
}

/** Kinds of which every value is a record of its own. */
const RECORDS = [
  ["poison", poisonRecord],
  ["greylist", greylistRecord],
  ["greylistClient", greylistClientRecord],
] as const;

const DOING = "Cannot write the backup";
const BUFFER_OCTETS = 1024 * 1024;

/** Writes frames to a file, with the hash over all. */
class FrameWriter {
  readonly #file: Deno.FsFile;
  readonly #hash = createHash("sha256");
  #parts: Uint8Array[] = [];
  #waiting = 0;
  frames = 0;
  octets = 0;

  constructor(file: Deno.FsFile) {
    this.#file = file;
  }

  async raw(octets: Uint8Array): Promise<void> {
    this.#hash.update(octets);
    this.octets += octets.length;
    this.#parts.push(octets);
    this.#waiting += octets.length;
    if (this.#waiting >= BUFFER_OCTETS) await this.flush();
  }

  async frame(kind: number, key: Key, value: Uint8Array): Promise<void> {
    const keyOctets = encodeRecord(key);
    const head = Buffer.alloc(FRAME_HEAD);
    head[0] = kind;
    head.writeUInt32BE(keyOctets.length, 1);
    head.writeUInt32BE(value.length, 5);
    const sum = Buffer.alloc(4);
    sum.writeUInt32BE(crc32(value, crc32(keyOctets, crc32(head))));
    for (const part of [head, keyOctets, value, sum]) await this.raw(part);
    this.frames++;
  }

  async end(): Promise<void> {
    const value = Buffer.alloc(40);
    value.writeBigUInt64BE(BigInt(this.frames));
    value.set(this.#hash.copy().digest(), 8);
    await this.frame(FRAMES.end, [], value);
    await this.flush();
    await this.#file.sync();
  }

  async flush(): Promise<void> {
    const octets = Buffer.concat(this.#parts);
    this.#parts = [];
    this.#waiting = 0;
    for (let at = 0; at < octets.length;) at += await this.#file.write(octets.subarray(at));
  }
}

/**
 * Writes everything to `path`: aside, fsynced, renamed. An older file of that name is replaced only by a whole one.
 *
 * @throws {PosternError} `store/full`, `store/failed`; the file is not made then.
 */
export async function writeBackup(
  access: Access,
  blobs: Blobs,
  path: string,
): Promise<BackupResult> {
  const aside = `${path}.${crypto.randomUUID()}.partial`;
  try {
    const file = await Deno.open(aside, { createNew: true, write: true, mode: 0o600 });
    let result: BackupResult;
    try {
      const writer = new FrameWriter(file);
      const written = await writeAll(access, blobs, writer);
      result = { ...written, octets: writer.octets };
    } finally {
      file.close();
    }
    await Deno.rename(aside, path);
    await syncDirectory(dirname(path));
    return result;
  } catch (error) {
    await Deno.remove(aside).catch(() => {}); // not there when open failed
    throw storeError(`${DOING} ${path}`, error);
  }
}

/** Makes a rename in a directory last. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await Deno.open(path, { read: true });
  try {
    await directory.sync();
  } finally {
    directory.close();
  }
}

async function writeAll(
  access: Access,
  blobs: Blobs,
  writer: FrameWriter,
): Promise<{ entries: number; skipped: string[] }> {
  await writer.raw(BACKUP_MAGIC);
  const header: BackupHeader = { schemaVersion: SCHEMA_VERSION, time: access.now() };
  await writer.frame(FRAMES.header, [], encodeRecord(header));
  const skipped: string[] = [];
  const entries = await writeQuarantine(access, blobs, writer, skipped);
  for await (const { key, value } of list(access, { prefix: ["message"] }, DOING)) {
    await orSkip(skipped, async () => {
      const entry = await readDocument(access, messageLogEntry, key as Key, value);
      if (entry) await writeDocument(writer, key as Key, entry);
    });
  }
  for (const [kind, schema] of RECORDS) {
    for await (const { key, value } of list(access, { prefix: [kind] }, DOING)) {
      await orSkip(skipped, async () => {
        const record = decodeRecord<unknown>(schema, key as Key, value);
        await writer.frame(FRAMES.record, key as Key, encodeRecord(record));
      });
    }
  }
  for await (const { key, value } of list(access, { prefix: ["statistic"] }, DOING)) {
    if (!(value instanceof Deno.KvU64)) continue;
    const octets = Buffer.alloc(8);
    octets.writeBigUInt64BE(value.value);
    await writer.frame(FRAMES.counter, key as Key, octets);
  }
  await writer.end();
  return { entries, skipped };
}

/** What is damaged in the store is no reason to have no backup of the rest. */
async function orSkip(skipped: string[], write: () => Promise<void>): Promise<void> {
  try {
    await write();
  } catch (error) {
    const failure = storeError(DOING, error);
    if (failure.code !== "store/corrupt") throw failure;
    skipped.push(failure.message);
  }
}

async function writeQuarantine(
  access: Access,
  blobs: Blobs,
  writer: FrameWriter,
  skipped: string[],
): Promise<number> {
  let entries = 0;
  const written = new Set<string>();
  for await (const found of list(access, { prefix: ["quarantine"] }, DOING)) {
    const key = found.key as Key;
    await orSkip(skipped, async () => {
      const entry = await readDocument(access, quarantineEntry, key, found.value);
      if (!entry) return;
      try {
        if (!written.has(entry.sha256)) await writeBlob(access, blobs, writer, entry.sha256);
        written.add(entry.sha256);
      } catch (error) {
        const now = await get(access, key, DOING);
        if (now.versionstamp === null) return; // deleted meanwhile
        throw error;
      }
      await writeDocument(writer, key, entry);
      entries++;
    });
  }
  return entries;
}

async function writeBlob(
  access: Access,
  blobs: Blobs,
  writer: FrameWriter,
  sha256: string,
): Promise<void> {
  const key = keys.blob(sha256);
  const found = await get(access, key, DOING);
  if (found.versionstamp === null) {
    throw new PosternError("store/corrupt", `The message ${sha256} is not there`);
  }
  const record = decodeRecord(blobRecord, key, found.value);
  const hash = createHash("sha256");
  let n = 0;
  for await (const chunk of blobs.chunks(sha256, record)) {
    hash.update(chunk);
    await writer.frame(FRAMES.record, keys.chunk(sha256, record.generation, n++), chunk);
  }
  if (hash.digest("hex") !== sha256) {
    throw new PosternError("store/corrupt", `The octets of ${sha256} are not what was stored`);
  }
  await writer.frame(FRAMES.record, key, encodeRecord(record));
}

/** Writes a document's parts before what makes them one. */
async function writeDocument(writer: FrameWriter, key: Key, document: unknown): Promise<void> {
  const { entries } = encodeDocument(key, document);
  for (const entry of entries.toReversed()) {
    await writer.frame(FRAMES.record, entry.key, entry.value);
  }
}
