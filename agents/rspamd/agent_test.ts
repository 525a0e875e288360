import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import * as zlib from "node:zlib";
import { corpusCaptures } from "../../tests/corpus_captures.ts";
import { rspamdAgentSchema } from "../../policy/advice_config.ts";
import { canDecompress } from "../decompress.ts";
import { RawClient, talk } from "../testing/raw_client.ts";
import {
  CLEAN,
  INFECTED,
  ScoreHarness,
  scorePorts,
  SPAM,
  UNREADABLE,
} from "../testing/score_harness.ts";
import { startRspamdAgent } from "./agent.ts";
import type { RspamdResult } from "./result.ts";

/** An rspamd agent on a free port. */
class Harness extends ScoreHarness {
  static async start(policy: unknown = {}, config: object = {}): Promise<Harness> {
    const ports = scorePorts(policy);
    const parsed = rspamdAgentSchema.parse({ agent: "rspamd", listen: "127.0.0.1:0", ...config });
    return new Harness(ports, await startRspamdAgent(parsed, ports));
  }

  async post(
    message: string | Uint8Array<ArrayBuffer>,
    headers: readonly (readonly [string, string])[] = [],
    path = "/checkv2",
  ): Promise<Response> {
    return await fetch(`http://${this.address}${path}`, {
      method: "POST",
      body: message,
      headers: headers.map(([name, value]): [string, string] => [name, value]),
    });
  }

  async check(
    message: string,
    headers: readonly (readonly [string, string])[] = [],
  ): Promise<RspamdResult> {
    const response = await this.post(message, headers);
    assert.equal(response.status, 200);
    return await response.json();
  }
}

const POLICY = {
  settings: {
    antispam: { threshold: 5, spam: "accept" },
    antivirus: { infected: "reject", notScanned: "defer" },
    replies: { infected: "550 5.7.1 No viruses here" },
  },
  rules: [
    {
      name: "marked",
      when: { recipient: "mark@x.test" },
      then: { antispam: { subjectPrefix: "[SPAM] " } },
    },
    { name: "gone", when: { recipient: "hole@x.test" }, then: { action: "discard" } },
    {
      name: "kept",
      when: { recipient: "keep@x.test" },
      then: { antivirus: { infected: "quarantine" } },
    },
    {
      name: "moved",
      when: { recipient: "moved@x.test" },
      then: { action: "redirect", redirect: ["there@x.test"] },
    },
    { name: "not you", when: { client: "192.0.2.0/24" }, then: { action: "reject" } },
  ],
};

Deno.test("rspamd: each outcome in Rspamd's words", async (test) => {
  await using all = await Harness.start(POLICY);
  const rcpt = (name: string) => [["Rcpt", `${name}@x.test`]] as const;
  const rows: readonly [
    name: string,
    message: string,
    headers: readonly (readonly [string, string])[],
    want: Partial<RspamdResult>,
  ][] = [
    ["clean", CLEAN, [], { action: "no action", score: 0, required_score: 5, is_skipped: false }],
    ["spam that is marked", SPAM, [], { action: "add header", score: 10 }],
    ["a subject that is changed", SPAM, rcpt("mark"), {
      action: "rewrite subject",
      subject: "[SPAM] hello",
    }],
    ["infected", INFECTED, [], {
      action: "reject",
      score: 20,
      messages: { smtp_message: "No viruses here" },
    }],
    ["not scanned", UNREADABLE, [], { action: "soft reject" }],
    ["discarded", CLEAN, rcpt("hole"), { action: "reject", milter: { reject: "discard" } }],
    ["kept in quarantine", INFECTED, rcpt("keep"), {
      action: "reject",
      milter: { reject: "discard" },
    }],
    ["redirected, which a milter can", CLEAN, [...rcpt("moved"), ["Milter", "Yes"]], {
      action: "no action",
    }],
    ["redirected, which others cannot", CLEAN, rcpt("moved"), { action: "soft reject" }],
    ["refused for its client", CLEAN, [["IP", "192.0.2.7"]], { action: "reject", score: 5 }],
    ["refused for its client, told with its port", CLEAN, [["IP", "192.0.2.7:25"]], {
      action: "reject",
    }],
    ["a client that is no address", CLEAN, [["IP", "192.0.2.7; x"]], { action: "no action" }],
  ];
  for (const [name, message, headers, want] of rows) {
    await test.step(name, async () => {
      const result = await all.check(message, headers);
      for (const [key, value] of Object.entries(want)) {
        assert.deepEqual(result[key as keyof RspamdResult], value, key);
      }
    });
  }
  await test.step("what is kept is on disk before the answer", () => {
    assert.equal(all.ports.kept.length, 1);
    assert.deepEqual(all.ports.kept[0]!.recipients, ["keep@x.test"]);
  });
  await test.step("recipients that are changed", async () => {
    const { milter } = await all.check(CLEAN, [...rcpt("moved"), ["Milter", "Yes"]]);
    assert.deepEqual(milter?.add_rcpt, ["<there@x.test>"]);
    assert.deepEqual(milter?.del_rcpt, ["<moved@x.test>"]);
  });
  await test.step("symbols and marks", async () => {
    const infected = await all.check(INFECTED);
    assert.deepEqual(infected.symbols["POSTERN_INFECTED"]?.options, ["Test-Signature"]);
    const spam = await all.check(SPAM);
    assert.equal(spam.symbols["TEST_SPAM"]?.score, 10);
    assert.deepEqual(spam.milter?.add_headers?.["X-Postern-Status"], { value: "spam", order: 0 });
  });
});

