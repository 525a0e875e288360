import assert from "node:assert/strict";
import type { Key } from "./keys.ts";
import { encodeRecord, keys } from "./keys.ts";
import { CHUNK_OCTETS } from "./limits.ts";
import { openStore } from "./store.ts";
import type { QuarantineEntry } from "./types.ts";
import { assertSameOctets, newEntry, someOctets, tamper, withDirectory } from "./testing.ts";

const GENERATION = "0123456789abcdef";

/** What is done to a store of two messages (3 chunks and 1), and what the check says then; `id` and `hash` stand for the first's. */
const rows: {
  name: string;
  change: (kv: Deno.Kv, entry: QuarantineEntry, generation: string) => Promise<unknown>;
  problems?: RegExp[];
  mended?: RegExp[];
  /** Code of reading the first one. */
  reads?: string;
}[] = [
  {
    name: "a changed chunk",
    change: (kv, { sha256 }, generation) =>
      kv.set(keys.chunk(sha256, generation, 1), new Uint8Array(CHUNK_OCTETS)),
    problems: [/hash.* not what was stored/],
    reads: "store/corrupt",
  },
  {
    name: "a chunk that is gone",
    change: (kv, { sha256 }, generation) => kv.delete(keys.chunk(sha256, generation, 2)),
    problems: [/chunk of hash is missing/],
    reads: "store/corrupt",
  },
  {
    name: "chunks that are all gone",
    change: async (kv, { sha256 }, generation) => {
      for (const n of [0, 1, 2]) await kv.delete(keys.chunk(sha256, generation, n));
    },
    problems: [/chunk of hash is missing/],
    reads: "store/corrupt",
  },
  {
    name: "a blob that is gone",
    change: (kv, { sha256 }) => kv.delete(keys.blob(sha256)),
    problems: [/id: its message \(hash\) is not there/],
    mended: [/3 chunks that belonged to no blob/, /total blobs was 2/, /total blobOctets/],
    reads: "store/not-found",
  },
  {
    name: "an entry that is no JSON",
    change: (kv, { id }) => kv.set(keys.quarantine(id), new TextEncoder().encode("{")),
    problems: [/record quarantine\/id cannot be read/],
    mended: [/total quarantined was 2 and is 1/],
    reads: "store/corrupt",
  },
  {
    name: "an entry that is gone",
    change: (kv, { id }) => kv.delete(keys.quarantine(id)),
    mended: [
      /reference of quarantine\/id/,
      /blob hash was needed by nobody/,
      /expiry of id/,
      /total quarantined was 2/,
    ],
    reads: "store/not-found",
  },
  {
    name: "a reference that is gone",
    change: (kv, { id, sha256 }) => kv.delete(keys.reference(sha256, keys.quarantine(id))),
    mended: [/id: its reference/],
  },
  {
    name: "an expiry that is gone",
    change: (kv, { id, expires }) => kv.delete(keys.expiry(expires, id)),
    mended: [/id: its expiry/],
  },
  {
    name: "totals that are wrong",
    change: (kv) => kv.set(keys.total("blobOctets"), new Deno.KvU64(5n)),
    mended: [/total blobOctets was 5/],
  },
  {
    name: "what a crash leaves of a write",
    change: async (kv) => {
      await kv.set(keys.pending("c".repeat(64), GENERATION), encodeRecord({ chunks: 3 }));
      for (const n of [0, 1]) {
        await kv.set(keys.chunk("c".repeat(64), GENERATION, n), encodeRecord(n));
      }
    },
    mended: [/1 blobs half written/],
  },
  {
    name: "chunks that nothing names",
    change: (kv) => kv.set(keys.chunk("c".repeat(64), GENERATION, 4), encodeRecord(1)),
    mended: [/1 chunks that belonged to no blob/],
  },
  {
    name: "parts of records that are gone",
    change: (kv) => kv.set(keys.more(keys.message(1, "q", 0), 0), encodeRecord(1)),
    mended: [/1 parts of records/],
  },
  {
    name: "keys that no version wrote",
    change: (kv) => kv.set(["fortune", 1], 1),
    problems: [/unknown kind: fortune/],
  },
  {
    name: "a log entry and a counter that are none",
    change: async (kv) => {
      await kv.set(keys.message(1, "q", 0), encodeRecord({}));
      await kv.set(keys.statistic("day", 0, "x"), 1);
      await kv.set(keys.poison("x"), 1);
    },
    problems: [/message\/1\/q\/0/, /poison\/x/, /statistic\/day\/0\/x is no counter/],
    mended: [/total messages was 0 and is 1/],
  },
];

for (const { name, change, problems = [], mended = [], reads } of rows) {
  Deno.test(`Store.check() sees ${name}`, () =>
    withDirectory(async (path) => {
      let store = await openStore(path("kv"));
      const message = someOctets(2 * CHUNK_OCTETS + 100);
      const id = await store.putQuarantine(newEntry(), message);
      const other = await store.putQuarantine(newEntry({ time: 1 }), someOctets(50));
      const entry = await store.getQuarantine(id);
      assert.ok(entry);
      await store.close();
      await tamper(path("kv"), async (kv) => {
        const blob = await kv.get<Uint8Array>(keys.blob(entry.sha256) as Key);
        const { generation } = JSON.parse(new TextDecoder().decode(blob.value ?? undefined));
        await change(kv, entry, generation);
      });
      store = await openStore(path("kv"));
      const check = await store.check();
      const shown = (sentences: readonly string[]) =>
        sentences.map((text) => text.replaceAll(id, "id").replaceAll(entry.sha256, "hash"));
      for (
        const [sentences, want] of [[check.problems, problems], [check.mended, mended]] as const
      ) {
        const found = shown(sentences);
        assert.equal(found.length, want.length, found.join("\n"));
        for (const [i, pattern] of want.entries()) assert.match(found[i] ?? "", pattern);
      }
      if (reads) await assert.rejects(store.readQuarantined(id), { code: reads });
      else assertSameOctets(await store.readQuarantined(id), message);
      assert.equal((await store.readQuarantined(other)).length, 50);
      const again = await store.check();
      assert.deepEqual(again.mended, []);
      assert.equal(again.problems.length, problems.length);
      await store.close();
    }));
}

Deno.test("Store.check() beside a busy store finds nothing wrong and breaks nothing", () =>
  withDirectory(async (path) => {
    const store = await openStore(path("kv"));
    let done = false;
    const ids: string[] = [];
    const writer = (async () => {
      for (let n = 0; !done; n++) {
        ids.push(await store.putQuarantine(newEntry(), someOctets((n % 7) * 150_000, n % 11)));
        if (ids.length > 12) await store.deleteQuarantine(ids.shift() ?? "");
        store.appendMessage({ queueId: "q", time: n, status: "clean", record: {} });
      }
    })();
    for (let n = 0; n < 6; n++) {
      const check = await store.check();
      assert.deepEqual([check.problems, check.mended], [[], []]);
      await store.collect(0);
    }
    done = true;
    await writer;
    for (const id of ids) await store.readQuarantined(id);
    await store.close();
  }));
