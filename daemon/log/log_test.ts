import assert from "node:assert/strict";
import { join } from "node:path";
import type { Config } from "../../policy/config.ts";
import { QUEUE_OCTETS } from "./limits.ts";
import { createLog } from "./log.ts";
import { syslogHeader } from "./outputs.ts";
import { plainEvent } from "./format.ts";
import { Sink } from "./sink.ts";

const CONFIG: Config["log"] = { level: "info", format: "text", to: [], facility: "mail" };

async function inDirectory(test: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    await test(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!await condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

Deno.test("createLog() writes to a file, mode 0640, from its level on", () =>
  inDirectory(async (directory) => {
    const path = join(directory, "log");
    const log = await createLog({ ...CONFIG, to: [`file:${path}`] });
    log.log("debug", "not this");
    log.log("warning", "this", { pid: 7 });
    log.setLevel("debug");
    log.log("debug", "and this");
    await log.close();
    const lines = (await Deno.readTextFile(path)).split("\n");
    assert.equal(lines.length, 3);
    assert.match(lines[0] ?? "", /^\S+Z warning msg=this pid=7$/);
    assert.match(lines[1] ?? "", /^\S+Z debug msg="and this"$/);
    assert.equal(((await Deno.stat(path)).mode ?? 0) & 0o777 & ~0o640, 0);
  }));

Deno.test("Log.reopen() goes on in a new file after a rename, losing no line", () =>
  inDirectory(async (directory) => {
    const path = join(directory, "log");
    const log = await createLog({ ...CONFIG, format: "json", to: [`file:${path}`] });
    for (let n = 0; n < 500; n++) {
      log.log("info", "line", { n });
      if (n === 250) {
        await Deno.rename(path, `${path}.1`);
        await log.reopen();
      }
      if (n % 10 === 0) await Promise.resolve();
    }
    await log.close();
    const old = (await Deno.readTextFile(`${path}.1`)).trim().split("\n").filter(Boolean);
    const fresh = (await Deno.readTextFile(path)).trim().split("\n");
    assert.deepEqual([...old, ...fresh].map((line) => JSON.parse(line).n), [...Array(500).keys()]);
    assert.ok(fresh.length >= 249);
  }));

Deno.test("createLog() says which file it cannot open", () =>
  inDirectory(async (directory) => {
    const to = [`file:${join(directory, "none", "log")}`];
    await assert.rejects(createLog({ ...CONFIG, to }), { code: "log/failed", message: /none/ });
  }));

Deno.test("A log file that cannot be written never throws", async () => {
  const log = await createLog({ ...CONFIG, to: ["file:/dev/full"] });
  log.log("error", "nowhere to go");
  await log.drain();
  await log.close();
});

Deno.test("syslogHeader() has priority and tag of RFC 3164, section 4.1", () => {
  const time = new Date(2026, 0, 2, 3, 4, 5).getTime();
  const header = syslogHeader("mail", { level: "error", time });
  assert.equal(header, `<19>Jan  2 03:04:05 postern[${Deno.pid}]: `);
  assert.match(syslogHeader("local7", { level: "info", time }), /^<190>/);
});

Deno.test("A log to syslog reaches the socket, waits for it to come back, and loses nothing", () =>
  inDirectory(async (directory) => {
    const path = join(directory, "syslog");
    const listen = () => Deno.listenDatagram({ transport: "unixpacket", path });
    const receive = async (socket: Deno.DatagramConn) =>
      new TextDecoder().decode((await socket.receive(new Uint8Array(65_536)))[0]);
    let socket = listen();
    const log = await createLog({ ...CONFIG, to: [`syslog:${path}`], facility: "daemon" });
    log.log("info", "first", { subject: "a\nb" });
    assert.match(
      await receive(socket),
      /^<30>\w{3} .{2} \S+ postern\[\d+\]: info msg=first subject="a\\nb"$/,
    );
    socket.close();
    log.log("info", "second");
    await log.drain(); // until it is seen that nobody listens
    await Deno.remove(path);
    socket = listen();
    await log.reopen(); // try at once
    assert.match(await receive(socket), /msg=second$/);
    log.log("info", "third", { long: "ü".repeat(100_000) });
    assert.match(await receive(socket), /msg=third long="?ü+\.\.\.\(99400 more\)"?$/);
    socket.close();
    await log.close();
  }));

Deno.test("Sink holds no more than its limit and counts what it drops", async () => {
  const gate = Promise.withResolvers<void>();
  const lines: string[] = [];
  const sink = new Sink({
    encode: () => new Uint8Array(1024 * 1024),
    async write(batch, written) {
      await gate.promise;
      lines.push(...batch.map(String));
      written(batch.length);
    },
    close() {},
  }, () => {});
  const event = plainEvent("info", 0, "x");
  for (let n = 0; n < 20; n++) sink.take(event);
  assert.equal(sink.dropped, 20 - QUEUE_OCTETS / 1024 / 1024);
  gate.resolve();
  await until(() => lines.length === 8);
  await sink.close();
});
