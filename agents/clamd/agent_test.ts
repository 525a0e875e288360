import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { corpusCaptures } from "../../tests/corpus_captures.ts";
import { until } from "../../tests/wait.ts";
import { clamdAgentSchema } from "../../policy/advice_config.ts";
import type { RunningAgent } from "../ports.ts";
import { FakePorts } from "../smtp/testing/fake_ports.ts";
import { RawClient, talk } from "../testing/raw_client.ts";
import { startClamdAgent } from "./agent.ts";

/** A clamd agent on a free port or on a socket in a directory of its own. */
class Harness implements AsyncDisposable {
  readonly ports: FakePorts;
  readonly directory: string;
  agent!: RunningAgent;

  private constructor(policy: unknown, directory: string) {
    this.ports = new FakePorts(policy);
    this.directory = directory;
  }

  static async start(
    policy: unknown = {},
    config: Record<string, unknown> = {},
    unix = false,
  ): Promise<Harness> {
    const directory = await Deno.realPath(await Deno.makeTempDir());
    const harness = new Harness(policy, directory);
    await Deno.mkdir(`${directory}/files`);
    const parsed = clamdAgentSchema.parse({
      agent: "clamd",
      listen: unix ? `unix:${directory}/clamd.sock` : "127.0.0.1:0",
      ...(unix ? { directories: [`${directory}/files`] } : {}),
      ...config,
    });
    harness.agent = await startClamdAgent(parsed, harness.ports);
    return harness;
  }

  get address(): string {
    return this.agent.addresses[0]!;
  }

  talk(data: string | Uint8Array): Promise<string> {
    return talk(this.address, data);
  }

  async file(name: string, text: string): Promise<string> {
    const path = `${this.directory}/files/${name}`;
    await Deno.writeTextFile(path, text);
    return path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.agent.close();
    await this.agent.drain();
    await Deno.remove(this.directory, { recursive: true });
    assert.equal(this.ports.held, 0, "octets are still accounted for");
  }
}

/** The chunks of one object. */
function stream(...pieces: readonly string[]): Buffer {
  return Buffer.concat([
    ...pieces.map((piece) => {
      const head = Buffer.alloc(4);
      head.writeUInt32BE(piece.length);
      return Buffer.concat([head, Buffer.from(piece, "latin1")]);
    }),
    Buffer.alloc(4),
  ]);
}

function instream(...pieces: readonly string[]): Buffer {
  return Buffer.concat([Buffer.from("nINSTREAM\n"), stream(...pieces)]);
}

Deno.test("clamd answers each command in clamd's words", async (test) => {
  await using all = await Harness.start();
  const rows: readonly [sent: string | Uint8Array, want: string | RegExp][] = [
    ["PING\n", "PONG\n"],
    ["PING\r\n", "PONG\n"],
    ["nPING\n", "PONG\n"],
    ["zPING\0", "PONG\0"],
    ["nPING\nnPING\n", "PONG\n"],
    ["VERSION\n", /^Postern \S+\n$/],
    ["zVERSIONCOMMANDS\0", /^Postern \S+\| COMMANDS: SCAN .*INSTREAM.*\0$/],
    [
      "nSTATS\n",
      /^POOLS: 1\n\nSTATE: VALID PRIMARY\nTHREADS: live 0 [^]*\nQUEUE: 0 items\n[^]*\nEND\n$/,
    ],
    ["nFOO\n", "UNKNOWN COMMAND\n"],
    ["zEND\0", "UNKNOWN COMMAND\0"],
    ["\n", "UNKNOWN COMMAND\n"],
    ["INSTREAM\n", "UNKNOWN COMMAND\n"],
    ["nRELOAD\n", "COMMAND UNAVAILABLE\n"],
    ["SHUTDOWN\n", "COMMAND UNAVAILABLE\n"],
    ["nSCAN /etc/passwd\n", "COMMAND UNAVAILABLE\n"],
    ["nMULTISCAN /\n", "COMMAND UNAVAILABLE\n"],
    [instream("just text"), "stream: OK\n"],
    [instream(), "stream: OK\n"],
    [instream("INFE", "CTED"), "stream: Test-Signature FOUND\n"],
    [instream("ENCRYPTED"), "stream: Not scanned: encrypted ERROR\n"],
    ["zFILDES\0\0", /^fd\[0\]: .*not supported here, use INSTREAM.* ERROR\0$/],
  ];
  for (const [sent, want] of rows) {
    await test.step(JSON.stringify(Buffer.from(sent).toString("latin1")).slice(0, 60), async () => {
      const said = await all.talk(sent);
      if (typeof want === "string") assert.equal(said, want);
      else assert.match(said, want);
    });
  }
  await test.step("a command of the old form without its line end, at the end of the stream", async () => {
    using client = await RawClient.connect(all.address);
    await client.write("PING");
    await client.closeWrite();
    assert.equal(await client.all(), "PONG\n");
  });
});