Deno.test("rspamd: the facts are what the client says of its own", async () => {
  await using all = await Harness.start(POLICY);
  await all.check(CLEAN, [
    ["From", "<Joe@EXAMPLE.test>"],
    ["Rcpt", "<a@X.test>"],
    ["Rcpt", "b@x.test"],
    ["IP", "2001:db8::1"],
    ["Helo", "mx.example.test"],
    ["Hostname", "host.example.test"],
    ["User", "joe"],
    ["TLS-Version", "TLSv1.3"],
    ["Queue-Id", "ABC"],
    ["Settings", '{"symbols_disabled":["POSTERN_INFECTED"]}'],
    ["File", "/etc/passwd"],
    ["Shm", "/dev/shm/x"],
  ]);
  const [record] = all.ports.records;
  assert.equal(record!.agent, "rspamd");
  assert.equal(record!.size, CLEAN.length);
  // Fetch joins repeated fields; clients that send them apart are tested by the octets.
  assert.deepEqual(record!.envelope.sender, "Joe@example.test");
  assert.deepEqual(
    [
      record!.envelope.client,
      record!.envelope.helo,
      record!.envelope.clientName,
      record!.envelope.user,
    ],
    ["2001:db8::1", "mx.example.test", "host.example.test", "joe"],
  );
  assert.equal(record!.known?.tls, true);
});

Deno.test("rspamd: repeated Rcpt, as clients send them, are recipients each", async () => {
  await using all = await Harness.start(POLICY);
  const said = await talk(
    all.address,
    `POST /checkv2 HTTP/1.0\r\nRcpt: <"a,b"@X.test>\r\nRcpt: c@x.test\r\nContent-Length: ${CLEAN.length}\r\n\r\n${CLEAN}`,
  );
  assert.match(said, /^HTTP\/1\.1 200 OK\r\n[^]*connection: close\r\n/);
  assert.deepEqual(all.ports.records[0]!.envelope.recipients, ['"a,b"@x.test', "c@x.test"]);
});

