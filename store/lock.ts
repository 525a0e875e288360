/** One owner of a store: a lock of the kernel on a file beside it, which goes with the process however it ends. */
import { PosternError } from "../errors.ts";
import { storeError } from "./access.ts";
import { LOCK_WAIT_MS } from "./limits.ts";

/** Held until released or until the process ends. */
export interface StoreLock {
  release(): void;
}

/** `FsFile.tryLock` came after the runtime that single binaries are made with. */
interface MayTryLock {
  tryLock?(exclusive: boolean): Promise<boolean>;
}

/**
 * Locks `${path}.lock`. The file stays for ever; only the lock on it counts, so nothing needs to be cleaned up after kill -9.
 *
 * @throws {PosternError} `store/locked` with the owner's process id where another process (or another opening in this one)
 * holds it; `store/failed` where the file cannot be made.
 */
export async function lockStore(path: string): Promise<StoreLock> {
  const lockPath = `${path}.lock`;
  let file: Deno.FsFile;
  try {
    file = await Deno.open(lockPath, { create: true, read: true, write: true, mode: 0o600 });
  } catch (cause) {
    throw storeError(`Cannot lock the store ${path}`, cause);
  }
  try {
    if (!await tryLock(file)) throw await lockedError(path, lockPath);
    await file.truncate(0);
    await file.seek(0, Deno.SeekMode.Start);
    await file.write(new TextEncoder().encode(`${Deno.pid}\n`));
  } catch (cause) {
    // Without tryLock the waiting lock call still uses the file; it closes it itself when it ever gets the lock.
    if (!waiting.has(file)) file.close();
    throw storeError(`Cannot lock the store ${path}`, cause);
  }
  return { release: () => file.close() };
}

const waiting = new WeakSet<Deno.FsFile>();

async function tryLock(file: Deno.FsFile & MayTryLock): Promise<boolean> {
  if (typeof file.tryLock === "function") return await file.tryLock(true);
  let timer: ReturnType<typeof setTimeout> | undefined;
  let late = false;
  const locked = file.lock(true).then(() => {
    waiting.delete(file);
    if (late) file.close();
    return true;
  });
  waiting.add(file);
  const timeout = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => {
      late = true;
      resolve(false);
    }, LOCK_WAIT_MS);
  });
  try {
    return await Promise.race([locked, timeout]);
  } finally {
    clearTimeout(timer);
    if (late) locked.catch(() => {}); // the caller has its answer
  }
}

async function lockedError(path: string, lockPath: string): Promise<PosternError> {
  const text = await Deno.readTextFile(lockPath).catch(() => "");
  const pid = /^\d{1,10}/.exec(text)?.[0];
  return new PosternError(
    "store/locked",
    `The store ${path} is in use by ${
      pid ? `process ${pid}` : "another process"
    }; ask the running daemon, or stop it first`,
  );
}
