/** Quarantine, greylist and store for commands: through the daemon that runs, else on the store itself. */
import type { ControlClient } from "../daemon/control/client.ts";
import type { MessageView } from "../daemon/quarantine_view.ts";
import type { Release } from "../daemon/quarantine_release.ts";
import { storePath } from "../daemon/state.ts";
import { PosternError } from "../errors.ts";
import type { Config } from "../policy/config.ts";
import type {
  BackupResult,
  GreylistEntry,
  GreylistQuery,
  QuarantineEntry,
  QuarantineQuery,
  StoreCheck,
} from "../store/types.ts";
import { connectDaemon, type DaemonOptions } from "./connect.ts";
import { needConfig } from "./find_config.ts";

/** How a release is asked for. */
export interface ReleaseRequest {
  /** Instead of all original recipients. */
  readonly recipients?: readonly string[];
  readonly otherRecipients?: boolean;
  readonly nextHop?: string;
  readonly force?: boolean;
}

/** What commands do with the store. */
export interface StoreAccess {
  list(query: QuarantineQuery): Promise<readonly QuarantineEntry[]>;
  show(id: string): Promise<{ entry: QuarantineEntry; view: MessageView }>;
  read(id: string): Promise<Uint8Array>;
  noteExport(id: string, to: string): Promise<void>;
  release(id: string, request: ReleaseRequest): Promise<Release>;
  /** @returns the ids that were there. */
  delete(ids: readonly string[]): Promise<readonly string[]>;
  listGreylist(query: GreylistQuery): Promise<readonly GreylistEntry[]>;
  /** @returns how many records are forgotten. */
  clearGreylist(query: GreylistQuery): Promise<number>;
  check(): Promise<StoreCheck>;
  backup(path: string): Promise<BackupResult>;
  /** Entries of the message log, oldest first, at most 10,000 at once. */
  messages(
    query: { readonly since: number; readonly until: number; readonly limit: number },
  ): Promise<readonly unknown[]>;
}

function throughDaemon(client: ControlClient): StoreAccess {
  const ask = async <T>(op: string, args: unknown) => (await client.call(op, args)).result as T;
  return {
    list: (query) => ask("quarantine.list", query),
    show: (id) => ask("quarantine.show", { id }),
    async read(id) {
      const { octets } = await client.call("quarantine.read", { id });
      if (octets === undefined) {
        throw new PosternError("wire/bad-frame", "The daemon answered without the message");
      }
      return octets;
    },
    noteExport: (id, to) => ask("quarantine.noteExport", { id, to }),
    release: (id, request) => ask("quarantine.release", { id, ...request }),
    delete: (ids) => ask("quarantine.delete", { ids }),
    listGreylist: (query) => ask("greylist.list", query),
    clearGreylist: (query) => ask("greylist.clear", query),
    check: () => ask("store.check", {}),
    backup: (path) => ask("store.backup", { path }),
    messages: (query) => ask("messages", query),
  };
}

/** The node's configuration, for what is done without a daemon. */
async function nodeConfig(options: DaemonOptions): Promise<Config> {
  const { readConfig } = await import("../daemon/documents.ts");
  return await readConfig(needConfig(options.config));
}

async function onStoreItself(
  options: DaemonOptions,
  use: (access: StoreAccess) => Promise<number>,
): Promise<number> {
  const config = await nodeConfig(options);
  const [{ openStore }, quarantine, { releasing }] = await Promise.all([
    import("../store/store.ts"),
    import("../daemon/quarantine.ts"),
    import("./release_offline.ts"),
  ]);
  const path = storePath(config.state);
  try {
    await Deno.stat(path);
  } catch (cause) {
    throw new PosternError("store/not-found", `There is no store ${path}, and no daemon runs`, {
      cause,
    });
  }
  const store = await openStore(path);
  try {
    return await use({
      list: (query) => quarantine.listQuarantined(store, query),
      show: (id) => quarantine.showQuarantined(store, id),
      read: (id) => quarantine.readQuarantined(store, id),
      noteExport: (id, to) => quarantine.noteExport(store, id, to),
      release: (id, request) =>
        quarantine.releaseQuarantined(store, id, { ...releasing(config), ...request }),
      delete: (ids) => quarantine.deleteQuarantined(store, ids),
      listGreylist: (query) => store.listGreylist(query),
      clearGreylist: (query) => store.clearGreylist(query),
      check: () => store.check(),
      backup: (to) => store.backup(to),
      messages: (query) => Array.fromAsync(store.listMessages(query)),
    });
  } finally {
    await store.close();
  }
}

/**
 * Does something with the store.
 *
 * @param options Which node.
 * @param use Resolves with the exit status.
 * @throws {PosternError} `store/…`, `document/…`, `daemon/not-running` where a socket was named and nothing answers.
 */
export async function withStore(
  options: DaemonOptions,
  use: (access: StoreAccess) => Promise<number>,
): Promise<number> {
  let client: ControlClient;
  try {
    client = await connectDaemon(options);
  } catch (error) {
    const absent = error instanceof PosternError && error.code === "daemon/not-running";
    if (!absent || options.socket !== undefined) throw error;
    // A daemon of another user answers nobody but him: the store's lock would say so less clearly.
    if (error.cause instanceof Deno.errors.PermissionDenied) throw error;
    return await onStoreItself(options, use);
  }
  try {
    return await use(throughDaemon(client));
  } finally {
    client.close();
  }
}

/** The store's file, by the configuration. */
export async function storeFile(config: string | undefined): Promise<string> {
  return storePath((await nodeConfig({ config })).state);
}
