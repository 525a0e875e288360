/** The message log in pages, so that a log of any length is read with the memory of one page. */
import * as v from "valibot";
import type { MessageRecord } from "../../../agents/ports.ts";
import { recordSchema } from "../../../agents/worker_protocol.ts";

/** What asks the log: one page in order of time. */
export type PageReader = (
  query: { readonly since: number; readonly until: number; readonly limit: number },
) => Promise<readonly unknown[]>;

/** Entries of one page. */
const PAGE = 500;
/** Most entries of one millisecond: as many as one answer of the daemon has. */
const MAX_AT_ONCE = 10_000;

const entrySchema = v.looseObject({ time: v.number(), queueId: v.string(), record: v.unknown() });

/**
 * Reads the log from its oldest entry in the span on.
 *
 * @param since Milliseconds since 1970; `until` too, and part of the span.
 * @returns Records; `undefined` for an entry that cannot be read.
 */
export async function* messageLog(
  read: PageReader,
  since: number,
  until: number,
): AsyncGenerator<MessageRecord | undefined> {
  let from = since;
  let seen = 0; // entries at `from` that were read already: pages begin with them again
  for (;;) {
    const limit = Math.min(PAGE + seen, MAX_AT_ONCE);
    const page = await read({ since: from, until, limit });
    for (const value of page.slice(seen)) {
      const entry = v.safeParse(entrySchema, value);
      if (!entry.success) {
        yield undefined;
        continue;
      }
      const record = v.safeParse(recordSchema, entry.output.record);
      yield record.success ? record.output as MessageRecord : undefined;
    }
    if (page.length < limit) return;
    const last = timeOf(page.at(-1)) ?? from;
    const same = page.reduce<number>((count, value) => count + (timeOf(value) === last ? 1 : 0), 0);
    const stuck = last === from && limit === MAX_AT_ONCE;
    from = stuck ? last + 1 : last;
    seen = stuck ? 0 : same;
  }
}

function timeOf(value: unknown): number | undefined {
  const entry = v.safeParse(entrySchema, value);
  return entry.success ? entry.output.time : undefined;
}
