/** The layout's version and the way from an older one. */
import { PosternError } from "../errors.ts";
import type { Access } from "./access.ts";
import { commit, get, list } from "./access.ts";
import { decodeRecord, encodeRecord, keys, SCHEMA_VERSION, schemaRecord } from "./keys.ts";

/** One step. It must be able to run again after it was killed half way. */
export interface Migration {
  /** The version it makes; it runs on the one before. */
  readonly to: number;
  run(access: Access): Promise<void>;
}

/** Steps in order; version 1 is the first. */
export const MIGRATIONS: readonly Migration[] = [
  // The greylist came: there is nothing to change, but an older program would take its keys, and a backup with them, for damage.
  { to: 2, run: () => Promise.resolve() },
];

/**
 * Brings a store to `latest`, or makes a new one that.
 *
 * @throws {PosternError} `store/version` where the file is newer than this program; `store/corrupt` where it holds data but no
 * version, as after a restore that was stopped.
 */
export async function migrate(
  access: Access,
  migrations: readonly Migration[] = MIGRATIONS,
  latest: number = SCHEMA_VERSION,
): Promise<void> {
  const found = await get(access, keys.schema(), "Cannot read the version of the store");
  if (found.versionstamp === null) {
    for await (const _ of list(access, { prefix: [] }, "Cannot read the store", { limit: 1 })) {
      throw new PosternError(
        "store/corrupt",
        "The store holds data but no version: a restore into it did not end. Remove it and restore again",
      );
    }
    await writeSchema(access, latest, access.now());
    return;
  }
  const { version, created } = decodeRecord(schemaRecord, keys.schema(), found.value);
  if (version > latest) {
    throw new PosternError(
      "store/version",
      `The store has version ${version}, this program reads up to ${latest}: use the newer program that wrote it`,
    );
  }
  for (let at = version; at < latest; at++) {
    const step = migrations.find(({ to }) => to === at + 1);
    if (!step) {
      throw new PosternError("store/version", `There is no way from store version ${at} on`);
    }
    await step.run(access);
    await writeSchema(access, step.to, created);
  }
}

/** Writes the version; the last step of making, migrating and restoring a store. */
export async function writeSchema(
  access: Access,
  version: number,
  created: number,
): Promise<void> {
  const value = encodeRecord({ version, created });
  await commit(
    access.kv.atomic().set(keys.schema(), value),
    "Cannot write the version of the store",
  );
}