Deno.test("clamd scans as mail and as file, without spam tests, and keeps nothing", async () => {
  await using all = await Harness.start({
    settings: {
      antivirus: { infected: "quarantine", clean: "strict" },
      antispam: { spam: "reject" },
    },
    rules: [{ name: "r", when: { subject: "x" }, then: { antivirus: { infected: "accept" } } }],
  });
  const asked: unknown[] = [];
  const scan = all.ports.scan.bind(all.ports);
  all.ports.scan = (message, settings, signal) => {
    asked.push([settings.mode, settings.antispam]);
    return scan(message, settings, signal);
  };
  assert.equal(await all.talk(instream("INFECTED")), "stream: Test-Signature FOUND\n");
  assert.deepEqual(asked, [["auto", false]]);
  assert.equal(all.ports.kept.length, 0);
  const [record] = all.ports.records;
  assert.equal(record!.agent, "clamd");
  assert.equal(record!.envelope.client, "127.0.0.1");
  assert.equal(record!.outcomes[0]!.reply, "Test-Signature FOUND");
});

Deno.test("clamd knows its client, and rules may ask about it", async () => {
  await using all = await Harness.start({
    rules: [{ name: "not you", when: { client: "127.0.0.0/8" }, then: { action: "reject" } }],
  });
  assert.equal(await all.talk(instream("clean")), "stream: Postern.Rule.not_you FOUND\n");
});

Deno.test("clamd: within IDSESSION replies carry numbers and come as they are done", async () => {
  await using all = await Harness.start();
  const slow = Promise.withResolvers<void>();
  all.ports.scanning = (message) =>
    Buffer.from(message).toString() === "slow" ? slow.promise : undefined;
  using client = await RawClient.connect(all.address);
  await client.write("zIDSESSION\0zINSTREAM\0");
  await client.write(stream("slow"));
  await client.write("nPING\nzINSTREAM\0");
  await client.write(stream("INFECTED"));
  await client.write("zVERSION\0");
  await client.until("4: ");
  const early = client.take();
  assert.match(early, /^2: PONG\n/);
  assert.ok(early.includes("3: stream: Test-Signature FOUND\0"), early);
  assert.ok(!early.includes("1: "), early);
  await client.write("zEND\0");
  slow.resolve();
  assert.ok((await client.all()).endsWith("1: stream: OK\0"));
});

Deno.test("clamd: a session ends at what does not belong into it", async (test) => {
  await using all = await Harness.start();
  for (const command of ["zIDSESSION", "zCONTSCAN /", "zFOO", "PING\n", "zRELOAD"]) {
    await test.step(command.trim(), async () => {
      const said = await all.talk(`zIDSESSION\0zPING\0${command}\0zPING\0`);
      assert.match(
        said.replaceAll("\0", "|"),
        /^1: PONG\|2: Command invalid inside IDSESSION\. ERROR[|\n]$/,
      );
    });
  }
  await test.step("FILDES, once what was asked before is answered", async () => {
    const slow = Promise.withResolvers<void>();
    all.ports.scanning = () => slow.promise;
    using client = await RawClient.connect(all.address);
    const octets = [Buffer.from("zIDSESSION\0zINSTREAM\0"), stream("x")];
    await client.write(Buffer.concat([...octets, Buffer.from("zFILDES\0\0zPING\0")]));
    await client.until("ERROR");
    slow.resolve();
    const said = await client.all();
    assert.match(said.replaceAll("\0", "|"), /^2: fd\[0\]: [^|]* ERROR\|1: stream: OK\|$/);
  });
  await test.step("an object past the limit, once what was asked before is answered", async () => {
    await using small = await Harness.start({}, { limits: { streamSize: "1KB" } });
    const slow = Promise.withResolvers<void>();
    small.ports.scanning = () => slow.promise;
    using client = await RawClient.connect(small.address);
    await client.write(Buffer.concat([Buffer.from("zIDSESSION\0zINSTREAM\0"), stream("x")]));
    await client.write(Buffer.concat([Buffer.from("zINSTREAM\0"), Buffer.alloc(4, 255)]));
    await client.until("exceeded");
    slow.resolve();
    assert.match(await client.all(), /exceeded\. ERROR.1: stream: OK/s);
  });
});

