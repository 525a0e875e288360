import assert from "node:assert/strict";
import type { ScanSettings } from "../engine/types.ts";
import { residentOctets } from "./confine.ts";
import { FROM_SOURCE } from "./entries.ts";
import { POISON_DEATHS } from "./poison.ts";
import { ScannerPool, type ScannerPoolOptions } from "./pool.ts";

const FIXTURE = new URL("../tests/fixtures/scanner_worker.ts", import.meta.url);

const SETTINGS: ScanSettings = {
  mode: "mail",
  antivirus: true,
  antispam: false,
  limits: {
    messageOctets: 1 << 30,
    depth: 8,
    files: 100,
    octets: 1 << 30,
    ratio: 100,
    timeMs: 20_000,
  },
};
const within = (timeMs: number): ScanSettings => ({
  ...SETTINGS,
  limits: { ...SETTINGS.limits, timeMs },
});

const octets = (text: string) => new TextEncoder().encode(text);

/** Resolves once the condition holds; fails after a minute. */
async function until(what: string, condition: () => boolean): Promise<void> {
  const end = performance.now() + 60_000;
  while (!condition()) {
    if (performance.now() > end) assert.fail(`still not: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function withPool(
  options: ScannerPoolOptions,
  use: (pool: ScannerPool) => Promise<void>,
): Promise<void> {
  const pool = await ScannerPool.start({ processes: 1, worker: FIXTURE, graceMs: 100, ...options });
  try {
    await use(pool);
  } finally {
    await pool.close();
  }
}

Deno.test("ScannerPool.scan() scans objects of every size, and several at once", async () => {
  await withPool({ processes: 2 }, async (pool) => {
    const sizes = [0, 1, 65_531, 65_536, 3_000_000];
    const verdicts = await Promise.all(
      sizes.map((size) => pool.scan(new Uint8Array(size), SETTINGS)),
    );
    assert.deepEqual(verdicts.map(({ size }) => size), sizes);
    assert.ok(verdicts.every(({ status }) => status === "clean"));
    const long = octets("x".repeat(200_000));
    const made = await pool.rewrite(long, { remove: [] });
    assert.deepEqual(made.message, long);
    assert.equal(long.length, 200_000, "the caller's octets stay");
  });
});

Deno.test("ScannerPool.scan() kills a scanner that loops for ever, and scans the next message", async () => {
  await withPool({}, async (pool) => {
    const [before] = pool.status().processes;
    let ticks = 0;
    const ticker = setInterval(() => ticks++, 10);
    const verdict = await pool.scan(octets("loop"), within(300));
    clearInterval(ticker);
    assert.equal(verdict.status, "notScanned");
    assert.deepEqual(verdict.notScanned, ["time"]);
    assert.ok(ticks >= 5, `the parent went on meanwhile: ${ticks}`);
    assert.equal((await pool.scan(octets("next"), SETTINGS)).status, "clean");
    await until("the spare is back", () => pool.status().processes.length === 2);
    assert.ok(!pool.status().processes.some(({ pid }) => pid === before?.pid));
  });
});

for (const how of ["eat-buffers", "eat-heap"]) {
  Deno.test(`ScannerPool.scan() bounds a scanner that eats memory (${how}); the parent keeps its own`, async () => {
    await withPool({ memoryOctets: 256 << 20 }, async (pool) => {
      const before = residentOctets(Deno.pid) ?? 0;
      const verdict = await pool.scan(octets(how), within(60_000));
      assert.deepEqual(verdict.notScanned, ["memory"]);
      assert.equal((await pool.scan(octets("next"), SETTINGS)).status, "clean");
      assert.ok((residentOctets(Deno.pid) ?? 0) - before < 64 << 20, "the parent's memory");
    });
  });
}

Deno.test("ScannerPool.scan() survives a scanner that is killed in mid-scan", async () => {
  await withPool({}, async (pool) => {
    const scan = pool.scan(octets("wait"), SETTINGS);
    let busy: number | undefined;
    await until("a scanner is busy", () => {
      busy = pool.status().processes.find(({ state }) => state === "busy")?.pid;
      return busy !== undefined;
    });
    Deno.kill(busy ?? 0, "SIGKILL");
    assert.deepEqual((await scan).notScanned, ["crashed"]);
    assert.equal((await pool.scan(octets("next"), SETTINGS)).status, "clean");
  });
});

Deno.test("ScannerPool.scan() takes an exception of the engine as a crash, now or later", async () => {
  await withPool({}, async (pool) => {
    assert.deepEqual((await pool.scan(octets("throw"), SETTINGS)).notScanned, ["crashed"]);
    await pool.scan(octets("reject-later"), SETTINGS);
    // The scanner may die under this one, but not under the one after it for ever.
    for (;;) {
      const verdict = await pool.scan(octets(`next ${crypto.randomUUID()}`), SETTINGS);
      if (verdict.status === "clean") break;
      assert.deepEqual(verdict.notScanned, ["crashed"]);
    }
  });
});

Deno.test("ScannerPool.scan() does not try a message again that killed two scanners", async () => {
  const noted: string[] = [];
  const poison = {
    notePoison: (sha256: string) => Promise.resolve(noted.push(sha256)),
    listPoison: () => Promise.resolve([]),
  };
  await withPool({ poison }, async (pool) => {
    for (let i = 0; i < POISON_DEATHS; i++) {
      assert.deepEqual((await pool.scan(octets("throw"), SETTINGS)).notScanned, ["crashed"]);
    }
    assert.deepEqual((await pool.scan(octets("throw"), SETTINGS)).notScanned, ["poison"]);
    assert.equal((await pool.scan(octets("other"), SETTINGS)).status, "clean");
    assert.equal(noted.length, POISON_DEATHS);
  });
  const remembered = noted.map((sha256) => ({ sha256, count: 2, expires: Date.now() + 60_000 }));
  const kept = { ...poison, listPoison: () => Promise.resolve(remembered) };
  await withPool({ poison: kept }, async (pool) => {
    assert.deepEqual(
      (await pool.scan(octets("throw"), SETTINGS)).notScanned,
      ["poison"],
      "after a restart",
    );
  });
});

Deno.test("ScannerPool.scan() ends for a client that goes away, before and during the scan", async () => {
  await withPool({}, async (pool) => {
    const during = new AbortController();
    const scan = pool.scan(octets("wait"), SETTINGS, during.signal);
    const queued = new AbortController();
    const waiting = pool.scan(octets("queued"), SETTINGS, queued.signal);
    await until("one is busy", () => pool.status().processes.some(({ state }) => state === "busy"));
    assert.equal(pool.status().waiting, 1);
    queued.abort();
    assert.deepEqual((await waiting).notScanned, ["cancelled"]);
    during.abort();
    assert.deepEqual((await scan).notScanned, ["cancelled"]);
    assert.equal((await pool.scan(octets("next"), SETTINGS)).status, "clean");
    const gone = await pool.scan(octets("never"), SETTINGS, AbortSignal.abort());
    assert.deepEqual(gone.notScanned, ["cancelled"]);
    assert.equal(pool.status().poison, 0, "it is nobody's fault");
  });
});

Deno.test("ScannerPool.scan() lets a bounded number wait, for a bounded time", async () => {
  await withPool({ queue: 1, queueTimeMs: 200 }, async (pool) => {
    const controller = new AbortController();
    const first = pool.scan(octets("wait"), SETTINGS, controller.signal);
    const second = pool.scan(octets("second"), SETTINGS);
    assert.deepEqual((await pool.scan(octets("third"), SETTINGS)).notScanned, ["busy"], "no room");
    assert.deepEqual((await second).notScanned, ["busy"], "no time");
    controller.abort();
    await first;
  });
});

Deno.test("ScannerPool.rewrite() says why it cannot, and the pool goes on", async () => {
  await withPool({ rewriteTimeMs: 200 }, async (pool) => {
    const request = { remove: [{ part: "loop", notice: "" }] };
    await assert.rejects(pool.rewrite(octets("x"), request), { code: "scan/failed" });
    const aborted = pool.rewrite(octets("x"), { remove: [] }, AbortSignal.abort());
    await assert.rejects(aborted, { code: "scan/cancelled" });
    assert.deepEqual((await pool.rewrite(octets("ab"), { remove: [] })).message, octets("ba"));
  });
});

Deno.test("ScannerPool replaces a scanner after its share of scans without a gap", async () => {
  await withPool({ scansPerProcess: 3 }, async (pool) => {
    const pids = new Set<number>();
    for (let i = 0; i < 12; i++) {
      assert.equal((await pool.scan(octets(`message ${i}`), SETTINGS)).status, "clean");
      for (const { pid } of pool.status().processes) pids.add(pid);
    }
    assert.ok(pids.size >= 4, `${pids.size} processes`);
  });
});

Deno.test("ScannerPool.start() says what a scanner said that cannot start", async () => {
  const worker = new URL("../tests/fixtures/no_such_worker.ts", import.meta.url);
  await assert.rejects(ScannerPool.start({ processes: 1, worker }), { code: "scan/failed" });
});

Deno.test("a scan may touch nothing: no file, socket, process, variable, module or library", async () => {
  assert.ok(FROM_SOURCE);
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const file = await Deno.makeTempFile({ suffix: ".js" });
  try {
    await withPool({}, async (pool) => {
      const attempts = [
        `try-read ${file}`,
        `try-read /proc/self/environ`,
        `try-read ${FIXTURE.pathname}`,
        `try-write ${file}`,
        `try-connect 127.0.0.1:${listener.addr.port}`,
        `try-unix /run/any.sock`,
        `try-run /bin/true`,
        `try-env HOME`,
        `try-import file://${file}`,
        `try-ffi libc.so.6`,
      ];
      for (const attempt of attempts) {
        const { findings } = await pool.scan(octets(attempt), SETTINGS);
        assert.ok(
          ["NotCapable", "TypeError"].includes(findings[0]?.name ?? ""),
          `${attempt}: ${findings[0]?.name}`,
        );
      }
      assert.equal(await Deno.readTextFile(file), "");
    });
  } finally {
    listener.close();
    await Deno.remove(file);
  }
});

Deno.test("ScannerPool.start() keeps one more than may be busy, or none", async () => {
  await withPool({}, async (pool) => {
    await until("the spare is there", () => pool.status().processes.length === 2);
  });
  await withPool({ spare: false }, async (pool) => {
    const [{ pid } = { pid: 0 }] = pool.status().processes;
    Deno.kill(pid, "SIGKILL");
    await until("it is replaced", () => {
      const { processes } = pool.status();
      return processes.length === 1 && processes[0]?.pid !== pid;
    });
  });
});

Deno.test("ScannerPool.close() ends every process", async () => {
  const pool = await ScannerPool.start({ processes: 1, worker: FIXTURE });
  await until("the spare is there", () => pool.status().processes.length === 2);
  const pids = pool.status().processes.map(({ pid }) => pid);
  const scan = pool.scan(octets("wait"), SETTINGS);
  await pool.close();
  assert.deepEqual((await scan).notScanned, ["cancelled"]);
  for (const pid of pids) assert.equal(residentOctets(pid), undefined);
});
