/** Memory of messages that killed scanners. */
import { PosternError } from "../errors.ts";
import type { Access } from "./access.ts";
import { commit, get, list } from "./access.ts";
import type { Key, PoisonRecord } from "./keys.ts";
import { decodeRecord, encodeRecord, keys, poisonRecord } from "./keys.ts";
import { COMMIT_TRIES } from "./limits.ts";

/** How often the message killed a scanner, as far as that is not forgotten yet. */
export async function poisonCount(access: Access, sha256: string): Promise<number> {
  const key = keys.poison(sha256);
  const found = await get(access, key, "Cannot read what killed scanners");
  return countOf(access, key, found.value);
}

function countOf(access: Access, key: Key, value: unknown): number {
  if (value === null) return 0;
  const record = decodeRecord(poisonRecord, key, value);
  return record.until > access.now() ? record.count : 0;
}

/** Adds one; the whole count is then remembered for `keepMs` from now on. @returns the new count. */
export async function notePoison(
  access: Access,
  sha256: string,
  keepMs: number,
): Promise<number> {
  const key = keys.poison(sha256);
  const doing = "Cannot note what killed a scanner";
  for (let attempt = 0; attempt < COMMIT_TRIES; attempt++) {
    const found = await get(access, key, doing);
    const record: PoisonRecord = {
      count: countOf(access, key, found.value) + 1,
      until: access.now() + keepMs,
    };
    const atomic = access.kv.atomic().check(found).set(key, encodeRecord(record));
    if (await commit(atomic, doing)) return record.count;
  }
  throw new PosternError("store/failed", doing);
}

/** Every hash that is remembered now; `expires` is milliseconds since 1970. */
export async function listPoison(
  access: Access,
): Promise<{ sha256: string; count: number; expires: number }[]> {
  const found: { sha256: string; count: number; expires: number }[] = [];
  const doing = "Cannot read what killed scanners";
  for await (const { key, value } of list(access, { prefix: ["poison"] }, doing)) {
    const { count, until } = decodeRecord(poisonRecord, key as Key, value);
    if (until > access.now()) found.push({ sha256: String(key[1]), count, expires: until });
  }
  return found;
}

/** Forgets what is past its time and what is over `most` entries, soonest forgotten first; @returns how many. */
export async function collectPoison(access: Access, now: number, most: number): Promise<number> {
  const doing = "Cannot forget what killed scanners";
  const kept: { key: Key; until: number }[] = [];
  const old: Key[] = [];
  for await (const { key, value } of list(access, { prefix: ["poison"] }, doing)) {
    const { until } = decodeRecord(poisonRecord, key as Key, value);
    if (until <= now) old.push(key as Key);
    else kept.push({ key: key as Key, until });
  }
  if (kept.length > most) {
    kept.sort((a, b) => a.until - b.until);
    old.push(...kept.slice(0, kept.length - most).map(({ key }) => key));
  }
  for (let from = 0; from < old.length; from += 500) {
    const atomic = access.kv.atomic();
    for (const key of old.slice(from, from + 500)) atomic.delete(key);
    await commit(atomic, doing);
  }
  return old.length;
}
