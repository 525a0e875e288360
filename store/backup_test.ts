import assert from "node:assert/strict";
import { compactStore } from "./compact.ts";
import { keys } from "./keys.ts";
import { CHUNK_OCTETS } from "./limits.ts";
import { restoreStore, verifyBackup } from "./restore.ts";
import { openStore } from "./store.ts";
import type { Store } from "./types.ts";
import { all, assertSameOctets, newEntry, someOctets, tamper, withDirectory } from "./testing.ts";

/** Some of everything, and how to see that it is all there. */
async function fill(store: Store): Promise<(store: Store) => Promise<void>> {
  const recipients = Array.from({ length: 3_000 }, (_, i) => `${"x".repeat(40)}${i}@example.net`);
  const messages = [0, 1, CHUNK_OCTETS, CHUNK_OCTETS * 14 + 5].map((size) => someOctets(size, 9));
  const ids: string[] = [];
  for (const message of [...messages, ...messages]) {
    ids.push(await store.putQuarantine(newEntry({ recipients, subject: "ü\u2028" }), message));
  }
  const id = ids[0] ?? "";
  await store.noteQuarantine(id, { time: 1, what: "exported", detail: "x" });
  for (let time = 0; time < 50; time++) {
    store.appendMessage({
      queueId: "q",
      time,
      status: "clean",
      record: { n: "y".repeat(time * 4_000) },
    });
  }
  store.count(1_000, { messages: 50 });
  await store.notePoison("a".repeat(64), 1e12);
  const terms = { delay: 1, window: 1e12, keep: 1e12, proven: 0 };
  for (let i = 0; i < 250; i++) {
    const triplet = { network: "192.0.2.0/24", sender: `${i}@a.test`, recipient: "b@here.test" };
    await store.askGreylist(triplet, terms);
    if (i % 2 === 0) await store.askGreylist(triplet, { ...terms, delay: 0 });
  }
  const greylist = await store.listGreylist({ limit: 1000 });
  const log = await all(store.listMessages({}));
  const entries = await store.listQuarantine({});
  return async (restored) => {
    assert.deepEqual(await restored.listQuarantine({}), entries);
    for (const [i, each] of ids.entries()) {
      assertSameOctets(
        await restored.readQuarantined(each),
        messages[i % messages.length] ?? new Uint8Array(),
      );
    }
    assert.deepEqual(await all(restored.listMessages({})), log);
    assert.deepEqual(await restored.statistics("day", 0), [{
      time: 0,
      counters: { messages: 50 },
    }]);
    assert.equal(await restored.poisonCount("a".repeat(64)), 1);
    assert.deepEqual(await restored.listGreylist({ limit: 1000 }), greylist);
    const { greylistWaiting, greylistKnown, greylistClients } = await restored.totals();
    assert.deepEqual([greylistWaiting, greylistKnown, greylistClients], [125, 125, 1]);
    const { problems, mended, quarantined, blobs } = await restored.check();
    assert.deepEqual([problems, mended, quarantined, blobs], [[], [], 8, 4]);
    for (const each of ids) assert.equal(await restored.deleteQuarantine(each), true);
    assert.equal((await restored.totals()).blobs, 0);
  };
}

Deno.test("Store.backup() and restoreStore() bring everything back", () =>
  withDirectory(async (path) => {
    const store = await openStore(path("kv"));
    const compare = await fill(store);
    const made = await store.backup(path("backup"));
    assert.deepEqual([made.entries, made.skipped], [8, []]);
    assert.equal(made.octets, (await Deno.stat(path("backup"))).size);
    assert.equal(((await Deno.stat(path("backup"))).mode ?? 0) & 0o777, 0o600);
    assert.deepEqual((await verifyBackup(path("backup"))).entries, 8);
    const check = await restoreStore(path("backup"), path("new"));
    assert.deepEqual([check.problems, check.mended], [[], []]);
    await store.close();
    const restored = await openStore(path("new"));
    await restoreStore(path("backup"), path("state/of/another"));
    assert.equal(((await Deno.stat(path("state"))).mode ?? 0) & 0o777, 0o700);
    await Deno.remove(path("state"), { recursive: true });
    await compare(restored);
    await restored.close();
    const names = [...Deno.readDirSync(path("."))].map(({ name }) => name).sort();
    assert.deepEqual(names, ["backup", "kv", "kv.lock", "new", "new.lock"]);
  }));

