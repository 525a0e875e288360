import assert from "node:assert/strict";
import type { EngineReport, Finding, ScanStatus, Verdict } from "../../engine/types.ts";
import { configSchema } from "../../policy/config.ts";
import { checkConfig } from "../../policy/check_config.ts";
import { temporaryDirectory } from "../../tests/temporary.ts";
import { freePort, until } from "../../tests/wait.ts";
import { Engines } from "./engines.ts";
import { enginePermissions } from "./host.ts";
import { joinVerdict } from "./join.ts";
import { scriptedServer } from "./testing/server.ts";

const OCTETS = new TextEncoder().encode("Subject: x\r\n\r\n");

function configs(engines: unknown) {
  return configSchema.parse({ engines }).engines;
}

function verdict(status: ScanStatus, findings: readonly Finding[] = []): Verdict {
  return {
    status,
    findings,
    notScanned: status === "notScanned" ? ["encrypted"] : [],
    parts: [],
    ambiguities: [],
    headers: [],
    sha256: "",
    size: 1,
    costs: { total: 1 },
  };
}

const report = (status: ScanStatus): EngineReport => ({ name: "e", status, ms: 2 });
const finding = (severity: Finding["severity"]): Finding => ({
  name: "X",
  severity,
  part: "",
  engine: "e",
});

Deno.test("joinVerdict() takes the worst, and what an engine did not say changes nothing", () => {
  const rows: readonly [ScanStatus, Finding["severity"] | "notScanned" | "clean", ScanStatus][] = [
    ["clean", "infected", "infected"],
    ["clean", "suspicious", "suspicious"],
    ["clean", "clean", "clean"],
    ["clean", "notScanned", "clean"],
    ["notScanned", "clean", "notScanned"],
    ["notScanned", "infected", "infected"],
    ["notScanned", "suspicious", "suspicious"],
    ["suspicious", "infected", "infected"],
    ["infected", "suspicious", "infected"],
    ["infected", "clean", "infected"],
    ["infected", "notScanned", "infected"],
  ];
  for (const [own, other, want] of rows) {
    const found = other === "infected" || other === "suspicious" ? [finding(other)] : [];
    const joined = joinVerdict(verdict(own), [{ report: report(other), findings: found }]);
    assert.equal(joined.status, want, `${own}, ${other}`);
    assert.deepEqual(joined.engines?.map(({ status }) => status), [other]);
    assert.deepEqual(joined.notScanned, verdict(own).notScanned);
    assert.deepEqual(joined.costs, { total: 1, "engine.e": 2 });
  }
});

Deno.test("enginePermissions() are the addresses of engines and nothing else", () => {
  const bounds = { timeMs: 1, maxOctets: 1, concurrency: 1 };
  assert.deepEqual(
    enginePermissions([
      { name: "a", ...bounds, speaks: { protocol: "clamd", address: "unix:/run/clamd.ctl" } },
      { name: "b", ...bounds, speaks: { protocol: "clamd", address: "[::1]:3310" } },
      {
        name: "c",
        ...bounds,
        speaks: { protocol: "icap", url: "icap://scan.test/av", method: "respmod", preview: false },
      },
    ]),
    {
      net: ["unix:/run/clamd.ctl", "[::1]:3310", "scan.test:1344"],
      read: ["/run/clamd.ctl"],
      write: ["/run/clamd.ctl"],
    },
  );
});

Deno.test("Engines says when an engine falls silent and when it answers again, once each", async () => {
  await using directory = await temporaryDirectory();
  const port = freePort();
  const reports: string[] = [];
  const engines = await Engines.start(
    configs([
      { engine: "clamd", name: "gone", address: `127.0.0.1:${port}`, time: "20s" },
      { engine: "command", name: "true", program: "/bin/true" },
      { engine: "command", name: "small", program: "/bin/true", maxSize: "1B" },
    ]),
    {
      directory: `${directory.path}/engines`,
      report: (level, message, fields) => reports.push(`${level} ${message} ${fields?.["engine"]}`),
    },
  );
  try {
    const words = async () =>
      (await engines.ask(OCTETS)).map(({ report: { name, status, reason } }) =>
        `${name} ${status}${reason === undefined ? "" : ` ${reason}`}`
      );
    for (let i = 0; i < 3; i++) {
      assert.deepEqual(await words(), [
        "gone notScanned unreachable",
        "true clean",
        "small notScanned size",
      ]);
    }
    assert.deepEqual(reports, ["warning An external engine gives no verdict gone"]);
    const listener = Deno.listen({ hostname: "127.0.0.1", port });
    const serving = (async () => {
      for await (const conn of listener) {
        await conn.read(new Uint8Array(1000));
        await conn.write(new TextEncoder().encode("stream: OK\0"));
        conn.close();
      }
    })();
    await until("the engine", async () => (await words())[0] === "gone clean");
    listener.close();
    await serving;
    assert.equal(reports.at(-1), "info An external engine answers again gone");
    const [gone, , small] = engines.status();
    assert.equal(gone?.state, "answers");
    assert.ok((gone?.counters["notScanned.unreachable"] ?? 0) >= 3);
    assert.equal(small?.state, "unknown", "a message's size says nothing of the engine");
  } finally {
    engines.close();
  }
});

Deno.test("Engines answers for a worker whose engines hang, and goes on", async () => {
  await using directory = await temporaryDirectory();
  await using server = scriptedServer((at) => at.gone());
  const engines = await Engines.start(
    configs([{ engine: "clamd", address: server.address, time: "1s" }]),
    { directory: directory.path, report: () => {} },
  );
  try {
    const leaving = new AbortController();
    const left = engines.ask(OCTETS, leaving.signal);
    leaving.abort();
    assert.equal((await left)[0]?.report.reason, "cancelled");
    assert.equal((await engines.ask(OCTETS))[0]?.report.reason, "time");
  } finally {
    engines.close();
  }
});

Deno.test("Engines refuses two of one name", async () => {
  const two = configs([
    { engine: "clamd", address: "127.0.0.1:1" },
    { engine: "clamd", address: "127.0.0.1:2" },
  ]);
  await assert.rejects(
    Engines.start(two, { directory: "/nonexistent", report: () => {} }),
    /Two external engines have the name "clamd"/,
  );
});

const WRONG: readonly [engine: unknown, message: RegExp][] = [
  [{ engine: "clam", address: "127.0.0.1:1" }, /engines\[0\]\.engine.*did you mean "clamd"/s],
  [{ engine: "clamd", address: "/run/clamd.ctl" }, /engines\[0\]\.address.*unix:\/PATH/s],
  [{ engine: "clamd", adress: "127.0.0.1:1" }, /did you mean "address"/],
  [{ engine: "icap", url: "http://x/y" }, /icap:\/\/HOST/],
  [{ engine: "command", program: "clamscan" }, /an absolute path/],
  [{ engine: "command", program: "/x", findingText: "(" }, /a regular expression/],
  [{ engine: "command", program: "/x", time: "soon" }, /a time such as 30s/],
  [{ engine: "command", program: "/x", infected: [256] }, /infected/],
];

Deno.test("the configuration says what is wrong with an engine, and what would be right", () => {
  for (const [engine, message] of WRONG) {
    assert.throws(() => checkConfig({ engines: [engine] }, "postern.config.ts"), message);
  }
});