Deno.test("clamd: no more objects of one session are looked at at once than may be", async () => {
  await using all = await Harness.start({}, { limits: { parallel: 2 } });
  let now = 0;
  let most = 0;
  const release = Promise.withResolvers<void>();
  all.ports.scanning = async () => {
    most = Math.max(most, ++now);
    await release.promise;
    now--;
  };
  using client = await RawClient.connect(all.address);
  await client.write("nIDSESSION\n");
  for (let i = 0; i < 6; i++) await client.write(instream("x"));
  await client.write("nEND\n");
  await until("two are looked at", () => now === 2);
  release.resolve();
  const said = await client.all();
  assert.equal(said.match(/stream: OK/g)?.length, 6);
  assert.equal(most, 2);
});

Deno.test("attack 53: an object past the limit is refused before it comes, and the reason is read", async () => {
  await using all = await Harness.start({}, { limits: { streamSize: "1MB" } });
  assert.equal(await all.talk(instream("x".repeat(2 ** 20))), "stream: OK\n");
  for (const size of [2 ** 20 + 1, 0xffffffff]) {
    const head = Buffer.alloc(4);
    head.writeUInt32BE(size);
    const sent = Buffer.concat([Buffer.from("zINSTREAM\0"), head, Buffer.alloc(3 * 2 ** 20)]);
    assert.equal(await all.talk(sent), "INSTREAM size limit exceeded. ERROR\0");
  }
  assert.equal(all.ports.records.length, 1);
});

Deno.test("clamd: what the policy's own size limit excludes is not scanned, and not OK", async () => {
  await using all = await Harness.start({ settings: { limits: { messageSize: "1KB" } } });
  assert.equal(await all.talk(instream("x".repeat(1025))), "stream: Not scanned: size ERROR\n");
});

Deno.test("clamd: where the node holds as much as it may, the object is an ERROR and the next one served", async () => {
  await using all = await Harness.start();
  all.ports.room = 300 * 1024;
  assert.equal(
    await all.talk(instream("x".repeat(200_000), "x".repeat(200_000))),
    "stream: Not scanned: busy ERROR\n",
  );
  assert.equal(await all.talk(instream("x")), "stream: OK\n");
});

Deno.test("clamd: a scanner that fails is an ERROR, never OK", async () => {
  await using all = await Harness.start();
  all.ports.scanning = () => Promise.reject(new Error("gone"));
  assert.equal(await all.talk(instream("x")), "stream: Not scanned: failed ERROR\n");
});

Deno.test("attack 12: slow clients are told and let go, each phase in its time", async (test) => {
  await using all = await Harness.start({}, {
    limits: { commandTime: "200ms", dataTime: "300ms" },
  });
  const rows: readonly [name: string, sent: string | Uint8Array][] = [
    ["one that says nothing", ""],
    ["one that stops in a command", "nPI"],
    ["one that stops in a session", "nIDSESSION\nnPING\n"],
    [
      "one that stops in an object",
      Buffer.concat([Buffer.from("nINSTREAM\n"), stream("x").subarray(0, 5)]),
    ],
    ["one that stops before an object", "zINSTREAM\0"],
  ];
  for (const [name, sent] of rows) {
    await test.step(name, async () => {
      using client = await RawClient.connect(all.address);
      await client.write(sent);
      assert.match(await client.all(), /COMMAND READ TIMED OUT\n$/);
    });
  }
  await test.step("one that sends an octet now and then", async () => {
    using client = await RawClient.connect(all.address);
    await client.write("nINSTREAM\n");
    let sending = true;
    const drip = (async () => {
      while (sending) {
        await client.write("\0").catch(() => sending = false);
        await new Promise((wake) => setTimeout(wake, 20));
      }
    })();
    // Four NULs end the object: what comes behind it is a command that never ends.
    assert.match(await client.all(), /stream: OK\n$|COMMAND READ TIMED OUT\n$/);
    sending = false;
    await drip;
  });
  await test.step("others are served", async () => {
    assert.equal(await all.talk("nPING\n"), "PONG\n");
  });
});

