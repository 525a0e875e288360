import assert from "node:assert/strict";
import fc from "fast-check";
import { isQuarantineId, newQuarantineId } from "./ids.ts";
import { CHUNK_OCTETS, CHUNKS_PER_COMMIT, DELETE_CHUNKS } from "./limits.ts";
import { assertSameOctets, newEntry, someOctets, withStore } from "./testing.ts";

const TOGETHER = CHUNK_OCTETS * CHUNKS_PER_COMMIT;
const near = (octets: number) => fc.integer({ min: Math.max(0, octets - 2), max: octets + 2 });
const sizes = fc.oneof(
  near(0),
  near(CHUNK_OCTETS),
  near(2 * CHUNK_OCTETS),
  near(TOGETHER - 3_000),
  near(TOGETHER),
  near(TOGETHER + CHUNK_OCTETS),
  near(2 * TOGETHER),
);

Deno.test("Store.putQuarantine() keeps octets of any size, chunk limits above all", () =>
  withStore(async (store) => {
    await fc.assert(
      fc.asyncProperty(sizes, fc.integer({ min: 1, max: 5 }), async (size, seed) => {
        const message = someOctets(size, seed);
        const id = await store.putQuarantine(newEntry(), message);
        assertSameOctets(await store.readQuarantined(id), message);
      }),
      { numRuns: 60 },
    );
    const check = await store.check();
    assert.deepEqual([check.problems, check.mended], [[], []]);
  }));

Deno.test("Store.putQuarantine() gives back every fact of an entry", () =>
  withStore(async (store) => {
    const given = newEntry({
      client: "192.0.2.1",
      helo: "x",
      subject: "\ud800 ü",
      messageId: "<1>",
    });
    const id = await store.putQuarantine(given, someOctets(10));
    assert.ok(isQuarantineId(id));
    const entry = await store.getQuarantine(id);
    assert.deepEqual(entry, {
      ...given,
      id,
      size: 10,
      sha256: entry?.sha256,
      history: [],
    });
    assert.match(entry?.sha256 ?? "", /^[0-9a-f]{64}$/);
  }));

Deno.test("Store.putQuarantine() takes an entry longer than a value, with a message of any size", () =>
  withStore(async (store) => {
    const recipients = Array.from({ length: 9_000 }, (_, i) => `${"x".repeat(50)}${i}@example.net`);
    for (const size of [0, 10, TOGETHER - 10, TOGETHER + 10]) {
      const id = await store.putQuarantine(newEntry({ recipients }), someOctets(size, 7));
      assert.equal((await store.getQuarantine(id))?.recipients.length, 9_000);
      await store.noteQuarantine(id, { time: 1, what: "exported", detail: "x" });
      assert.equal((await store.getQuarantine(id))?.history.length, 1);
    }
    assert.equal((await store.listQuarantine({ recipient: "8999@example" })).length, 4);
    for (const { id } of await store.listQuarantine({})) await store.deleteQuarantine(id);
    const check = await store.check();
    assert.deepEqual([check.problems, check.mended, check.blobs], [[], [], 0]);
  }));

Deno.test("Store.putQuarantine() refuses what it could not read back", () =>
  withStore(async (store) => {
    await assert.rejects(store.putQuarantine(newEntry({ expires: NaN }), someOctets(1)), {
      code: "store/failed",
    });
    assert.equal((await store.totals()).blobs, 0);
  }));

Deno.test("Store keeps the same message once, and until nobody needs it", () =>
  withStore(async (store) => {
    for (const size of [100, 3 * TOGETHER]) {
      const message = someOctets(size, 3);
      const put = () => store.putQuarantine(newEntry(), message);
      const ids = await Promise.all(Array.from({ length: 20 }, put));
      assert.equal(new Set(ids).size, 20);
      const { quarantined, blobs, blobOctets } = await store.totals();
      assert.deepEqual([quarantined, blobs, blobOctets], [20, 1, size]);
      const last = ids.pop() ?? "";
      await Promise.all(ids.map((id) => store.deleteQuarantine(id)));
      assertSameOctets(await store.readQuarantined(last), message);
      assert.equal(await store.deleteQuarantine(last), true);
      assert.equal(await store.deleteQuarantine(last), false);
      await assert.rejects(store.readQuarantined(last), { code: "store/not-found" });
      assert.equal((await store.totals()).blobs, 0);
      const together = await Promise.all(Array.from({ length: 20 }, put));
      await Promise.all(together.map((id) => store.deleteQuarantine(id)));
      assert.equal((await store.totals()).blobs, 0);
    }
    const check = await store.check();
    assert.deepEqual([check.problems, check.mended], [[], []]);
  }));