Deno.test("rspamd: cleaned mail goes behind the JSON where the client takes it", async (test) => {
  await using all = await Harness.start({
    settings: { antivirus: { infected: "reject", clean: "strict" } },
  });
  await test.step("body_block", async () => {
    const response = await all.post(INFECTED, [["Flags", "pass_all,body_block"]]);
    const octets = Buffer.from(await response.arrayBuffer());
    const offset = Number(response.headers.get("message-offset"));
    const result = JSON.parse(octets.subarray(0, offset).toString());
    assert.equal(result.action, "no action");
    const message = octets.subarray(offset).toString();
    assert.match(message, /^X-Postern-Status: (?:cleaned|deleted)\r\n/);
    assert.doesNotMatch(message, /\r\nINFECTED/);
  });
  await test.step("clean mail is not sent back", async () => {
    const response = await all.post(CLEAN, [["Flags", "body_block"]]);
    assert.equal(response.headers.get("message-offset"), null);
    await response.body?.cancel();
  });
  for (const headers of [[], [["Flags", "body_block,milter"]], [["Milter", "yes"]]] as const) {
    await test.step(`without: ${JSON.stringify(headers)}`, async () => {
      assert.equal((await all.check(INFECTED, headers)).action, "reject");
    });
  }
});

Deno.test("rspamd: paths, methods, password", async (test) => {
  await using all = await Harness.start(POLICY, { password: "correct horse" });
  const status = async (response: Response) => {
    await response.body?.cancel();
    return response.status;
  };
  const password = ["Password", "correct horse"] as const;
  await test.step("ping needs no password", async () => {
    const response = await fetch(`http://${all.address}/ping`);
    assert.deepEqual([response.status, await response.text()], [200, "pong\r\n"]);
  });
  await test.step("others do", async () => {
    assert.equal(await status(await all.post(CLEAN)), 403);
    assert.equal(await status(await all.post(CLEAN, [["Password", "wrong"]])), 403);
    assert.equal(await status(await all.post(CLEAN, [password])), 200);
    assert.equal(all.ports.records.length, 1);
  });
  await test.step("what is not served", async () => {
    for (const path of ["/", "/checkv3", "/learnspam", "//x/checkv2", "/../checkv3"]) {
      assert.equal(await status(await all.post(CLEAN, [password], path)), 404, path);
    }
    const headers = { Password: "correct horse" };
    assert.equal(await status(await fetch(`http://${all.address}/checkv2`, { headers })), 405);
  });
});

Deno.test("rspamd: compressed messages are unpacked within bounds, or refused with the reason", async (test) => {
  await using all = await Harness.start(POLICY, { limits: { messageSize: "1MB" } });
  const post = async (octets: Uint8Array, compression = "zstd") => {
    const response = await all.post(new Uint8Array(octets), [["Compression", compression]]);
    return `${response.status} ${await response.text()}`;
  };
  await test.step("others than zstd", async () => {
    assert.match(await post(Buffer.from(CLEAN), "gzip"), /^415 .*gzip.*not known/);
  });
  const encoded = async (octets: Uint8Array, ...fields: [string, string][]) => {
    const response = await all.post(new Uint8Array(octets), fields);
    return `${response.status} ${await response.text()}`;
  };
  await test.step("what HTTP's own field says", async () => {
    const gzip = await encoded(zlib.gzipSync(INFECTED), ["Content-Encoding", "gzip"]);
    assert.match(gzip, /^415 .*gzip.*not known/);
    const infected = Buffer.from(INFECTED);
    assert.match(await encoded(infected, ["Content-Encoding", "identity"]), /^200 .*_INFECTED/);
  });
  if (!canDecompress("zstd")) {
    await test.step("zstd, which this runtime does not know", async () => {
      assert.match(await post(Buffer.from(CLEAN)), /^415 .*zstd.*not known/);
    });
    return;
  }
  await test.step("zstd", async () => {
    assert.match(await post(zlib.zstdCompressSync(INFECTED)), /^200 .*POSTERN_INFECTED/);
  });
  await test.step("zstd, said in one of two fields or in both", async () => {
    const packed = zlib.zstdCompressSync(INFECTED);
    const ours: [string, string] = ["Compression", "zstd"];
    const http: [string, string] = ["Content-Encoding", "zstd"];
    assert.match(await encoded(packed, http), /^200 .*POSTERN_INFECTED/);
    assert.match(await encoded(packed, ours, http), /^200 .*POSTERN_INFECTED/);
    const twice = await encoded(packed, ours, ["Content-Encoding", "gzip"]);
    assert.match(twice, /^415 .*zstd, gzip.*not known/);
  });
  await test.step("attack 48: a bomb is let unpack to the limit and no further", async () => {
    assert.match(await post(zlib.zstdCompressSync(Buffer.alloc(200 * 2 ** 20))), /^413 /);
  });
  await test.step("what is no zstd", async () => {
    assert.match(await post(Buffer.from("nonsense")), /^400 /);
  });
});

