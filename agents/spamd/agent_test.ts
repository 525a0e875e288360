import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { deflateSync } from "node:zlib";
import { corpusCaptures } from "../../tests/corpus_captures.ts";
import { spamdAgentSchema } from "../../policy/advice_config.ts";
import { RawClient, talk } from "../testing/raw_client.ts";
import {
  CLEAN,
  INFECTED,
  ScoreHarness,
  scorePorts,
  SPAM,
  UNREADABLE,
} from "../testing/score_harness.ts";
import { startSpamdAgent } from "./agent.ts";

/** A spamd agent on a free port. */
class Harness extends ScoreHarness {
  static async start(policy: unknown = {}, config: object = {}): Promise<Harness> {
    const ports = scorePorts(policy);
    const parsed = spamdAgentSchema.parse({ agent: "spamd", listen: "127.0.0.1:0", ...config });
    return new Harness(ports, await startSpamdAgent(parsed, ports));
  }

  /** One request, whole. */
  ask(method: string, message = CLEAN, fields = "", version = "1.5"): Promise<string> {
    const head = `${method} SPAMC/${version}\r\nContent-length: ${message.length}\r\n${fields}\r\n`;
    return talk(this.address, head + message);
  }
}

const POLICY = {
  settings: {
    antispam: { threshold: 5, spam: "accept", subjectPrefix: "[SPAM] " },
    antivirus: { infected: "reject", notScanned: "defer" },
  },
};

Deno.test("spamd answers each method in spamd's words", async (test) => {
  await using all = await Harness.start(POLICY);
  const rows: readonly [method: string, message: string, want: string | RegExp][] = [
    ["CHECK", CLEAN, "SPAMD/1.1 0 EX_OK\r\nSpam: False ; 0.0 / 5.0\r\n\r\n"],
    ["CHECK", SPAM, "SPAMD/1.1 0 EX_OK\r\nSpam: True ; 10.0 / 5.0\r\n\r\n"],
    ["CHECK", INFECTED, "SPAMD/1.1 0 EX_OK\r\nSpam: True ; 20.0 / 5.0\r\n\r\n"],
    ["CHECK", UNREADABLE, "SPAMD/1.0 75 EX_TEMPFAIL\r\n"],
    ["SYMBOLS", CLEAN, "SPAMD/1.1 0 EX_OK\r\nContent-length: 0\r\nSpam: False ; 0.0 / 5.0\r\n\r\n"],
    [
      "SYMBOLS",
      SPAM,
      "SPAMD/1.1 0 EX_OK\r\nContent-length: 9\r\nSpam: True ; 10.0 / 5.0\r\n\r\nTEST_SPAM",
    ],
    ["REPORT", SPAM, /Spam: True ; 10\.0 \/ 5\.0\r\n\r\n.*identified[^]*10\.0 TEST_SPAM/],
    ["REPORT", INFECTED, /20\.0 POSTERN_INFECTED {7}the message is infected: Test-Signature\n/],
    [
      "REPORT_IFSPAM",
      CLEAN,
      "SPAMD/1.1 0 EX_OK\r\nContent-length: 0\r\nSpam: No ; 0.0 / 5.0\r\n\r\n",
    ],
    ["REPORT_IFSPAM", SPAM, /Spam: Yes ; 10\.0 \/ 5\.0\r\n\r\n.*identified/],
    [
      "PROCESS",
      CLEAN,
      `SPAMD/1.1 0 EX_OK\r\nContent-length: ${CLEAN.length}\r\nSpam: False ; 0.0 / 5.0\r\n\r\n${CLEAN}`,
    ],
    [
      "PROCESS",
      SPAM,
      /Spam: True ; 10\.0 \/ 5\.0\r\n\r\nX-Postern-Status: spam\r\n[^]*Subject: \[SPAM\]\r\n[^]*\r\n\r\nSPAM\r\n$/,
    ],
    ["PROCESS", INFECTED, /\r\n\r\nX-Postern-Status: infected\r\n[^]*\r\n\r\nINFECTED\r\n$/],
    ["HEADERS", SPAM, /\r\n\r\nX-Postern-Status: spam\r\n[^]*Subject: \[SPAM\]\r\n[^]*\r\n\r\n$/],
    ["TELL", CLEAN, "SPAMD/1.0 69 Service Unavailable: TELL commands are not enabled here\r\n"],
    ["SKIP", CLEAN, ""],
    ["PING", "", "SPAMD/1.5 0 PONG\r\n"],
    ["FOO", CLEAN, "SPAMD/1.0 76 Bad header line: FOO SPAMC/1.5\r\n"],
  ];
  for (const [method, message, want] of rows) {
    await test.step(`${method} ${message.trim().split("\r\n").at(-1)}`, async () => {
      const said = await all.ask(method, message);
      if (typeof want === "string") assert.equal(said, want);
      else assert.match(said, want);
    });
  }
  await test.step("older versions of the protocol", async () => {
    const process = (version: string) => all.ask("PROCESS", CLEAN, "", version);
    assert.equal(
      await process("1.2"),
      `SPAMD/1.1 0 EX_OK\r\nContent-length: ${CLEAN.length}\r\n\r\n${CLEAN}`,
    );
    assert.equal(await process("1.0"), `SPAMD/1.0 0 EX_OK\r\n${CLEAN}`);
    assert.equal(
      await all.ask("SYMBOLS", SPAM, "", "1.2"),
      "SPAMD/1.1 0 EX_OK\r\nSpam: True ; 10.0 / 5.0\r\n\r\nTEST_SPAM\r\n",
    );
    assert.equal(await talk(all.address, "PING SPAMC/1.2\r\n"), "SPAMD/1.5 0 PONG\r\n");
  });
});

