/** Gives back the room of what was deleted: the file of Deno KV only grows. */
import { dirname } from "node:path";
import { PosternError } from "../errors.ts";
import type { Access } from "./access.ts";
import { storeError } from "./access.ts";
import { syncDirectory, writeBackup } from "./backup.ts";
import { Blobs } from "./blobs.ts";
import { lockStore } from "./lock.ts";
import { restoreStore } from "./restore.ts";
import { migrate } from "./schema.ts";

/**
 * Writes the store anew and puts the new file in the old one's place. No daemon may run; there must be room for two copies more.
 *
 * @returns sizes of the file before and after, octets.
 * @throws {PosternError} `store/locked`; `store/corrupt` where the check of old or new names problems: the old file stays then.
 */
export async function compactStore(path: string): Promise<{ before: number; after: number }> {
  const backup = `${path}.compact-backup`;
  const fresh = `${path}.compact`;
  const lock = await lockStore(path);
  try {
    const before = (await Deno.stat(path)).size;
    await removeAll(backup, fresh); // of a run that was killed
    const skipped = await backUp(path, backup);
    if (skipped.length > 0) throw problems(path, skipped);
    const check = await restoreStore(backup, fresh);
    if (check.problems.length > 0) throw problems(path, check.problems);
    await closedWhole(fresh);
    await syncFile(fresh);
    await Deno.rename(fresh, path);
    await syncDirectory(dirname(path));
    return { before, after: (await Deno.stat(path)).size };
  } catch (error) {
    throw storeError(`Cannot compact the store ${path}`, error);
  } finally {
    await removeAll(backup, fresh).catch(() => {}); // the error that brought us here says more
    lock.release();
  }
}

function problems(path: string, sentences: readonly string[]): PosternError {
  return new PosternError(
    "store/corrupt",
    `The store ${path} is not whole and stays as it is: ${sentences.slice(0, 3).join("; ")}`,
  );
}

async function backUp(path: string, backup: string): Promise<readonly string[]> {
  const skipped: string[] = [];
  const kv = await Deno.openKv(path);
  try {
    const access: Access = { kv, now: Date.now, problem: ({ message }) => skipped.push(message) };
    await migrate(access);
    return [...(await writeBackup(access, new Blobs(access), backup)).skipped, ...skipped];
  } finally {
    kv.close();
  }
}

/** A write-ahead log beside the file would be lost with a rename: SQLite takes it away when it closes. */
async function closedWhole(path: string): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    try {
      await Deno.stat(`${path}-wal`);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return;
      throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new PosternError("store/failed", `The new store ${path} does not close`);
}

async function syncFile(path: string): Promise<void> {
  const file = await Deno.open(path, { read: true });
  try {
    await file.sync();
  } finally {
    file.close();
  }
}

async function removeAll(...paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    for (const end of ["", "-wal", "-shm", ".lock"]) {
      await Deno.remove(path + end).catch((error) => {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      });
    }
  }
}