Deno.test("rspamd: Rspamd's own proxy asks with GET", async () => {
  await using all = await Harness.start(POLICY);
  const head = "GET /checkv2 HTTP/1.1\r\nConnection: close\r\nFlags: milter,body_block\r\n";
  const length = `Content-Length: ${INFECTED.length}\r\nIP: [2001:db8::1]:25\r\n\r\n`;
  assert.match(await talk(all.address, head + length + INFECTED), /"action":"reject"/);
  assert.equal(all.ports.records[0]!.envelope.client, "2001:db8::1");
});

Deno.test("rspamd: what is said to be raw is scanned as a file, too", async () => {
  await using all = await Harness.start(POLICY);
  const modes: string[] = [];
  const scan = all.ports.scan.bind(all.ports);
  all.ports.scan = (message, settings, signal) => {
    modes.push(settings.mode);
    return scan(message, settings, signal);
  };
  await all.check(CLEAN);
  await all.check(CLEAN, [["Raw", "yes"]]);
  assert.deepEqual(modes, ["mail", "auto"]);
});

Deno.test("rspamd: an encrypted request is refused, and not scanned as it is", async () => {
  await using all = await Harness.start(POLICY);
  for (const path of ["/post", "/checkv2"]) {
    const response = await all.post(CLEAN, [["Key", "abc=def"]], path);
    assert.equal(response.status, 415);
    assert.match(await response.text(), /HTTPCrypt.*not known here/);
  }
  assert.equal(all.ports.records.length, 0);
});

Deno.test("rspamd: a message that lies elsewhere is nobody's, and nothing is said of it", async () => {
  await using all = await Harness.start(POLICY);
  for (const name of ["File", "Path", "Shm"]) {
    const response = await all.post(new Uint8Array(), [[name, "/tmp/message"]]);
    assert.equal(response.status, 415);
    assert.match(await response.text(), /not read here, send the message/);
  }
  assert.equal(all.ports.records.length, 0);
});

Deno.test("rspamd: limits of size, recipients and octets in flight", async (test) => {
  await using all = await Harness.start(POLICY, { limits: { messageSize: "1MB", recipients: 2 } });
  await test.step("attack 53: a message past the limit is refused before it comes", async () => {
    using client = await RawClient.connect(all.address);
    await client.write("POST /checkv2 HTTP/1.1\r\nContent-Length: 1048577\r\n\r\n");
    assert.match(await client.until("}"), /^HTTP\/1\.1 413 [^]*was not scanned/);
  });
  await test.step("or while it comes in chunks", async () => {
    const chunk = `80000\r\n${"x".repeat(0x80000)}\r\n`;
    const said = await talk(
      all.address,
      `POST /checkv2 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n${chunk.repeat(4)}0\r\n\r\n`,
    );
    assert.match(said, /^HTTP\/1\.1 413 /);
  });
  await test.step("recipients", async () => {
    const rcpt = (count: number) => "Rcpt: a@x.test\r\n".repeat(count);
    const ask = (count: number) =>
      talk(all.address, `POST /checkv2 HTTP/1.0\r\n${rcpt(count)}Content-Length: 1\r\n\r\nx`);
    assert.match(await ask(2), /^HTTP\/1\.1 200 /);
    assert.match(await ask(3), /^HTTP\/1\.1 400 [^]*More than 2 recipients/);
  });
  await test.step("octets in flight", async () => {
    all.ports.room = 1000;
    const response = await all.post("x".repeat(300_000));
    assert.equal(response.status, 503);
    await response.body?.cancel();
    all.ports.room = Infinity;
  });
  assert.equal(all.ports.records.length, 1);
});