Deno.test("Store stays whole when the same and other messages are put, read, noted and deleted at once", () =>
  withStore(async (store) => {
    const messages = [0, 1, 2, 3].map((seed) => someOctets(seed * 300_000, seed));
    const kept = new Map<string, Uint8Array>();
    await Promise.all(Array.from({ length: 120 }, async (_, n) => {
      const message = messages[n % 4] ?? new Uint8Array();
      const id = await store.putQuarantine(newEntry({ queueId: `${n}` }), message);
      await store.noteQuarantine(id, { time: n, what: "exported", detail: "x" });
      if (n % 3 === 0) assertSameOctets(await store.readQuarantined(id), message);
      if (n % 5 < 3) assert.equal(await store.deleteQuarantine(id), true);
      else kept.set(id, message);
      if (n % 40 === 0) await store.collect(0);
    }));
    for (const [id, message] of kept) assertSameOctets(await store.readQuarantined(id), message);
    const check = await store.check();
    assert.deepEqual([check.problems, check.mended, check.quarantined], [[], [], kept.size]);
  }));

Deno.test("Store.deleteQuarantine() deletes a message of very many chunks", () =>
  withStore(async (store) => {
    const message = new Uint8Array(CHUNK_OCTETS * (DELETE_CHUNKS + 1));
    const id = await store.putQuarantine(newEntry(), message);
    assert.equal(await store.deleteQuarantine(id), true);
    const check = await store.check();
    assert.deepEqual([check.problems, check.mended, check.blobs], [[], [], 0]);
  }));

Deno.test("Store.listQuarantine() finds by each condition, newest first", () =>
  withStore(async (store) => {
    const ids: string[] = [];
    for (let n = 0; n < 10; n++) {
      const given = newEntry({
        time: 1_800_000_000_000 + n * 1000,
        sender: n % 2 ? "Odd@Example.org" : "",
        recipients: [`r${n}@example.net`, "all@example.net"],
        subject: `Offer ${n}`,
        status: n < 5 ? "infected" : "spam",
        findings: n === 7 ? [{ name: "Win.Test-1", part: "", engine: "hash" }] : [],
      });
      ids.push(await store.putQuarantine(given, someOctets(n)));
    }
    const rows: [Parameters<typeof store.listQuarantine>[0], number[]][] = [
      [{}, [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]],
      [{ limit: 2 }, [9, 8]],
      [{ limit: 0 }, []],
      [{ since: 1_800_000_007_000 }, [9, 8, 7]],
      [{ until: 1_800_000_001_000 }, [1, 0]],
      [{ since: 1_800_000_003_000, until: 1_800_000_003_000 }, [3]],
      [{ sender: "odd@" }, [9, 7, 5, 3, 1]],
      [{ recipient: "R4@" }, [4]],
      [{ subject: "offer 6" }, [6]],
      [{ finding: "win.test" }, [7]],
      [{ status: "spam", limit: 3 }, [9, 8, 7]],
    ];
    for (const [query, want] of rows) {
      const found = await store.listQuarantine(query);
      assert.deepEqual(found.map(({ id }) => ids.indexOf(id)), want, JSON.stringify(query));
    }
  }));

Deno.test("Store.noteQuarantine() keeps the newest of a long history", () =>
  withStore(async (store) => {
    const id = await store.putQuarantine(newEntry(), someOctets(1));
    const recipients = Array.from({ length: 400 }, (_, i) => `${"y".repeat(40)}${i}@example.net`);
    for (let time = 0; time < 60; time++) {
      await store.noteQuarantine(id, {
        time,
        what: "released",
        detail: "d".repeat(5_000),
        recipients,
      });
    }
    const history = (await store.getQuarantine(id))?.history ?? [];
    assert.equal(history.at(-1)?.time, 59);
    assert.ok(history.length > 10);
    await assert.rejects(
      store.noteQuarantine(newQuarantineId(1), { time: 1, what: "exported", detail: "" }),
      { code: "store/not-found" },
    );
  }));

Deno.test(
  "newQuarantineId() sorts by time and is never out of form",
  { permissions: "none" },
  () => {
    fc.assert(fc.property(fc.double(), fc.double(), (a, b) => {
      const [first, second] = [newQuarantineId(a), newQuarantineId(b)];
      assert.ok(isQuarantineId(first) && isQuarantineId(second));
      if (a >= 0 && b >= 0 && b < 1e14 && Math.floor(a) < Math.floor(b)) assert.ok(first < second);
    }));
  },
);
