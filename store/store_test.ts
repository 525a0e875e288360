import assert from "node:assert/strict";
import { keys } from "./keys.ts";
import { migrate } from "./schema.ts";
import { openStore } from "./store.ts";
import { all, newEntry, someOctets, tamper, withDirectory, withStore } from "./testing.ts";

Deno.test("openStore() makes files that are the owner's alone", () =>
  withDirectory(async (path) => {
    const store = await openStore(path("kv"));
    await store.putQuarantine(newEntry(), someOctets(5));
    for (const { name } of Deno.readDirSync(path("."))) {
      assert.equal(((await Deno.stat(path(name))).mode ?? 0) & 0o777, 0o600, name);
    }
    await store.close();
  }));

Deno.test("openStore() refuses a second owner, also in another process, and opens after the first", () =>
  withDirectory(async (path) => {
    const store = await openStore(path("kv"));
    await assert.rejects(openStore(path("kv")), {
      code: "store/locked",
      message: new RegExp(`in use by process ${Deno.pid}`),
    });
    const module = JSON.stringify(import.meta.resolve("./store.ts"));
    const script = `const { openStore } = await import(${module});
      await openStore(Deno.args[0]).then(() => console.log("open"), (e) => console.log(e.code)); Deno.exit(0);`;
    await Deno.writeTextFile(path("other.ts"), script);
    const config = new URL("../deno.json", import.meta.url).pathname;
    const args = ["run", "-A", "--no-check", "--config", config, path("other.ts"), path("kv")];
    const output = await new Deno.Command(Deno.execPath(), { args, stderr: "inherit" }).output();
    assert.equal(new TextDecoder().decode(output.stdout), "store/locked\n");
    await store.close();
    await (await openStore(path("kv"))).close();
  }));

Deno.test("openStore() says what is wrong with a path or a file", () =>
  withDirectory(async (path) => {
    await assert.rejects(openStore(path("none/kv")), { code: "store/failed", message: /none/ });
    await Deno.writeTextFile(
      path("text"),
      "this is no database, and long enough to be none\n".repeat(99),
    );
    await assert.rejects(openStore(path("text")), { code: "store/corrupt" });
  }));

Deno.test("openStore() refuses a newer store and one that a restore left half made", () =>
  withDirectory(async (path) => {
    await (await openStore(path("kv"))).close();
    const record = new TextEncoder().encode(JSON.stringify({ version: 99, created: 0 }));
    await tamper(path("kv"), async (kv) => void await kv.set(keys.schema(), record));
    await assert.rejects(openStore(path("kv")), { code: "store/version", message: /99/ });
    await tamper(path("kv"), async (kv) => {
      await kv.delete(keys.schema());
      await kv.set(["poison", "x"], record);
    });
    await assert.rejects(openStore(path("kv")), { code: "store/corrupt", message: /restore/ });
  }));

Deno.test("migrate() runs each step once, in order, and goes on where it was stopped", async () => {
  const kv = await Deno.openKv(":memory:");
  const access = { kv, now: () => 7, problem: () => {} };
  const ran: number[] = [];
  let fails = true;
  const steps = [2, 3, 4].map((to) => ({
    to,
    run() {
      if (to === 3 && fails) return Promise.reject(new Error("power cut"));
      ran.push(to);
      return Promise.resolve();
    },
  }));
  await migrate(access, [], 1);
  await assert.rejects(migrate(access, steps, 4), /power cut/);
  fails = false;
  await migrate(access, steps, 4);
  await migrate(access, steps, 4);
  assert.deepEqual(ran, [2, 3, 4]);
  await assert.rejects(migrate(access, steps, 5), { code: "store/version" });
  await assert.rejects(migrate(access, steps, 3), { code: "store/version" });
  kv.close();
});