Deno.test("clamd: an object whose end does not come is not asked about", async () => {
  await using all = await Harness.start();
  using client = await RawClient.connect(all.address);
  await client.write(
    Buffer.concat([Buffer.from("nINSTREAM\n"), stream("INFECTED").subarray(0, 8)]),
  );
  await client.closeWrite();
  assert.equal(await client.all(), "COMMAND READ TIMED OUT\n");
  assert.equal(all.ports.records.length, 0);
});

Deno.test("clamd on a socket scans files and directories below its directories alone", async (test) => {
  await using all = await Harness.start({}, {}, true);
  const clean = await all.file("a-clean", "clean");
  const bad = await all.file("b-bad", "INFECTED");
  await Deno.mkdir(`${all.directory}/files/sub`);
  const worse = await all.file("sub/worse", "INFECTED");
  const locked = await all.file("sub/zip", "ENCRYPTED");
  const files = `${all.directory}/files`;
  const found = (path: string) => `${path}: Test-Signature FOUND\n`;
  const rows: readonly [command: string, want: string | readonly string[]][] = [
    [`SCAN ${clean}`, `${clean}: OK\n`],
    [`CONTSCAN ${bad}`, found(bad)],
    [`SCAN ${files}`, found(bad)],
    [`CONTSCAN ${files}`, [found(bad), found(worse), `${locked}: Not scanned: encrypted ERROR\n`]],
    [`MULTISCAN ${files}`, [found(bad), found(worse), `${locked}: Not scanned: encrypted ERROR\n`]],
    [`ALLMATCHSCAN ${files}/sub`, [found(worse), `${locked}: Not scanned: encrypted ERROR\n`]],
    [
      `SCAN ${files}/none`,
      `${files}/none: File path check failure: No such file or directory. ERROR\n`,
    ],
    ["SCAN /etc/passwd", "/etc/passwd: Access denied. ERROR\n"],
    [`SCAN ${files}/../clamd.sock`, `${files}/../clamd.sock: Access denied. ERROR\n`],
  ];
  for (const [command, want] of rows) {
    await test.step(command.replace(all.directory, ""), async () => {
      const said = await all.talk(`n${command}\n`);
      if (typeof want === "string") assert.equal(said, want);
      else assert.deepEqual(said.split(/(?<=\n)/).sort(), [...want].sort());
    });
  }
  await test.step("a directory in which all is clean is OK", async () => {
    await Deno.mkdir(`${files}/fine`);
    await all.file("fine/x", "clean");
    await Deno.symlink("/etc/passwd", `${files}/fine/link`);
    assert.equal(await all.talk(`zCONTSCAN ${files}/fine\0`), `${files}/fine: OK\0`);
  });
  await test.step("attack 57: a file's name forges no answer", async () => {
    await Deno.mkdir(`${files}/forged`);
    await all.file("forged/x: OK\nfile", "INFECTED");
    assert.equal(
      await all.talk(`nCONTSCAN ${files}/forged\n`),
      `${files}/forged/x: OK?file: Test-Signature FOUND\n`,
    );
  });
  await test.step("a file past the limit is an ERROR", async () => {
    await using small = await Harness.start({}, { limits: { streamSize: "1KB" } }, true);
    const big = await small.file("big", "x".repeat(1025));
    assert.equal(await small.talk(`nSCAN ${big}\n`), `${big}: Not scanned: size ERROR\n`);
  });
});

