/** The store over Deno KV: opens the file, holds its lock, and puts the parts together. */
import { PosternError } from "../errors.ts";
import type { Access } from "./access.ts";
import { get, storeError } from "./access.ts";
import { writeBackup } from "./backup.ts";
import { Blobs } from "./blobs.ts";
import { Check } from "./check.ts";
import { Greylist } from "./greylist.ts";
import { Journal } from "./journal.ts";
import type { Span, Total } from "./keys.ts";
import { keys } from "./keys.ts";
import { GREYLIST_ENTRIES, POISON_ENTRIES } from "./limits.ts";
import type { StoreLock } from "./lock.ts";
import { lockStore } from "./lock.ts";
import { collectPoison, listPoison, notePoison, poisonCount } from "./poison.ts";
import type { NewQuarantineEntry } from "./quarantine.ts";
import { Quarantine } from "./quarantine.ts";
import { migrate } from "./schema.ts";
import { collectStatistics, readStatistics } from "./statistics.ts";
import type {
  BackupResult,
  GreylistAnswer,
  GreylistEntry,
  GreylistQuery,
  GreylistTerms,
  GreylistTriplet,
  MessageLogEntry,
  QuarantineEntry,
  QuarantineEvent,
  QuarantineQuery,
  Store,
  StoreCheck,
  StoreLimits,
  StoreTotals,
} from "./types.ts";

/** How a store is opened. */
export interface StoreOptions {
  /** Bounds of what is kept; defaults {@link DEFAULT_LIMITS}. */
  readonly limits?: Partial<StoreLimits>;
  /** Told of failures in the background: a flush that failed (once, until one succeeds), an entry that cannot be read. */
  readonly onProblem?: (error: PosternError) => void;
  /** Told how many of the oldest messages in quarantine were just deleted before they expired, for want of room. */
  readonly onEvicted?: (count: number) => void;
  /** The clock, ms since 1970; for tests. */
  readonly now?: () => number;
}

/** The bounds of postern.config.ts's own defaults. */
export const DEFAULT_LIMITS: StoreLimits = {
  quarantineOctets: 10 * 1024 ** 3,
  messageKeepMs: 30 * 86_400_000,
  messageEntries: 1_000_000,
};

/**
 * Opens a store, made if missing, and takes it for this process alone.
 *
 * @param path The file; its lock is `${path}.lock` beside it. `:memory:` keeps nothing and locks nothing.
 * @throws {PosternError} `store/locked` where another process has it, `store/version` where it is newer than this program,
 * `store/corrupt`, `store/full`, `store/failed`.
 */
export async function openStore(path: string, options: StoreOptions = {}): Promise<Store> {
  const lock = path === ":memory:" ? undefined : await lockStore(path);
  let kv: Deno.Kv | undefined;
  try {
    if (lock) await makePrivate(path);
    kv = await Deno.openKv(path);
    const access: Access = {
      kv,
      now: options.now ?? Date.now,
      problem: (error) => options.onProblem?.(error),
      evicted: (count) => options.onEvicted?.(count),
    };
    await migrate(access);
    return new KvStore(access, { ...DEFAULT_LIMITS, ...options.limits }, lock);
  } catch (error) {
    kv?.close();
    lock?.release();
    throw storeError(`Cannot open the store ${path}`, error);
  }
}

/** Mail is nobody else's business: SQLite gives its side files the mode of the main one. */
async function makePrivate(path: string): Promise<void> {
  const file = await Deno.open(path, { create: true, write: true, mode: 0o600 });
  file.close();
}

class KvStore implements Store {
  readonly #access: Access;
  readonly #lock: StoreLock | undefined;
  readonly #blobs: Blobs;
  readonly #quarantine: Quarantine;
  readonly #journal: Journal;
  readonly #greylist: Greylist;
  #limits: StoreLimits;
  #collecting: Promise<Readonly<Record<string, number>>> | undefined;
  /** Begins and ends of writes: a check that sees no change of it knows that nothing was written. */
  #writes = 0;
  #writing = 0;
  #closed: Promise<void> | undefined;

  constructor(access: Access, limits: StoreLimits, lock: StoreLock | undefined) {
    this.#access = access;
    this.#limits = limits;
    this.#lock = lock;
    this.#blobs = new Blobs(access);
    this.#quarantine = new Quarantine(access, this.#blobs);
    this.#journal = new Journal(access);
    this.#greylist = new Greylist(access);
  }

  async #write<T>(operation: () => Promise<T>): Promise<T> {
    if (this.#closed) throw new PosternError("store/failed", "The store is closed");
    this.#writes++;
    this.#writing++;
    try {
      return await operation();
    } finally {
      this.#writes++;
      this.#writing--;
    }
  }

  async #total(total: Total): Promise<number> {
    const { value } = await get(this.#access, keys.total(total), "Cannot read the totals");
    return value instanceof Deno.KvU64 ? Number(value.value) : 0;
  }

