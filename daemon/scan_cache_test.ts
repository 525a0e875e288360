import assert from "node:assert/strict";
import fc from "fast-check";
import type { NotScannedReason, ScanSettings, Verdict } from "../engine/types.ts";
import { ScanCache } from "./scan_cache.ts";

const SETTINGS: ScanSettings = {
  mode: "mail",
  antivirus: true,
  antispam: true,
  limits: { messageOctets: 1, depth: 1, files: 1, octets: 1, ratio: 1, timeMs: 1 },
};
const octets = new TextEncoder().encode("some octets".padEnd(20_000));

function verdict(name: string, notScanned: readonly NotScannedReason[] = []): Verdict {
  return {
    status: notScanned.length > 0 ? "notScanned" : "clean",
    findings: [],
    notScanned,
    parts: [],
    ambiguities: [],
    headers: [],
    sha256: name,
    size: 1,
    costs: {},
    signaturesAge: 1000,
  };
}

/** The answer that a verdict was read from, so many tens of characters long where it is not longer anyway. */
const text = (one: Verdict, tens: number) =>
  JSON.stringify({ ok: "scan", verdict: one }).padEnd(10 * tens);
const asked = (settings: ScanSettings) => new TextEncoder().encode(JSON.stringify(settings));

const LIMITS = { entries: 3, octets: 16_000, keepMs: 10_000 };

Deno.test("ScanCache.key() tells apart whatever changes a verdict", { permissions: "none" }, () => {
  const cache = new ScanCache();
  const settings: readonly ScanSettings[] = [
    SETTINGS,
    { ...SETTINGS, mode: "file" },
    { ...SETTINGS, antispam: false },
    { ...SETTINGS, antivirus: false },
    { ...SETTINGS, headers: ["x"] },
    { ...SETTINGS, headers: ["y"] },
    ...(["messageOctets", "depth", "files", "octets", "ratio", "timeMs"] as const).map((name) => ({
      ...SETTINGS,
      limits: { ...SETTINGS.limits, [name]: 2 },
    })),
  ];
  const keys = settings.map((one) => cache.key(octets, asked(one)));
  assert.equal(new Set(keys).size, settings.length);
  assert.notEqual(cache.key(octets.subarray(1), asked(SETTINGS)), keys[0]);
  assert.equal(cache.key(octets.slice(), asked({ ...SETTINGS })), keys[0]);
  for (const size of [0, 16 * 2 ** 10 - 1, 8 * 2 ** 20 + 1]) {
    assert.equal(cache.key(new Uint8Array(size), asked(SETTINGS)), undefined);
  }
  assert.equal(new ScanCache({ ...LIMITS, entries: 0 }).key(octets, asked(SETTINGS)), undefined);
});

Deno.test("ScanCache keeps what was used last, up to its limits", { permissions: "none" }, () => {
  const cache = new ScanCache(LIMITS);
  for (const name of ["a", "b", "c"]) cache.set(name, verdict(name), text(verdict(name), 10));
  assert.equal(cache.get("a")?.sha256, "a");
  cache.set("d", verdict("d"), text(verdict("d"), 10));
  assert.deepEqual(["a", "b", "c", "d"].map((key) => cache.get(key)?.sha256), [
    "a",
    undefined,
    "c",
    "d",
  ]);
  cache.set("large", verdict("large"), text(verdict("large"), 101));
  assert.equal(cache.get("large"), undefined);
});

Deno.test(
  "ScanCache forgets after its time, and ages the signatures",
  { permissions: "none" },
  () => {
    let now = 1_000_000;
    const cache = new ScanCache(LIMITS, () => now);
    cache.set("a", verdict("a"), text(verdict("a"), 10));
    now += 10_000;
    assert.equal(cache.get("a")?.signaturesAge, 11_000);
    now += 1;
    assert.equal(cache.get("a"), undefined);
    assert.equal(cache.size, 0);
  },
);

for (const reason of ["time", "memory", "crashed", "poison", "busy", "cancelled"] as const) {
  Deno.test(
    `ScanCache does not keep what was not scanned for ${reason}`,
    { permissions: "none" },
    () => {
      const cache = new ScanCache(LIMITS);
      cache.set(
        "a",
        verdict("a", ["encrypted", reason]),
        text(verdict("a", ["encrypted", reason]), 10),
      );
      assert.equal(cache.get("a"), undefined);
    },
  );
}

Deno.test("ScanCache holds its limits whatever is put in", { permissions: "none" }, () => {
  const step = fc.record({ key: fc.nat(8).map(String), octets: fc.nat(120), read: fc.boolean() });
  fc.assert(fc.property(fc.array(step), (steps) => {
    const cache = new ScanCache(LIMITS);
    for (const { key, octets, read } of steps) {
      if (read) assert.ok([undefined, key].includes(cache.get(key)?.sha256));
      else cache.set(key, verdict(key), text(verdict(key), octets));
      assert.ok(cache.size <= LIMITS.entries);
    }
  }));
});
