/** Makes a new store of a backup. The whole file is verified before anything is made. */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { dirname } from "node:path";
import * as v from "valibot";
import { PosternError } from "../errors.ts";
import type { Access } from "./access.ts";
import { commit, storeError } from "./access.ts";
import type { BackupHeader } from "./backup.ts";
import { BACKUP_MAGIC, FRAME_HEAD, FRAMES } from "./backup.ts";
import { Blobs } from "./blobs.ts";
import { Check } from "./check.ts";
import { crc32 } from "./crc32.ts";
import type { Key, Kind } from "./keys.ts";
import { decodeRecord, SCHEMA_VERSION } from "./keys.ts";
import { COMMIT_MUTATIONS, COMMIT_OCTETS } from "./limits.ts";
import { lockStore } from "./lock.ts";
import { writeSchema } from "./schema.ts";
import type { StoreCheck } from "./types.ts";

/** Octets of a value, the most that KV takes; a longer length in a frame is damage. */
const MOST_VALUE = 65_536;
/** Octets of a key as JSON. */
const MOST_KEY = 16_384;
const READ_OCTETS = 1024 * 1024;
/** Kinds of records that a backup holds; all else is rebuilt from these. */
const RECORD_KINDS: ReadonlySet<unknown> = new Set(
  [
    "quarantine",
    "blob",
    "chunk",
    "message",
    "poison",
    "greylist",
    "greylistClient",
    "more",
  ] satisfies Kind[],
);

const headerSchema: v.GenericSchema<BackupHeader> = v.object({
  schemaVersion: v.pipe(v.number(), v.integer(), v.minValue(1)),
  time: v.number(),
});
const keySchema = v.array(v.union([v.string(), v.pipe(v.number(), v.finite())]));

/** A frame as read, checked by its own sum. */
interface Frame {
  readonly kind: number;
  readonly key: Key;
  readonly value: Uint8Array;
}

function damaged(path: string, what: string): PosternError {
  return new PosternError("store/corrupt", `The backup ${path} is damaged: ${what}`);
}

/** Reads exact numbers of octets from a file. */
class Reader {
  readonly #file: Deno.FsFile;
  readonly #buffer = new Uint8Array(READ_OCTETS);
  #from = 0;
  #to = 0;
  readonly hash = createHash("sha256");

  constructor(file: Deno.FsFile) {
    this.#file = file;
  }

