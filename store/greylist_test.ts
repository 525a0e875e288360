import assert from "node:assert/strict";
import fc from "fast-check";
import { encodeRecord, type Key, keys } from "./keys.ts";
import { Greylist, GREYLIST_TOTALS } from "./greylist.ts";
import { checkGreylist } from "./greylist_check.ts";
import { openStore } from "./store.ts";
import { tamper, withDirectory, withStore } from "./testing.ts";
import type { GreylistTriplet, Store } from "./types.ts";

const S = 1000;
const DAY = 86_400 * S;
const TERMS = { delay: 300 * S, window: 2 * DAY, keep: 36 * DAY, proven: 5 };
const A = { network: "192.0.2.0/24", sender: "a@sender.test", recipient: "b@here.test" };

/** A store whose clock the test moves. */
async function atTime(test: (store: Store, clock: { now: number }) => Promise<void>) {
  const clock = { now: 1_800_000_000_000 };
  await withStore((store) => test(store, clock), { now: () => clock.now });
}
const greylisted = async (store: Store) => {
  const totals = await store.totals();
  return GREYLIST_TOTALS.map((total) => totals[total]);
};

Deno.test("askGreylist() lets in what comes again in time, and then at once", () =>
  atTime(async (store, clock) => {
    const ask = () => store.askGreylist(A, TERMS);
    assert.deepEqual(await ask(), { waitMs: 300 * S, came: "first" });
    assert.deepEqual(await greylisted(store), [1, 0, 0]);
    clock.now += 299 * S + 999;
    assert.deepEqual(await ask(), { waitMs: 1, came: "early" });
    clock.now += 1;
    assert.deepEqual(await ask(), { waitMs: 0, came: "again" });
    assert.deepEqual(await ask(), { waitMs: 0, came: "known" });
    assert.deepEqual(await greylisted(store), [0, 1, 1]);
    clock.now += 35 * DAY;
    assert.deepEqual(await ask(), { waitMs: 0, came: "known" });
    clock.now += 35 * DAY; // from the last mail on
    assert.deepEqual(await ask(), { waitMs: 0, came: "known" });
    clock.now += 36 * DAY;
    assert.deepEqual(await ask(), { waitMs: 300 * S, came: "first" });
    assert.deepEqual(await greylisted(store), [1, 0, 1]);
  }));

Deno.test("askGreylist() begins anew after the window", () =>
  atTime(async (store, clock) => {
    const ask = () => store.askGreylist(A, TERMS);
    await ask();
    clock.now += 2 * DAY;
    assert.equal((await ask()).came, "first");
    clock.now += 2 * DAY - 1;
    assert.equal((await ask()).came, "again");
    assert.deepEqual(await greylisted(store), [0, 1, 1]);
  }));

Deno.test("askGreylist() tells networks, senders and recipients apart", () =>
  atTime(async (store) => {
    const others: GreylistTriplet[] = [
      A,
      { ...A, network: "192.0.3.0/24" },
      { ...A, sender: "a@other.test" },
      { ...A, recipient: "c@here.test" },
      { ...A, sender: "", recipient: `${A.sender}${A.recipient}` },
    ];
    for (const each of others) assert.equal((await store.askGreylist(each, TERMS)).came, "first");
    for (const each of others) assert.equal((await store.askGreylist(each, TERMS)).came, "early");
  }));

Deno.test("askGreylist() trusts a network once it has come again often enough, while it comes", () =>
  atTime(async (store, clock) => {
    const ask = (n: number, proven = 3) =>
      store.askGreylist({ ...A, recipient: `${n}@here.test` }, { ...TERMS, proven });
    for (let n = 0; n < 3; n++) await ask(n);
    clock.now += TERMS.delay;
    for (const came of ["again", "known"]) {
      for (const n of [0, 1]) assert.equal((await ask(n)).came, came);
    }
    assert.equal((await ask(7)).came, "first"); // the same recipient twice is one
    assert.equal((await ask(2)).came, "again");
    assert.equal((await ask(7)).came, "proven");
    assert.equal((await ask(8, 0)).came, "first");
    assert.equal((await ask(9, 4)).came, "first");
    assert.equal((await store.askGreylist({ ...A, network: "192.0.3.0/24" }, TERMS)).came, "first");
    clock.now += 35 * DAY;
    assert.equal((await ask(10)).came, "proven");
    clock.now += 35 * DAY;
    assert.equal((await ask(10)).came, "proven");
    clock.now += 36 * DAY;
    assert.equal((await ask(10)).came, "first");
  }));

Deno.test("askGreylist() makes nobody wait longer where the clock is set back", () =>
  atTime(async (store, clock) => {
    await store.askGreylist(A, TERMS);
    clock.now -= DAY;
    assert.deepEqual(await store.askGreylist(A, TERMS), { waitMs: TERMS.delay, came: "early" });
  }));