Deno.test("rspamd: a connection serves several requests, and 100-continue", async () => {
  await using all = await Harness.start(POLICY);
  using client = await RawClient.connect(all.address);
  const request = `POST /checkv2 HTTP/1.1\r\nContent-Length: ${CLEAN.length}\r\n\r\n${CLEAN}`;
  await client.write(request + request);
  while ((client.take() + await client.until("time_real")).match(/time_real/g)?.length === 1) break;
  await client.write(
    `POST /checkv2 HTTP/1.1\r\nExpect: 100-continue\r\nConnection: close\r\nContent-Length: ${CLEAN.length}\r\n\r\n`,
  );
  await client.until("HTTP/1.1 100 Continue\r\n\r\n");
  await client.write(CLEAN);
  assert.match(await client.all(), /connection: close\r\n\r\n\{.*\}$/);
  assert.equal(all.ports.records.length, 3);
});

Deno.test("rspamd: the protocol before HTTP, which Exim speaks", async () => {
  await using all = await Harness.start(POLICY);
  const ask = (method: string, message: string) =>
    talk(
      all.address,
      `${method} RSPAMC/1.3\r\nContent-length: ${message.length}\r\nFrom: <a@b.test>\r\nRecipient-Number: 1\r\nRcpt: <c@x.test>\r\n\r\n${message}`,
    );
  assert.equal(
    await ask("CHECK", CLEAN),
    "RSPAMD/1.3 0 EX_OK\r\nMetric: default; False; 0.00 / 5.00 / 5.00\r\nAction: no action\r\nMessage-ID: \r\n\r\n",
  );
  assert.match(
    await ask("CHECK", INFECTED),
    /Metric: default; True; 20\.00 \/ 5\.00 \/ 5\.00\r\nAction: reject\r\nSymbol: POSTERN_INFECTED\(20\.00\)\[Test-Signature\]\r\n/,
  );
  assert.match(await ask("LEARN", CLEAN), /^RSPAMD\/1\.3 404 /);
  assert.equal(all.ports.records[0]!.envelope.recipients[0], "c@x.test");
});

Deno.test("rspamd: a scanner that fails is an error, which clients take for try again later", async () => {
  await using all = await Harness.start(POLICY);
  all.ports.scanning = () => Promise.reject(new Error("gone"));
  const response = await all.post(CLEAN);
  assert.equal(response.status, 500);
  assert.match(await response.text(), /try again later/);
});

Deno.test("attack 12: slow clients of rspamd are let go, each phase in its time", async (test) => {
  await using all = await Harness.start(POLICY, {
    limits: { commandTime: "200ms", dataTime: "300ms" },
  });
  for (
    const [name, sent, want] of [
      ["nothing", "", /^$/],
      ["half a line", "POST /che", /^HTTP\/1\.1 408 /],
      ["no end of the header", "POST /checkv2 HTTP/1.1\r\nIP: x\r\n", /^HTTP\/1\.1 408 /],
      [
        "no end of the body",
        "POST /checkv2 HTTP/1.1\r\nContent-Length: 9\r\n\r\nx",
        /^HTTP\/1\.1 408 /,
      ],
      ["idle after an answer", "GET /ping HTTP/1.1\r\n\r\n", /pong\r\n$/],
    ] as const
  ) {
    await test.step(name, async () => {
      using client = await RawClient.connect(all.address);
      await client.write(sent);
      assert.match(await client.all(), want);
    });
  }
});

Deno.test("rspamd: recorded sessions of other protocols get one error", async (test) => {
  await using all = await Harness.start(POLICY, { limits: { commandTime: "300ms" } });
  for (const { name, octets } of await corpusCaptures()) {
    await test.step(name, async () => {
      using client = await RawClient.connect(all.address);
      await client.write(octets.subarray(0, 65_536)).catch(() => {});
      await client.closeWrite().catch(() => {});
      assert.match(await client.all(), /^(?:HTTP\/1\.1 4\d\d [^\r]*\r\n[^]*\})?$/);
    });
  }
  assert.equal(all.ports.records.length, 0);
});
