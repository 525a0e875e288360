/** The part of a check that reads the greylist: every record, and its place in the index by due time. */
import type { Access } from "./access.ts";
import { commit, get, list } from "./access.ts";
import { dueKey, recordKey, totalOf, untilOf } from "./greylist.ts";
import { GREYLIST_BATCH } from "./limits.ts";
import type { Key, Total } from "./keys.ts";
import { decodeRecord, greylistClientRecord, greylistRecord } from "./keys.ts";

const DOING = "Cannot check the greylist";

const SCHEMAS = [["greylist", greylistRecord], ["greylistClient", greylistClientRecord]] as const;

/** Who is told what was found. */
export interface GreylistFindings {
  counted(total: Total): void;
  failure(error: unknown): void;
  mended(text: string): void;
}

/** Reads it all. Runs beside the daemon's work: what looks wrong is changed only where nobody changed it meanwhile. */
export async function checkGreylist(access: Access, findings: GreylistFindings): Promise<void> {
  let missing = 0;
  let batch: Deno.KvEntry<unknown>[] = [];
  const index = async () => {
    missing += await addToIndex(access, batch);
    batch = [];
  };
  for (const [kind, schema] of SCHEMAS) {
    for await (const found of list(access, { prefix: [kind] }, DOING)) {
      const total = totalOf(found);
      if (total) findings.counted(total);
      try {
        decodeRecord<unknown>(schema, found.key as Key, found.value);
      } catch (error) {
        findings.failure(error);
        continue;
      }
      if ((await get(access, dueOf(found), DOING)).versionstamp !== null) continue;
      if (batch.push(found) >= GREYLIST_BATCH) await index();
    }
  }
  await index();
  if (missing > 0) findings.mended(`${missing} records of the greylist are in its index again`);
  let orphans = 0;
  for await (const found of list(access, { prefix: ["greylistDue"] }, DOING)) {
    const key = found.key as Key;
    const record = await get(access, recordKey(key), DOING);
    if (untilOf(record) === key[1]) continue;
    if (await commit(access.kv.atomic().check(found, record).delete(key), DOING)) orphans++;
  }
  if (orphans > 0) findings.mended(`${orphans} entries of the greylist's index led nowhere`);
}

/** @returns how many: a restored greylist comes without its index, so they go many at a time. */
async function addToIndex(
  access: Access,
  records: readonly Deno.KvEntry<unknown>[],
): Promise<number> {
  if (records.length === 0) return 0;
  const atomic = access.kv.atomic().check(...records);
  for (const found of records) atomic.set(dueOf(found), new Uint8Array());
  if (await commit(atomic, DOING)) return records.length;
  if (records.length === 1) return 0; // it was written meanwhile, and its index with it
  let count = 0;
  for (const found of records) count += await addToIndex(access, [found]);
  return count;
}

function dueOf(found: Deno.KvEntry<unknown>): Key {
  return dueKey(untilOf(found) ?? 0, found.key as Key);
}
