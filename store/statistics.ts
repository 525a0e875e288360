/** Counters by minute, hour and day (UTC). */
import type { Access } from "./access.ts";
import { commit, list } from "./access.ts";
import type { Span } from "./keys.ts";
import { keys, SPANS } from "./keys.ts";
import { COMMIT_MUTATIONS, STATISTICS_KEEP_MS } from "./limits.ts";

/** Lengths of the spans, ms. */
export const SPAN_MS = { minute: 60_000, hour: 3_600_000, day: 86_400_000 } as const;

/** Begin of the span that `time` lies in, ms since 1970. */
export function spanStart(span: Span, time: number): number {
  return Math.floor(time / SPAN_MS[span]) * SPAN_MS[span];
}

/** The counters of each span that has any, from the one that `since` lies in, in order. */
export async function readStatistics(
  access: Access,
  span: Span,
  since: number,
): Promise<{ time: number; counters: Record<string, number> }[]> {
  const rows: { time: number; counters: Record<string, number> }[] = [];
  const selector = {
    start: ["statistic", span, spanStart(span, since)],
    end: ["statistic", span, Infinity],
  };
  for await (const { key, value } of list(access, selector, "Cannot read the statistics")) {
    const [, , time, name] = key;
    if (typeof time !== "number" || typeof name !== "string") continue;
    if (!(value instanceof Deno.KvU64)) continue;
    if (rows.at(-1)?.time !== time) rows.push({ time, counters: Object.create(null) });
    const row = rows.at(-1);
    if (row) row.counters[name] = Number(value.value);
  }
  // Own data properties on plain objects, whatever the names are.
  return rows.map(({ time, counters }) => ({
    time,
    counters: Object.fromEntries(Object.entries(counters)),
  }));
}

/** Deletes the counters of spans past their time; @returns how many. */
export async function collectStatistics(access: Access, now: number): Promise<number> {
  let deleted = 0;
  for (const span of SPANS) {
    const end = keys.statistic(span, spanStart(span, now - STATISTICS_KEEP_MS[span]), "");
    const selector = { start: ["statistic", span], end };
    deleted += await deleteAll(access, selector, "Cannot collect the statistics");
  }
  return deleted;
}

/** Deletes every key of a range; @returns how many. */
export async function deleteAll(
  access: Access,
  selector: Deno.KvListSelector,
  doing: string,
): Promise<number> {
  let deleted = 0;
  let atomic = access.kv.atomic();
  let waiting = 0;
  for await (const { key } of list(access, selector, doing, { batchSize: 500 })) {
    atomic.delete(key);
    deleted++;
    if (++waiting < COMMIT_MUTATIONS) continue;
    await commit(atomic, doing);
    atomic = access.kv.atomic();
    waiting = 0;
  }
  if (waiting > 0) await commit(atomic, doing);
  return deleted;
}
