/**
 * What is done with quarantined messages, over a Store: by the daemon for the control socket, or by a command on the store itself
 * where no daemon runs.
 */
import { join } from "node:path";
import { PosternError } from "../errors.ts";
import type { QuarantineEntry, QuarantineQuery, Store } from "../store/types.ts";
import type { QuarantineLog } from "./quarantine_release.ts";
import { quarantineEntry } from "./quarantine_release.ts";
import type { MessageView } from "./quarantine_view.ts";
import { viewMessage } from "./quarantine_view.ts";

/** Entries that one deletion by query takes in at a time. */
const DELETE_BATCH = 1_000;

export { quarantineEntry, releaseQuarantined } from "./quarantine_release.ts";
export type { Deliver, QuarantineLog, Release, ReleaseOptions } from "./quarantine_release.ts";

/** Entries that match, newest first. */
export function listQuarantined(store: Store, query: QuarantineQuery): Promise<QuarantineEntry[]> {
  return store.listQuarantine(query);
}

/** The entry and a view of the message that is safe to print. @throws {PosternError} `store/not-found`, `store/corrupt`. */
export async function showQuarantined(
  store: Store,
  id: string,
): Promise<{ entry: QuarantineEntry; view: MessageView }> {
  const entry = await quarantineEntry(store, id);
  return { entry, view: viewMessage(await store.readQuarantined(id)) };
}

/** The octets as received, verified. @throws {PosternError} `store/not-found`, `store/corrupt`. */
export function readQuarantined(store: Store, id: string): Promise<Uint8Array> {
  return store.readQuarantined(id);
}

/** Deletes messages by id; @returns the ids that were there. */
export async function deleteQuarantined(
  store: Store,
  ids: readonly string[],
  log?: QuarantineLog,
): Promise<string[]> {
  const deleted: string[] = [];
  for (const id of ids) {
    if (!await store.deleteQuarantine(id)) continue;
    deleted.push(id);
    log?.("info", "Deleted from quarantine", { quarantine: id });
  }
  return deleted;
}

/**
 * Deletes all that match.
 *
 * @param query Its limit is the most that are deleted; default all. A query without any condition needs `all`.
 * @throws {PosternError} `command/usage` for one without it.
 */
export async function deleteMatching(
  store: Store,
  query: QuarantineQuery,
  options: { readonly all?: boolean; readonly log?: QuarantineLog } = {},
): Promise<string[]> {
  const conditions = Object.entries(query)
    .filter(([name, value]) => name !== "limit" && value !== undefined);
  if (conditions.length === 0 && !options.all) {
    throw new PosternError(
      "command/usage",
      "Without any condition everything in quarantine would be deleted; say that it is meant",
    );
  }
  const most = query.limit ?? Infinity;
  const deleted: string[] = [];
  while (deleted.length < most) {
    const limit = Math.min(DELETE_BATCH, most - deleted.length);
    const entries = await store.listQuarantine({ ...query, limit });
    const gone = await deleteQuarantined(store, entries.map(({ id }) => id), options.log);
    deleted.push(...gone);
    if (gone.length === 0) break;
  }
  return deleted;
}

/**
 * Writes a message, as it came, to `DIRECTORY/ID.eml`: readable for the owner alone, never executable, its name made of the id
 * and of nothing that the message says. Aside first, fsynced, then linked into place.
 *
 * @returns the path.
 * @throws {PosternError} `store/not-found`, `store/corrupt`; `store/failed` where there is such a file already or it cannot be
 * written, `store/full`.
 */
export async function exportQuarantined(
  store: Store,
  id: string,
  directory: string,
  options: { readonly log?: QuarantineLog; readonly now?: () => number } = {},
): Promise<string> {
  const entry = await quarantineEntry(store, id);
  const octets = await store.readQuarantined(id);
  const path = join(directory, `${entry.id}.eml`);
  const aside = join(directory, `.${entry.id}.${crypto.randomUUID()}.partial`);
  try {
    const file = await Deno.open(aside, { createNew: true, write: true, mode: 0o600 });
    try {
      for (let at = 0; at < octets.length;) at += await file.write(octets.subarray(at));
      await file.sync();
    } finally {
      file.close();
    }
    await Deno.link(aside, path); // unlike a rename, never replaces
  } catch (cause) {
    const full = /no space|quota/i.test(String(cause));
    throw new PosternError(
      full ? "store/full" : "store/failed",
      `Cannot export ${id} to ${path}: ${cause instanceof Error ? cause.message : cause}`,
      { cause },
    );
  } finally {
    await Deno.remove(aside).catch(() => {}); // not there when open failed
  }
  await noteExport(store, id, path, options);
  return path;
}

/** Notes that a message was written out; also for one that went to standard output. */
export async function noteExport(
  store: Store,
  id: string,
  where: string,
  options: { readonly log?: QuarantineLog; readonly now?: () => number } = {},
): Promise<void> {
  const time = (options.now ?? Date.now)();
  await store.noteQuarantine(id, { time, what: "exported", detail: where });
  options.log?.("info", "Exported from quarantine", { quarantine: id, to: where });
}