Deno.test("askGreylist() counts one triplet once, however many ask at once", () =>
  atTime(async (store, clock) => {
    const together = () =>
      Promise.all(Array.from({ length: 20 }, () => store.askGreylist(A, TERMS)));
    const first = (await together()).map(({ came }) => came);
    assert.equal(first.filter((came) => came === "first").length, 1);
    assert.equal(first.filter((came) => came === "early").length, 19);
    clock.now += TERMS.delay;
    const again = (await together()).map(({ came }) => came);
    assert.equal(again.filter((came) => came === "again").length, 1);
    assert.equal(again.filter((came) => came === "known").length, 19);
    assert.deepEqual(await greylisted(store), [0, 1, 1]);
    assert.deepEqual((await store.listGreylist({}))[0], {
      network: A.network,
      passed: 1,
      until: clock.now + TERMS.keep,
    });
  }));

Deno.test("collect() forgets what is over, and only that", () =>
  atTime(async (store, clock) => {
    for (let n = 0; n < 250; n++) await store.askGreylist({ ...A, sender: `${n}@a.test` }, TERMS);
    await store.askGreylist(A, TERMS);
    clock.now += TERMS.delay;
    await store.askGreylist(A, TERMS);
    clock.now += TERMS.window - TERMS.delay;
    assert.equal((await store.collect())["greylist"], 0);
    clock.now += 1;
    assert.equal((await store.collect())["greylist"], 250);
    assert.deepEqual(await greylisted(store), [0, 1, 1]);
    clock.now += TERMS.keep;
    assert.equal((await store.collect())["greylist"], 2);
    assert.deepEqual(await greylisted(store), [0, 0, 0]);
    assert.deepEqual((await store.check()).mended, []);
  }));

Deno.test("a flood pushes out what is over soonest", async () => {
  const kv = await Deno.openKv(":memory:");
  let now = 1_800_000_000_000;
  const access = { kv, now: () => now, problem: (error: Error) => assert.fail(error) };
  const greylist = new Greylist(access);
  await greylist.ask(A, TERMS, 1000);
  now += TERMS.delay;
  assert.equal((await greylist.ask(A, TERMS, 1000)).came, "again");
  for (let n = 0; n < 500; n++) await greylist.ask({ ...A, sender: `${n}@bot.test` }, TERMS, 200);
  const left = await greylist.list({ limit: 1000 });
  assert.ok(left.length <= 200, `${left.length} are left`);
  assert.ok(left.some(({ sender }) => sender === "499@bot.test"));
  assert.equal((await greylist.ask(A, TERMS, 200)).came, "known");
  kv.close();
});

Deno.test("listGreylist() and clearGreylist() take what matches", () =>
  atTime(async (store, clock) => {
    for (const network of ["192.0.2.0/24", "2001:db8::/64"]) {
      for (const n of [1, 2]) {
        await store.askGreylist({ ...A, network, sender: `${n}@s.test` }, TERMS);
      }
    }
    clock.now += TERMS.delay;
    await store.askGreylist({ ...A, sender: "1@s.test" }, TERMS);
    const list = async (query: object) =>
      (await store.listGreylist(query)).map(({ network, sender }) => `${network} ${sender ?? "-"}`);
    assert.deepEqual(await list({ network: "192.0.2.0/24" }), [
      "192.0.2.0/24 -",
      ...(await list({ network: "192.0.2.0/24", sender: "@" })),
    ]);
    assert.equal((await list({})).length, 5);
    assert.equal((await list({ limit: 2 })).length, 2);
    assert.equal((await list({ sender: "1@S" })).length, 2);
    assert.equal((await list({ recipient: "nobody" })).length, 0);
    assert.equal(await store.clearGreylist({ network: "192.0.2.0/24" }), 3);
    assert.deepEqual(await greylisted(store), [2, 0, 0]);
    assert.equal(await store.clearGreylist({ sender: "2@" }), 1);
    assert.equal(await store.clearGreylist({}), 1);
    const { problems, mended } = await store.check();
    assert.deepEqual([problems, mended, await greylisted(store)], [[], [], [0, 0, 0]]);
  }));

