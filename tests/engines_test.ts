/** External engines beside the scan, in the whole product: real clamd, c-icap and clamscan, and one that never answers. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { Verdict } from "../engine/types.ts";
import type { DaemonStatus } from "../daemon/status.ts";
import type { ConfigInput } from "../policy/config.ts";
import { Gateway } from "./gateway.ts";
import { EICAR, mail } from "./mail.ts";
import { startCIcap } from "./peers/c_icap.ts";
import { hashDatabase, startClamd } from "./peers/clamd.ts";
import { peer, peerTest } from "./peers/peer.ts";
import { run } from "./peers/process.ts";
import { ScriptedSink } from "./peers/scripted_sink.ts";
import { POSTERN } from "./program.ts";
import { temporaryDirectory } from "./temporary.ts";
import { until } from "./wait.ts";
import { virusScan } from "./scan_settings.ts";

/** What no engine but the external ones knows. */
const OTHER = Buffer.from("a program that only another engine knows\n".repeat(5));
const CLEAN = mail("clean@test");
const BAD = mail("bad@test", { attachments: [{ name: "other.bin", content: OTHER }] });
const SETTINGS = virusScan("mail");

async function scan(gateway: Gateway, message: Uint8Array): Promise<Verdict> {
  return (await call(gateway, "scan", SETTINGS, message)) as Verdict;
}

/** Asks the daemon. */
async function call(gateway: Gateway, op: string, args?: unknown, octets?: Uint8Array) {
  const control = await gateway.control();
  try {
    return (await control.call(op, args, octets)).result;
  } finally {
    control.close();
  }
}

/** Each engine's word: `clamd clean`, `hung notScanned time`. */
const words = (verdict: Verdict) =>
  (verdict.engines ?? []).map(({ name, status, reason }) =>
    [name, status, reason].filter((each) => each !== undefined).join(" ")
  );
const findings = (verdict: Verdict) =>
  verdict.findings.map(({ engine, name, severity }) => `${engine} ${name} ${severity}`);

peerTest(
  ["clamd", "c-icap", "clamscan"],
  "clamd, ICAP and a program are asked beside the scan; who is silent is so alone",
  async () => {
    await using directory = await temporaryDirectory();
    for (const name of ["clamd", "icap"]) await Deno.mkdir(`${directory.path}/${name}`);
    await Deno.writeTextFile(
      `${directory.path}/test.hdb`,
      hashDatabase({ "Test.Other.Engine": OTHER, "PUA.Test.Eicar": Buffer.from(EICAR) }),
    );
    await using clamd = await startClamd(`${directory.path}/clamd`, {
      "Test.Other.Engine": OTHER,
    });
    await using icap = await startCIcap(`${directory.path}/icap`, clamd.socket);
    await using sink = await ScriptedSink.start();
    const hung = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const engines = [
      { engine: "clamd", address: `unix:${clamd.socket}` },
      { engine: "clamd", name: "by-tcp", address: clamd.address },
      { engine: "icap", url: icap.url("virus_scan") },
      { engine: "icap", name: "preview", url: icap.url("virus_scan"), preview: true },
      {
        engine: "command",
        name: "clamscan",
        program: await peer("clamscan"),
        arguments: ["--no-summary", `--database=${directory.path}/test.hdb`, "{file}"],
      },
      { engine: "clamd", name: "hung", address: `127.0.0.1:${hung.addr.port}`, time: "1s" },
    ] satisfies ConfigInput["engines"];
    await using gateway = await Gateway.start({
      agents: { in: { nextHop: `smtp://127.0.0.1:${sink.port}` } },
      policy: { rules: [{ when: { engineFailed: "by-tcp" }, then: { action: "defer" } }] },
      config: { engines, scanners: { processes: 1 } },
    });

    const clean = await scan(gateway, CLEAN);
    assert.equal(clean.status, "clean");
    assert.deepEqual(words(clean), [
      "clamd clean",
      "by-tcp clean",
      "icap clean",
      "preview clean",
      "clamscan clean",
      "hung notScanned time",
    ]);

    // c-icap puts an error page in the place of what its clamd was asked about too slowly: that is no name of anything.
    const bad = await until("c-icap's word", async () => {
      const verdict = await scan(gateway, BAD);
      return findings(verdict).includes("icap ICAP.Replaced suspicious") ? undefined : verdict;
    });
    assert.equal(bad.status, "infected");
    assert.deepEqual(findings(bad), [
      "clamd Test.Other.Engine.UNOFFICIAL infected",
      "by-tcp Test.Other.Engine.UNOFFICIAL infected",
      "icap Test.Other.Engine.UNOFFICIAL infected",
      "preview Test.Other.Engine.UNOFFICIAL infected",
      "clamscan Test.Other.Engine.UNOFFICIAL infected",
    ]);
    const eicar = await scan(
      gateway,
      mail("eicar@test", { attachments: [{ name: "e.com", content: Buffer.from(EICAR) }] }),
    );
    assert.ok(findings(eicar).includes("clamscan PUA.Test.Eicar.UNOFFICIAL suspicious"));

    assert.equal(await gateway.send(CLEAN), 250);
    assert.equal(sink.messages.length, 1);
    assert.equal(await gateway.send(BAD), 550);
    assert.equal(sink.messages.length, 1);
    await gateway.logged(/engines_failed=\S*hung:time/);
    await gateway.logged(/findings=\S*Test\.Other\.Engine/);

    const file = `${directory.path}/bad.eml`;
    await Deno.writeFile(file, BAD);
    const { stdout, code } = await run(POSTERN, [
      "scan",
      "--config",
      gateway.config,
      "--format",
      "json",
      file,
    ]);
    assert.equal(code, 2, stdout);
    const line = JSON.parse(stdout.trim().split("\n")[0]!);
    assert.deepEqual(line.engines.map((each: { name: string }) => each.name).slice(0, 2), [
      "clamd",
      "by-tcp",
    ]);

    // One goes: mail that the policy wants to have its word on waits, and it is back when it is back.
    await clamd.process.stop();
    assert.equal(await gateway.send(CLEAN), 451);
    await gateway.logged(
      /An external engine gives no verdict.*engine=by-tcp|engine=by-tcp.*no verdict/,
    );
    const status = await call(gateway, "status") as DaemonStatus;
    const byTcp = status.engines.find(({ name }) => name === "by-tcp");
    assert.equal(byTcp?.state, "silent");
    assert.match(byTcp?.detail ?? "", /connect/i);
    const shown = await run(POSTERN, ["status", "--config", gateway.config]);
    assert.match(shown.stdout, /\nby-tcp +clamd +silent +127\.0\.0\.1:\d+ +asked \d+, /);
    assert.match(shown.stdout, /\nby-tcp: Cannot connect: .*\n/);
    const row = status.processes.find(({ what }) => what === "engines");
    assert.match(row?.may ?? "", new RegExp(`net .*${clamd.address}`));
    hung.close();
  },
);