Deno.test("restoreStore() refuses a backup that is cut or changed anywhere, before it makes anything", () =>
  withDirectory(async (path) => {
    const store = await openStore(path("kv"));
    await store.putQuarantine(newEntry(), someOctets(300));
    await store.backup(path("backup"));
    await store.close();
    const whole = await Deno.readFile(path("backup"));
    const refused = async (octets: Uint8Array, what: string) => {
      await Deno.writeFile(path("bad"), octets);
      await assert.rejects(restoreStore(path("bad"), path("new")), { code: "store/corrupt" }, what);
      await assert.rejects(Deno.stat(path("new")), Deno.errors.NotFound);
    };
    for (let at = 0; at < whole.length; at++) {
      const cutOrChanged = at % 2 ? whole.slice(0, at) : whole.slice();
      if (at % 2 === 0) cutOrChanged[at] = (cutOrChanged[at] ?? 0) ^ (1 << (at % 8));
      await refused(cutOrChanged, `octet ${at}`);
    }
    await refused(new Uint8Array([...whole, 0]), "an octet more");
    await refused(new Uint8Array([...whole, ...whole]), "twice");
    await restoreStore(path("backup"), path("new"));
  }));

Deno.test("restoreStore() never writes over a store, open or not", () =>
  withDirectory(async (path) => {
    const store = await openStore(path("kv"));
    await store.backup(path("backup"));
    await assert.rejects(restoreStore(path("backup"), path("kv")), { code: "store/locked" });
    await store.close();
    await assert.rejects(restoreStore(path("backup"), path("kv")), { code: "store/failed" });
    await assert.rejects(restoreStore(path("none"), path("new")), { code: "store/failed" });
    await (await openStore(path("kv"))).close();
  }));

Deno.test("Store.backup() leaves no half file, and replaces an older one only by a whole one", () =>
  withDirectory(async (path) => {
    const store = await openStore(path("kv"));
    await store.backup(path("backup"));
    await assert.rejects(store.backup(path("none/backup")), { code: "store/failed" });
    await store.backup(path("backup"));
    await verifyBackup(path("backup"));
    const names = [...Deno.readDirSync(path("."))].map(({ name }) => name);
    assert.ok(names.every((name) => !name.includes("partial")), names.join());
    await store.close();
  }));

Deno.test("Store.backup() of a busy store is whole", () =>
  withDirectory(async (path) => {
    const store = await openStore(path("kv"));
    let done = false;
    const writer = (async () => {
      const ids: string[] = [];
      for (let n = 0; !done; n++) {
        ids.push(await store.putQuarantine(newEntry(), someOctets((n % 5) * 200_000, n % 9)));
        if (ids.length > 10) await store.deleteQuarantine(ids.shift() ?? "");
      }
    })();
    for (let n = 0; n < 5; n++) {
      const made = await store.backup(path(`backup${n}`));
      assert.deepEqual(made.skipped, []);
      const check = await restoreStore(path(`backup${n}`), path(`new${n}`));
      assert.deepEqual([check.problems, check.quarantined], [[], made.entries]);
    }
    done = true;
    await writer;
    await store.close();
  }));

Deno.test("Store.backup() leaves out what is damaged and says so; compactStore() stops at it", () =>
  withDirectory(async (path) => {
    let store = await openStore(path("kv"));
    await store.putQuarantine(newEntry(), someOctets(300));
    const bad = await store.putQuarantine(newEntry(), someOctets(400));
    const sha256 = (await store.getQuarantine(bad))?.sha256 ?? "";
    await store.close();
    await tamper(path("kv"), async (kv) => {
      for await (const { key } of kv.list({ prefix: ["chunk", sha256] })) await kv.delete(key);
    });
    store = await openStore(path("kv"));
    const made = await store.backup(path("backup"));
    assert.equal(made.entries, 1);
    assert.match(made.skipped.join(), /missing/);
    await store.close();
    const check = await restoreStore(path("backup"), path("new"));
    assert.deepEqual([check.quarantined, check.problems], [1, []]);
    await assert.rejects(compactStore(path("kv")), { code: "store/corrupt" });
    await tamper(path("kv"), async (kv) => void await kv.delete(keys.quarantine(bad)));
    await compactStore(path("kv"));
  }));

Deno.test("compactStore() gives room back and keeps everything", () =>
  withDirectory(async (path) => {
    let store = await openStore(path("kv"));
    const compare = await fill(store);
    const big = await store.putQuarantine(newEntry(), someOctets(5_000_000, 4));
    await store.deleteQuarantine(big);
    await assert.rejects(compactStore(path("kv")), { code: "store/locked" });
    await store.close();
    const { before, after } = await compactStore(path("kv"));
    assert.ok(before - after > 4_500_000, `${before} -> ${after}`);
    store = await openStore(path("kv"));
    await compare(store);
    await store.close();
    const names = [...Deno.readDirSync(path("."))].map(({ name }) => name).sort();
    assert.deepEqual(names, ["kv", "kv.lock"]);
  }));