const damages: {
  name: string;
  change: (kv: Deno.Kv, record: Key, due: Key) => Promise<unknown>;
  says: RegExp;
}[] = [
  {
    name: "an index that lacks a record",
    change: (kv, _, due) => kv.delete(due),
    says: /1 records of the greylist are in its index again/,
  },
  {
    name: "an index that leads nowhere",
    change: (kv) => kv.set(keys.greylistDue(7, "192.0.2.0/24", "x"), new Uint8Array()),
    says: /1 entries of the greylist's index led nowhere/,
  },
  {
    name: "a wrong total",
    change: (kv) => kv.set(keys.total("greylistWaiting"), new Deno.KvU64(9n)),
    says: /total greylistWaiting was 9 and is 1/,
  },
  {
    name: "a record that is none",
    change: (kv, record) => kv.set(record, new TextEncoder().encode("{}")),
    says: /record greylist\/.* cannot be read/,
  },
];
for (const { name, change, says } of damages) {
  Deno.test(`check() finds in the greylist ${name}, and asking goes on`, () =>
    withDirectory(async (path) => {
      const store = await openStore(path("kv"));
      await store.askGreylist(A, TERMS);
      await store.close();
      await tamper(path("kv"), async (kv) => {
        const all = await Array.fromAsync(kv.list({ prefix: ["greylist"] }));
        const due = await Array.fromAsync(kv.list({ prefix: ["greylistDue"] }));
        await change(kv, all[0]!.key as Key, due[0]!.key as Key);
      });
      const told: string[] = [];
      const again = await openStore(path("kv"), { onProblem: ({ message }) => told.push(message) });
      const { problems, mended } = await again.check();
      assert.ok([...problems, ...mended].some((text) => says.test(text)), `${problems} ${mended}`);
      const { came } = await again.askGreylist(A, TERMS);
      assert.equal(came, problems.length > 0 ? "first" : "early");
      assert.equal(told.length, problems.length);
      const last = await again.check();
      assert.deepEqual(last.problems, []);
      assert.deepEqual((await again.check()).mended, []);
      await again.close();
    }));
}

/** One step of a random history. */
const step = fc.record({
  pause: fc.constantFrom(0, 1, 300 * S - 1, 300 * S, DAY, 2 * DAY, 40 * DAY),
  network: fc.constantFrom("192.0.2.0/24", "2001:db8::/64"),
  sender: fc.constantFrom("a@s.test", "b@s.test", "c@s.test"),
  proven: fc.constantFrom(0, 1, 2),
  collects: fc.boolean(),
});

Deno.test("the greylist does what a plain table does, whatever comes", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const kv = await Deno.openKv(":memory:");
      let now = 1_800_000_000_000;
      const access = { kv, now: () => now, problem: (error: Error) => assert.fail(error) };
      const greylist = new Greylist(access);
      const table = new Map<string, { first: number; passed: boolean; until: number }>();
      const clients = new Map<string, { passed: number; until: number }>();
      // The record is written anew only now and then: what it says may be so much too early.
      const renewed = (until: number) =>
        until >= now + TERMS.keep * 31 / 32 ? until : now + TERMS.keep;
      try {
        for (const { pause, network, sender, proven, collects } of steps) {
          now += pause;
          if (collects) await greylist.collect(now);
          const terms = { ...TERMS, proven };
          const { waitMs } = await greylist.ask(
            { network, sender, recipient: "r@h.test" },
            terms,
            1000,
          );
          const id = `${network} ${sender}`;
          const known = table.get(id);
          const live = known && known.until > now ? known : undefined;
          const some = clients.get(network);
          const client = some && some.until > now ? some : undefined;
          let want = 0;
          if (client && proven > 0 && client.passed >= proven) client.until = renewed(client.until);
          else if (!live) {
            table.set(id, { first: now, passed: false, until: now + TERMS.window });
            want = TERMS.delay;
          } else if (live.passed) live.until = renewed(live.until);
          else if (now - live.first < TERMS.delay) want = TERMS.delay - (now - live.first);
          else {
            Object.assign(live, { passed: true, until: now + TERMS.keep });
            clients.set(network, { passed: (client?.passed ?? 0) + 1, until: now + TERMS.keep });
          }
          assert.equal(waitMs, want);
        }
        const counts = new Map<string, number>(GREYLIST_TOTALS.map((total) => [total, 0]));
        await checkGreylist(access, {
          counted: (total) => void counts.set(total, counts.get(total)! + 1),
          failure: (error) => assert.fail(String(error)),
          mended: (text) => assert.fail(text),
        });
        for (const [total, count] of counts) {
          const { value } = await kv.get(["total", total]);
          assert.equal(value instanceof Deno.KvU64 ? Number(value.value) : 0, count, total);
        }
      } finally {
        kv.close();
      }
    }),
    { numRuns: 60 },
  );
});

Deno.test("a store from before the greylist gets one when it is opened", () =>
  withDirectory(async (path) => {
    await (await openStore(path("kv"))).close();
    const old = encodeRecord({ version: 1, created: 5 });
    await tamper(path("kv"), async (kv) => void await kv.set(keys.schema(), old));
    const store = await openStore(path("kv"));
    assert.equal((await store.askGreylist(A, TERMS)).came, "first");
    assert.equal((await store.check()).schemaVersion, 2);
    await store.close();
  }));