Deno.test("a reload changes the external engines, and mail in flight keeps those it began with", async () => {
  await using directory = await temporaryDirectory();
  const program = `${directory.path}/scan.sh`;
  await Deno.writeTextFile(
    program,
    '#!/bin/sh\nif grep -qe "only another" -e WDVPIVAl "$1"; then echo "x: Script.Found FOUND"; exit 1; fi\n',
    { mode: 0o755 },
  );
  await Deno.chmod(program, 0o755);
  await using sink = await ScriptedSink.start();
  const agents = { in: { nextHop: `smtp://127.0.0.1:${sink.port}` } };
  const policy = { settings: { antivirus: { clean: "standard" } } };
  const options = { agents, policy, config: { scanners: { processes: 1 } } };
  const plain = mail("plain@test", { body: "only another engine knows this\r\n" });
  await using gateway = await Gateway.start(options);
  assert.equal((await scan(gateway, plain)).engines, undefined);
  await gateway.writeDocuments({
    ...options,
    config: { ...options.config, engines: [{ engine: "command", name: "script", program }] },
  });
  await call(gateway, "reload");
  const verdict = await scan(gateway, plain);
  assert.deepEqual(findings(verdict), ["script Script.Found infected"]);
  assert.equal(await gateway.send(plain), 550);
  assert.deepEqual(await Array.fromAsync(Deno.readDir(`${gateway.directory}/state/engines`)), []);
  // What it finds goes with the part in which the scan found something, too: it is asked again about the rest.
  const both = mail("both@test", {
    body: "A text that stays.\r\n",
    attachments: [{ name: "e.com", content: Buffer.from(EICAR) }],
  });
  assert.equal((await scan(gateway, both)).findings.length, 2);
  assert.equal(await gateway.send(both), 250);
  const cleaned = Buffer.from(sink.messages[0]!.octets).toString();
  assert.match(cleaned, /A text that stays/);
  assert.doesNotMatch(cleaned, /WDVPIVAl/);
  // A configuration that does not check changes nothing, and says what would be right.
  await gateway.writeDocuments({
    ...options,
    config: { ...options.config, engines: [{ engine: "clamd", adress: "unix:/x" } as never] },
  });
  await assert.rejects(call(gateway, "reload"), /engines\[0\].*adress.*did you mean "address"/s);
  assert.deepEqual(findings(await scan(gateway, plain)), ["script Script.Found infected"]);
});