Deno.test("Store.collect() deletes what is past its time and what is too much, oldest first", () =>
  withStore(async (store) => {
    const put = (n: number, expires: number) =>
      store.putQuarantine(newEntry({ time: n * 1_000, expires }), someOctets(1_000, n));
    const ids = await Promise.all([put(1, 500), put(2, 5_000), put(3, 5_000), put(4, 5_000)]);
    for (let n = 0; n < 10; n++) {
      store.appendMessage({ queueId: "q", time: n, status: "clean", record: { n } });
    }
    await store.flush();
    const done = await store.collect(500);
    assert.equal(done.quarantineExpired, 0); // expires is the last moment at which it is kept
    store.setLimits({ quarantineOctets: 2_500, messageEntries: 4 });
    const more = await store.collect(501);
    assert.deepEqual([more.quarantineExpired, more.quarantineOversize, more.messages], [1, 1, 6]);
    const kept = await store.listQuarantine({});
    assert.deepEqual(kept.map(({ id }) => id), [ids[3], ids[2]]);
    const left = await all(store.listMessages({}));
    assert.deepEqual(left.map(({ record }) => record.n), [6, 7, 8, 9]);
    const check = await store.check();
    assert.deepEqual([check.problems, check.mended], [[], []]);
  }));

Deno.test("Store.putQuarantine() makes room for itself, says so, and refuses what can have none", () => {
  const evicted: number[] = [];
  const onEvicted = (count: number) => evicted.push(count);
  return withStore(async (store) => {
    for (let n = 0; n < 10; n++) {
      await store.putQuarantine(newEntry({ time: n }), someOctets(1_000, n + 1));
    }
    const { quarantined, blobOctets } = await store.totals();
    assert.deepEqual([quarantined, blobOctets], [3, 3_000]);
    assert.deepEqual(evicted, [1, 1, 1, 1, 1, 1, 1]);
    await assert.rejects(store.putQuarantine(newEntry(), someOctets(3_501)), {
      code: "store/full",
    });
  }, { limits: { quarantineOctets: 3_500 }, onEvicted });
});

Deno.test("Store.notePoison() counts, also at once, and forgets", async () => {
  let now = 1_000;
  await withStore(async (store) => {
    const sha256 = "a".repeat(64);
    assert.equal(await store.poisonCount(sha256), 0);
    const counts = await Promise.all([1, 2, 3].map(() => store.notePoison(sha256, 100)));
    assert.deepEqual(counts.sort(), [1, 2, 3]);
    assert.equal(await store.poisonCount(sha256), 3);
    now = 1_100;
    assert.equal(await store.poisonCount(sha256), 0);
    assert.equal((await store.collect()).poison, 1);
    assert.equal(await store.notePoison(sha256, 100), 1);
  }, { now: () => now });
});

Deno.test("Store on a file that cannot grow fails with a code and never hangs; what was kept stays", () =>
  withDirectory(async (path) => {
    const testing = JSON.stringify(import.meta.resolve("./testing.ts"));
    const module = JSON.stringify(import.meta.resolve("./store.ts"));
    await Deno.writeTextFile(
      path("fill.ts"),
      `const { openStore } = await import(${module});
       const { newEntry, someOctets } = await import(${testing});
       const store = await openStore(Deno.args[0]);
       const ids = [];
       for (let n = 1;; n++) {
         try { ids.push(await store.putQuarantine(newEntry(), someOctets(200_000, n))); }
         catch (error) { console.log(JSON.stringify({ code: error.code, ids })); break; }
       }
       for (const id of ids) await store.readQuarantined(id);
       Deno.exit(0);`,
    );
    const config = new URL("../deno.json", import.meta.url).pathname;
    // Files of at most 4 MiB (ulimit counts 512 octets in dash, 1024 in bash); SIGXFSZ is ignored, so that write() fails.
    const args = ["-c", 'trap "" XFSZ; ulimit -f 8192; exec "$@"', "sh", Deno.execPath()];
    args.push("run", "-A", "--no-check", "--config", config, path("fill.ts"), path("kv"));
    const output = await new Deno.Command("sh", { args, stderr: "inherit" }).output();
    const { code, ids } = JSON.parse(new TextDecoder().decode(output.stdout));
    assert.match(code, /^store\/(?:full|failed)$/);
    assert.ok(ids.length > 5);
    const store = await openStore(path("kv"));
    for (const id of ids) assert.equal((await store.readQuarantined(id)).length, 200_000);
    assert.deepEqual((await store.check()).problems, []);
    await store.close();
  }));
