/** Every touch of the KV goes through here: foreign locks are waited out, failures get a code and a sentence. */
import { PosternError } from "../errors.ts";
import type { ErrorCode } from "../errors.ts";
import { LOCK_TRIES } from "./limits.ts";
import type { Key } from "./keys.ts";

/** What all parts of the store share. */
export interface Access {
  readonly kv: Deno.Kv;
  now(): number;
  /** Told of what could not be read or written in the background. Must not throw. */
  problem(error: PosternError): void;
  /** Tells how many messages in quarantine were deleted before they expired. */
  evicted?(count: number): void;
}

const CAUSES: readonly { code: ErrorCode; pattern: RegExp; text: string }[] = [
  { code: "store/full", pattern: /\bfull\b|no space|quota/i, text: "the disk is full" },
  { code: "store/locked", pattern: /locked|busy/i, text: "another process holds the file" },
  {
    code: "store/corrupt",
    pattern: /malformed|not a database|corrupt/i,
    text: "the file is damaged",
  },
  { code: "store/failed", pattern: /readonly|read-only/i, text: "the file cannot be written" },
  { code: "store/failed", pattern: /BadResource|closed/i, text: "the store is closed" },
];

/** Gives a failure of KV or of a file its code; a PosternError stays as it is. */
export function storeError(doing: string, cause: unknown): PosternError {
  if (cause instanceof PosternError) return cause;
  const text = String(cause);
  const known = CAUSES.find(({ pattern }) => pattern.test(text));
  return new PosternError(known?.code ?? "store/failed", `${doing}: ${known?.text ?? text}`, {
    cause,
  });
}

function isForeignLock(error: unknown): boolean {
  return error instanceof Error && /database (?:table )?is locked|busy/i.test(error.message);
}

/** Runs one operation; while another process holds SQLite's lock it is tried again, about 2 s in all. */
export async function guarded<T>(doing: string, operation: () => Promise<T>): Promise<T> {
  for (let attempt = 1;; attempt++) {
    try {
      return await operation();
    } catch (error) {
      if (!isForeignLock(error) || attempt >= LOCK_TRIES) throw storeError(doing, error);
      const pause = Math.min(2 ** attempt * 5, 500) * (0.5 + Math.random() / 2);
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
}

/** Reads one key. */
export function get(access: Access, key: Key, doing: string): Promise<Deno.KvEntryMaybe<unknown>> {
  return guarded(doing, () => access.kv.get<unknown>(key));
}

/** Commits; @returns false where a check did not hold. */
export async function commit(
  atomic: Deno.AtomicOperation,
  doing: string,
): Promise<boolean> {
  return (await guarded(doing, () => atomic.commit())).ok;
}

/** Lists keys in order; a failure gets its code. A foreign lock is waited out by starting again behind the last key seen. */
export async function* list(
  access: Access,
  selector: Deno.KvListSelector,
  doing: string,
  options?: Deno.KvListOptions,
): AsyncGenerator<Deno.KvEntry<unknown>> {
  let cursor: string | undefined;
  for (let attempt = 1;;) {
    const iterator = access.kv.list<unknown>(
      selector,
      cursor === undefined ? options : { ...options, cursor },
    );
    try {
      for (;;) {
        const next = await iterator.next();
        if (next.done) return;
        cursor = iterator.cursor;
        attempt = 1;
        yield next.value;
      }
    } catch (error) {
      if (!isForeignLock(error) || attempt >= LOCK_TRIES) throw storeError(doing, error);
      await new Promise((resolve) => setTimeout(resolve, Math.min(2 ** attempt * 5, 500)));
      attempt++;
    }
  }
}