  putQuarantine(entry: NewQuarantineEntry, message: Uint8Array): Promise<string> {
    return this.#write(async () => {
      const most = this.#limits.quarantineOctets;
      if (message.length > most) {
        throw new PosternError(
          "store/full",
          `A message of ${message.length} octets is over the quarantine's size, ${most}`,
        );
      }
      const room = most - message.length;
      const total = () => this.#total("blobOctets");
      if (await total() > room) await this.#quarantine.collectSize(room, total);
      return await this.#quarantine.put(entry, message);
    });
  }

  getQuarantine(id: string): Promise<QuarantineEntry | undefined> {
    return this.#quarantine.get(id);
  }

  readQuarantined(id: string): Promise<Uint8Array> {
    return this.#quarantine.readOctets(id);
  }

  listQuarantine(query: QuarantineQuery): Promise<QuarantineEntry[]> {
    return this.#quarantine.list(query);
  }

  deleteQuarantine(id: string): Promise<boolean> {
    return this.#write(() => this.#quarantine.delete(id));
  }

  noteQuarantine(id: string, event: QuarantineEvent): Promise<void> {
    return this.#write(() => this.#quarantine.note(id, event));
  }

  appendMessage(entry: MessageLogEntry): void {
    this.#writes++;
    this.#journal.append(entry);
  }

  listMessages(
    query: { since?: number; until?: number; limit?: number },
  ): AsyncIterable<MessageLogEntry> {
    return this.#journal.list(query);
  }

  count(time: number, counters: Readonly<Record<string, number>>): void {
    this.#journal.count(time, counters);
  }

  async statistics(
    span: Span,
    since: number,
  ): Promise<{ time: number; counters: Record<string, number> }[]> {
    await this.#journal.flush();
    return await readStatistics(this.#access, span, since);
  }

  notePoison(sha256: string, keepMs: number): Promise<number> {
    return this.#write(() => notePoison(this.#access, sha256, keepMs));
  }

  poisonCount(sha256: string): Promise<number> {
    return poisonCount(this.#access, sha256);
  }

  listPoison(): Promise<readonly { sha256: string; count: number; expires: number }[]> {
    return listPoison(this.#access);
  }

  askGreylist(triplet: GreylistTriplet, terms: GreylistTerms): Promise<GreylistAnswer> {
    return this.#write(() => this.#greylist.ask(triplet, terms, GREYLIST_ENTRIES));
  }

  listGreylist(query: GreylistQuery): Promise<GreylistEntry[]> {
    return this.#greylist.list(query);
  }

  clearGreylist(query: GreylistQuery): Promise<number> {
    return this.#write(() => this.#greylist.clear(query));
  }

  collect(now: number = this.#access.now()): Promise<Readonly<Record<string, number>>> {
    // Two at once would only meet each other.
    this.#collecting ??= this.#write(() => this.#collect(now)).finally(() => {
      this.#collecting = undefined;
    });
    return this.#collecting;
  }

  async #collect(now: number): Promise<Readonly<Record<string, number>>> {
    const { quarantineOctets, messageKeepMs, messageEntries } = this.#limits;
    const octets = () => this.#total("blobOctets");
    const expired = await this.#quarantine.collectExpired(now);
    const oversize = await this.#quarantine.collectSize(quarantineOctets, octets);
    const messages = await this.#total("messages");
    return {
      orphans: await this.#blobs.collectPending(),
      quarantineExpired: expired,
      quarantineOversize: oversize,
      messages: await this.#journal.collect(now, messageKeepMs, messages, messageEntries),
      statistics: await collectStatistics(this.#access, now),
      greylist: await this.#greylist.collect(now),
      poison: await collectPoison(this.#access, now, POISON_ENTRIES),
    };
  }

  setLimits(limits: Partial<StoreLimits>): void {
    this.#limits = { ...this.#limits, ...limits };
  }

  async totals(): Promise<StoreTotals> {
    return {
      quarantined: await this.#total("quarantined"),
      blobs: await this.#total("blobs"),
      blobOctets: await this.#total("blobOctets"),
      messages: await this.#total("messages"),
      greylistWaiting: await this.#total("greylistWaiting"),
      greylistKnown: await this.#total("greylistKnown"),
      greylistClients: await this.#total("greylistClients"),
      buffered: this.#journal.buffered,
      dropped: this.#journal.dropped,
    };
  }

  flush(): Promise<void> {
    return this.#journal.flush();
  }

  async check(): Promise<StoreCheck> {
    await this.#journal.flush();
    const writes = this.#writes;
    const quiet = () => this.#writes === writes && this.#writing === 0;
    return await new Check(this.#access, this.#blobs, quiet).run();
  }

  async backup(path: string): Promise<BackupResult> {
    await this.#journal.flush();
    return await writeBackup(this.#access, this.#blobs, path);
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    try {
      await this.#journal.close();
    } finally {
      this.#access.kv.close();
      this.#lock?.release();
    }
  }
}
