import assert from "node:assert/strict";
import { BUFFER_ENTRIES } from "./limits.ts";
import { Journal } from "./journal.ts";
import type { PosternError } from "../errors.ts";
import { all, newEntry, someOctets, withDirectory, withStore } from "./testing.ts";
import { openStore } from "./store.ts";
import type { MessageLogEntry } from "./types.ts";

function logEntry(n: number, record: Record<string, unknown> = {}): MessageLogEntry {
  return { queueId: `q${n}`, time: 1_000 * n, status: "clean", record };
}

Deno.test("Store.listMessages() gives the log in order of time, what waits included", () =>
  withStore(async (store) => {
    for (const n of [5, 1, 3, 2, 4]) store.appendMessage(logEntry(n));
    const times = async (query: Parameters<typeof store.listMessages>[0]) =>
      (await all(store.listMessages(query))).map(({ time }) => time / 1_000);
    assert.deepEqual(await times({}), [1, 2, 3, 4, 5]);
    assert.deepEqual(await times({ since: 2_000, until: 4_000 }), [2, 3, 4]);
    assert.deepEqual(await times({ limit: 2 }), [1, 2]);
    assert.deepEqual(await times({ limit: 0 }), []);
    assert.equal((await store.totals()).messages, 5);
  }));

Deno.test("Store.appendMessage() keeps records of every size, two of one moment, and shortens giants", () =>
  withStore(async (store) => {
    const sizes = [0, 60_000, 61_440, 300_000, 650_000];
    for (const size of sizes) store.appendMessage(logEntry(1, { x: "y".repeat(size) }));
    store.appendMessage(logEntry(1, { x: "y".repeat(5_000_000) }));
    const cycle: Record<string, unknown> = {};
    cycle.cycle = cycle;
    store.appendMessage(logEntry(1, cycle));
    const found = await all(store.listMessages({}));
    assert.deepEqual(found.slice(0, 5).map(({ record }) => String(record.x).length), sizes);
    assert.deepEqual(found.slice(5).map(({ record }) => record.shortened), [true, true]);
    const check = await store.check();
    assert.deepEqual([check.problems, check.mended, check.messages], [[], [], 7]);
    assert.equal((await store.collect(1e12)).messages, 7);
    assert.deepEqual((await store.check()).mended, []);
  }));

Deno.test("Store.appendMessage() writes thousands, and close() what is left", () =>
  withDirectory(async (path) => {
    const store = await openStore(path("kv"));
    for (let n = 0; n < 5_000; n++) store.appendMessage(logEntry(n, { pad: "x".repeat(500) }));
    store.count(1_000, { messages: 5_000 });
    await store.close();
    await store.close();
    await assert.rejects(store.putQuarantine(newEntry(), someOctets(1)), { code: "store/failed" });
    const again = await openStore(path("kv"));
    assert.equal((await all(again.listMessages({}))).length, 5_000);
    assert.deepEqual(await again.statistics("day", 0), [
      { time: 0, counters: { messages: 5_000 } },
    ]);
    await again.close();
  }));

Deno.test("Journal gives up the oldest when it cannot write, says so, and writes the rest later", async () => {
  const kv = await Deno.openKv(":memory:");
  const problems: PosternError[] = [];
  let broken = true;
  const journal = new Journal({
    get kv() {
      if (broken) throw new Error("database or disk is full");
      return kv;
    },
    now: Date.now,
    problem: (error) => problems.push(error),
  });
  for (let n = 0; n < BUFFER_ENTRIES + 10; n++) journal.append(logEntry(n));
  journal.count(0, { a: 1, b: -1, c: NaN });
  await assert.rejects(journal.flush(), { code: "store/full" });
  await assert.rejects(journal.flush(), { code: "store/full" });
  assert.equal(journal.dropped, 10);
  assert.deepEqual(problems.map(({ code }) => code), ["store/failed", "store/full"]);
  broken = false;
  await journal.close();
  assert.equal(journal.buffered, 0);
  const first = await all(kv.list({ prefix: ["message"] }, { limit: 1 }));
  assert.deepEqual(first[0]?.key[1], 10_000);
  kv.close();
});

Deno.test("Store.statistics() adds up by minute, hour and day", () =>
  withStore(async (store) => {
    const day = 86_400_000;
    store.count(day, { messages: 1, octets: 10.4 });
    store.count(day + 59_999, { messages: 1 });
    await store.flush();
    store.count(day + 60_000, { messages: 1, __proto__x: 1 });
    store.count(2 * day, { messages: 5 });
    assert.deepEqual(await store.statistics("minute", day), [
      { time: day, counters: { messages: 2, octets: 10 } },
      { time: day + 60_000, counters: { messages: 1, __proto__x: 1 } },
      { time: 2 * day, counters: { messages: 5 } },
    ]);
    assert.deepEqual(await store.statistics("hour", 2 * day + 5), [
      { time: 2 * day, counters: { messages: 5 } },
    ]);
    assert.equal((await store.statistics("day", 0)).length, 2);
    assert.equal((await store.collect(day * 5)).statistics, 5);
    assert.equal((await store.statistics("minute", 0)).length, 0);
    assert.equal((await store.statistics("day", 0)).length, 2);
  }));