Deno.test("spamd: a message without a length ends with the stream", async () => {
  await using all = await Harness.start(POLICY);
  using client = await RawClient.connect(all.address);
  await client.write(`CHECK SPAMC/1.5\r\nUser: joe\r\n\r\n${INFECTED}`);
  await client.closeWrite();
  assert.match(await client.all(), /Spam: True ; 20\.0 \/ 5\.0/);
  const [record] = all.ports.records;
  assert.deepEqual([record!.agent, record!.envelope.recipients], ["spamd", ["joe"]]);
});

Deno.test("spamd: a message that is not whole is not asked about", async () => {
  await using all = await Harness.start(POLICY);
  using client = await RawClient.connect(all.address);
  await client.write("CHECK SPAMC/1.5\r\nContent-length: 10\r\n\r\nhalf");
  await client.closeWrite();
  assert.equal(
    await client.all(),
    "SPAMD/1.0 76 Bad header line: (Content-Length mismatch: Expected 10 bytes, got 4 bytes)\r\n",
  );
  assert.equal(all.ports.records.length, 0);
});

Deno.test("spamd unpacks what came in zlib's format, within bounds", async (test) => {
  await using all = await Harness.start(POLICY, { limits: { messageSize: "1MB" } });
  const ask = (octets: Uint8Array, length: string = `Content-length: ${octets.length}\r\n`) =>
    talk(
      all.address,
      Buffer.concat([Buffer.from(`CHECK SPAMC/1.5\r\nCompress: zlib\r\n${length}\r\n`), octets]),
    );
  await test.step("unpacked and scanned", async () => {
    assert.match(await ask(deflateSync(INFECTED)), /Spam: True ; 20\.0/);
  });
  await test.step("attack 48: a bomb is let unpack to the limit and no further", async () => {
    assert.match(
      await ask(deflateSync(Buffer.alloc(100 * 2 ** 20))),
      /^SPAMD\/1\.0 69 Service Unavailable: zlib: .*more than it may\r\n$/,
    );
  });
  await test.step("not whole, or no zlib at all", async () => {
    for (const octets of [deflateSync(INFECTED).subarray(0, -5), Buffer.from("nonsense")]) {
      assert.match(await ask(octets), /^SPAMD\/1\.0 69 Service Unavailable: zlib: /);
    }
  });
  await test.step("without a length", async () => {
    assert.match(await ask(deflateSync(INFECTED), ""), /69 .*Compress requires Content-length/);
  });
});

Deno.test("attack 53: a message past the limit is refused with the reason, told or not", async () => {
  await using all = await Harness.start(POLICY, { limits: { messageSize: "1MB" } });
  const large = "x".repeat(2 * 2 ** 20);
  const refused = /^SPAMD\/1\.0 69 Service Unavailable: the message is larger than 1048576 octets/;
  assert.match(await all.ask("CHECK", large), refused);
  assert.match(await talk(all.address, `CHECK SPAMC/1.5\r\n\r\n${large}`), refused);
  all.ports.room = 1000;
  assert.equal(await all.ask("CHECK", "x".repeat(300_000)), "SPAMD/1.0 75 EX_TEMPFAIL\r\n");
  assert.equal(all.ports.records.length, 0);
});

Deno.test("spamd keeps nothing, and PROCESS alone gives cleaned mail", async () => {
  await using all = await Harness.start({
    settings: { antivirus: { infected: "quarantine", clean: "strict" }, quarantine: ["infected"] },
  });
  assert.match(await all.ask("CHECK", INFECTED), /Spam: True/);
  const processed = await all.ask("PROCESS", INFECTED);
  assert.match(processed, /Spam: False/);
  assert.doesNotMatch(processed, /\r\nINFECTED/);
  assert.equal(all.ports.kept.length, 0);
});

Deno.test("spamd: a scanner that fails means try again later", async () => {
  await using all = await Harness.start(POLICY);
  all.ports.scanning = () => Promise.reject(new Error("gone"));
  assert.equal(await all.ask("CHECK"), "SPAMD/1.0 75 EX_TEMPFAIL\r\n");
});

Deno.test("attack 12: slow clients of spamd are told and let go", async (test) => {
  await using all = await Harness.start(POLICY, {
    limits: { commandTime: "200ms", dataTime: "300ms" },
  });
  for (
    const [name, sent] of [
      ["nothing", ""],
      ["half a line", "CHE"],
      ["no end of the header", "CHECK SPAMC/1.5\r\nUser: x\r\n"],
      ["no end of the message", "CHECK SPAMC/1.5\r\nContent-length: 10\r\n\r\nx"],
    ] as const
  ) {
    await test.step(name, async () => {
      using client = await RawClient.connect(all.address);
      await client.write(sent);
      assert.equal(await client.all(), "SPAMD/1.0 79 Timeout: nothing came in time\r\n");
    });
  }
});

Deno.test("spamd: recorded sessions of other protocols get one error", async (test) => {
  await using all = await Harness.start(POLICY, { limits: { commandTime: "300ms" } });
  for (const { name, octets } of await corpusCaptures()) {
    await test.step(name, async () => {
      using client = await RawClient.connect(all.address);
      await client.write(octets.subarray(0, 65_536)).catch(() => {});
      await client.closeWrite().catch(() => {});
      assert.match(await client.all(), /^(?:SPAMD\/1\.0 76 Bad header line: [\x20-\x7e]*\r\n)?$/);
    });
  }
  assert.equal(all.ports.records.length, 0);
});