Deno.test("clamd: a client that goes away stops the walk through its directory", async () => {
  await using all = await Harness.start({}, {}, true);
  for (let i = 0; i < 200; i++) await all.file(`f${i}`, "ENCRYPTED");
  let scanned = 0;
  const second = Promise.withResolvers<void>();
  all.ports.scanning = async () => {
    if (++scanned === 2) await second.promise;
  };
  {
    using client = await RawClient.connect(all.address);
    await client.write(`nCONTSCAN ${all.directory}/files\n`);
    await client.until("encrypted");
  }
  second.resolve();
  await until("the session is over", () => all.agent.status()["sessions"] === 0);
  assert.ok(scanned < 200, `${scanned} were scanned for nobody`);
});

Deno.test("clamd: one session too many is closed, and it is logged once", async () => {
  await using all = await Harness.start({}, { limits: { sessions: 1 } });
  using first = await RawClient.connect(all.address);
  await first.write("nIDSESSION\nnPING\n");
  await first.until("PONG");
  assert.equal(await all.talk("").catch(() => ""), "");
  assert.equal(await all.talk("").catch(() => ""), "");
  assert.equal(all.ports.logged.filter((line) => line.includes("Too many")).length, 1);
});

Deno.test("clamd: a reload changes words and limits for the sessions that come", async () => {
  await using all = await Harness.start();
  const parsed = clamdAgentSchema.parse({
    agent: "clamd",
    listen: "127.0.0.1:0",
    notScanned: "found",
    namePrefix: "House.",
  });
  assert.ok(all.agent.reconfigure!(parsed));
  assert.equal(await all.talk(instream("INFECTED")), "stream: House.Test-Signature FOUND\n");
  assert.equal(await all.talk(instream("ENCRYPTED")), "stream: House.Heuristics.Encrypted FOUND\n");
  assert.ok(!all.agent.reconfigure!({ ...parsed, listen: "127.0.0.1:1" }));
});

Deno.test("clamd: RELOAD and SHUTDOWN are for those that the configuration lets", async () => {
  await using closed = await Harness.start();
  await using open = await Harness.start({}, { operations: ["reload", "shutdown"] });
  for (const form of ["nRELOAD\n", "RELOAD\n", "nSHUTDOWN\n", "SHUTDOWN\n"]) {
    assert.equal(await closed.talk(form), "COMMAND UNAVAILABLE\n");
  }
  assert.equal(await open.talk("nRELOAD\n"), "RELOADING\n");
  assert.equal(await open.talk("SHUTDOWN\n"), "");
  assert.deepEqual([closed.ports.operated, open.ports.operated], [[], ["reload", "shutdown"]]);
});

Deno.test("clamd: while it drains what was begun is answered", async () => {
  await using all = await Harness.start();
  const held = Promise.withResolvers<void>();
  let scanning = false;
  all.ports.scanning = () => {
    scanning = true;
    return held.promise;
  };
  using idle = await RawClient.connect(all.address);
  await idle.write("nIDSESSION\n");
  using busy = await RawClient.connect(all.address);
  await busy.write(instream("INFECTED"));
  await until("it is scanned", () => scanning);
  const drained = all.agent.drain();
  assert.equal(await idle.all(), "");
  held.resolve();
  assert.equal(await busy.all(), "stream: Test-Signature FOUND\n");
  await drained;
});

Deno.test("clamd: recorded sessions of other protocols are refused, and none is taken for an object", async (test) => {
  await using all = await Harness.start({}, { limits: { commandTime: "300ms" } });
  for (const { name, octets } of await corpusCaptures()) {
    await test.step(name, async () => {
      using client = await RawClient.connect(all.address);
      await client.write(octets.subarray(0, 65_536)).catch(() => {});
      await client.closeWrite().catch(() => {});
      assert.match(await client.all(), /^(?:(?:UNKNOWN COMMAND|COMMAND READ TIMED OUT)\n)?$/);
    });
  }
  assert.equal(all.ports.records.length, 0);
  assert.equal(await all.talk("nPING\n"), "PONG\n");
});

Deno.test("clamd: directories are for a socket in the file system", () => {
  const parsed = clamdAgentSchema.safeParse({
    agent: "clamd",
    listen: "127.0.0.1:3310",
    directories: ["/srv"],
  });
  assert.match(parsed.error?.issues[0]?.message ?? "", /socket in the file system/);
});