  /** @returns fewer octets than asked for only at the end of the file. */
  async take(count: number): Promise<Uint8Array> {
    const taken = new Uint8Array(count);
    let at = 0;
    while (at < count) {
      if (this.#from === this.#to) {
        this.#from = 0;
        this.#to = await this.#file.read(this.#buffer) ?? 0;
        if (this.#to === 0) return taken.subarray(0, at);
      }
      const part = this.#buffer.subarray(this.#from, Math.min(this.#to, this.#from + count - at));
      taken.set(part, at);
      at += part.length;
      this.#from += part.length;
    }
    return taken;
  }
}

/** The frames of a backup, the header's and the end's included; ends only where the end frame holds. */
async function* frames(path: string): AsyncGenerator<Frame> {
  const file = await Deno.open(path, { read: true });
  try {
    const reader = new Reader(file);
    const exactly = async (count: number) => {
      const octets = await reader.take(count);
      if (octets.length < count) throw damaged(path, "it ends too early");
      return octets;
    };
    const magic = await reader.take(BACKUP_MAGIC.length);
    if (!Buffer.from(magic).equals(BACKUP_MAGIC)) {
      throw damaged(path, "it does not begin as a backup of this format does");
    }
    reader.hash.update(magic);
    for (let count = 0;; count++) {
      const head = Buffer.from(await exactly(FRAME_HEAD));
      const keyLength = head.readUInt32BE(1);
      const valueLength = head.readUInt32BE(5);
      if (keyLength > MOST_KEY || valueLength > MOST_VALUE) {
        throw damaged(path, `frame ${count} has an impossible length`);
      }
      const keyOctets = await exactly(keyLength);
      const value = await exactly(valueLength);
      const sum = Buffer.from(await exactly(4));
      if (sum.readUInt32BE() !== crc32(value, crc32(keyOctets, crc32(head)))) {
        throw damaged(path, `the sum of frame ${count} is wrong`);
      }
      const kind = head[0] ?? 0;
      if (kind === FRAMES.end) {
        const end = Buffer.from(value);
        const hash = reader.hash.digest();
        const holds = end.length === 40 && end.readBigUInt64BE() === BigInt(count) &&
          hash.equals(end.subarray(8));
        if (!holds) throw damaged(path, "its hash is wrong");
        if ((await reader.take(1)).length > 0) throw damaged(path, "octets follow its end");
        return;
      }
      for (const part of [head, keyOctets, value, sum]) reader.hash.update(part);
      yield { kind, key: decodeRecord(keySchema, ["frame", count], keyOctets), value };
    }
  } finally {
    file.close();
  }
}

/**
 * Verifies a backup: every frame's sum, the hash over all, the kinds of what it holds.
 *
 * @throws {PosternError} `store/corrupt` where it is damaged or cut, `store/version` where a newer program wrote it.
 */
export async function verifyBackup(path: string): Promise<BackupHeader & { entries: number }> {
  let header: BackupHeader | undefined;
  let entries = 0;
  try {
    for await (const { kind, key, value } of frames(path)) {
      if (!header) {
        if (kind !== FRAMES.header) throw damaged(path, "it has no header");
        header = decodeRecord(headerSchema, ["header"], value);
        const { schemaVersion } = header;
        if (schemaVersion > SCHEMA_VERSION) {
          throw new PosternError(
            "store/version",
            `The backup ${path} has version ${schemaVersion}, this program reads up to ${SCHEMA_VERSION}`,
          );
        }
      } else if (kind === FRAMES.counter) {
        if (key[0] !== "statistic" || value.length !== 8) throw damaged(path, "a counter is none");
      } else if (kind !== FRAMES.record || !RECORD_KINDS.has(key[0])) {
        throw damaged(path, `it holds records of an unknown kind`);
      } else if (key[0] === "quarantine") entries++;
    }
  } catch (error) {
    throw storeError(`Cannot read the backup ${path}`, error);
  }
  if (!header) throw damaged(path, "it is empty");
  return { ...header, entries };
}

/**
 * Makes the store `storePath` of a backup, and its directory. There must be no store yet.
 *
 * @returns what the check of the new store said; that it built the indexes is not counted as mending.
 * @throws {PosternError} `store/corrupt` or `store/version` for the backup, before anything is made; `store/failed` where there
 * is a store already; `store/full`. What was made is removed then.
 */
export async function restoreStore(backupPath: string, storePath: string): Promise<StoreCheck> {
  const header = await verifyBackup(backupPath);
  const directory = dirname(storePath);
  try {
    await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw storeError(`Cannot make the directory ${directory}`, cause);
  }
  const lock = await lockStore(storePath);
  try {
    await makeNew(storePath);
    try {
      const kv = await Deno.openKv(storePath);
      try {
        return await load(kv, backupPath, header);
      } finally {
        kv.close();
      }
    } catch (error) {
      for (const end of ["", "-wal", "-shm"]) await Deno.remove(storePath + end).catch(() => {});
      throw storeError(`Cannot restore ${backupPath} into ${storePath}`, error);
    }
  } finally {
    lock.release();
  }
}

async function makeNew(storePath: string): Promise<void> {
  try {
    (await Deno.open(storePath, { createNew: true, write: true, mode: 0o600 })).close();
  } catch (cause) {
    if (!(cause instanceof Deno.errors.AlreadyExists)) {
      throw storeError(`Cannot make the store ${storePath}`, cause);
    }
    throw new PosternError(
      "store/failed",
      `There is a store ${storePath} already; move it away first`,
      { cause },
    );
  }
}

async function load(kv: Deno.Kv, backupPath: string, header: BackupHeader): Promise<StoreCheck> {
  const problems: string[] = [];
  const access: Access = { kv, now: Date.now, problem: ({ message }) => problems.push(message) };
  const doing = "Cannot write the restored store";
  let atomic = kv.atomic();
  let octets = 0;
  let mutations = 0;
  for await (const { kind, key, value } of frames(backupPath)) {
    if (kind === FRAMES.header) continue;
    const size = value.length + JSON.stringify(key).length * 2;
    if (octets + size > COMMIT_OCTETS || mutations >= COMMIT_MUTATIONS) {
      await commit(atomic, doing);
      atomic = kv.atomic();
      octets = mutations = 0;
    }
    const counter = kind === FRAMES.counter;
    atomic.set(key, counter ? new Deno.KvU64(Buffer.from(value).readBigUInt64BE()) : value);
    octets += size;
    mutations++;
  }
  await commit(atomic, doing);
  // References, expiry and totals are rebuilt by the check; the version comes last, so a half restored store does not open.
  const found = await new Check(access, new Blobs(access), () => true).run();
  await writeSchema(access, header.schemaVersion, access.now());
  return { ...found, problems: [...problems, ...found.problems], mended: [] };
}
