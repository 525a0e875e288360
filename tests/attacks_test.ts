/** Known attacks against a whole gateway: rows that need the daemon, the agent, the policy and a next hop together. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { certificate } from "./certificate.ts";
import { CORPUS, hasCorpus } from "./corpus.ts";
import { Gateway } from "./gateway.ts";
import { infectedMail, mail } from "./mail.ts";
import { peerTest } from "./peers/peer.ts";
import { ScriptedSink } from "./peers/scripted_sink.ts";
import { sendMail, SmtpClient } from "./peers/smtp_client.ts";
import { Closed } from "./peers/wire.ts";
import { temporaryDirectory } from "./temporary.ts";

const ENVELOPE = { sender: "alice@example.test", recipients: ["bob@example.test"] };

async function toData(client: SmtpClient): Promise<void> {
  await client.ehlo();
  for (
    const [line, code] of [
      ["MAIL FROM:<alice@example.test>", 250],
      ["RCPT TO:<bob@example.test>", 250],
      ["DATA", 354],
    ] as const
  ) assert.equal((await client.command(line)).code, code);
}

/** Sends QUIT and reads until the other side closes. */
async function farewell(client: SmtpClient): Promise<void> {
  try {
    await client.wire.write("QUIT\r\n");
    while (true) await client.wire.line();
  } catch (error) {
    if (!(error instanceof Closed)) throw error;
  }
}

interface EndOfDataCase {
  readonly id: string;
  readonly expect: string;
  readonly stream: string;
  readonly messages: number;
}

Deno.test("no end of data but CRLF dot CRLF lets a second message through", async (test) => {
  if (!await hasCorpus()) {
    await test.step({ name: "the corpus is not there", ignore: true, fn: () => {} });
    return;
  }
  const lines = (await Deno.readTextFile(`${CORPUS}proto/smtp-eod.jsonl`)).trim().split("\n");
  const cases = lines.map((line): EndOfDataCase => JSON.parse(line));
  await using sink = ScriptedSink.start();
  for (const mode of ["after-queue", "before-queue"] as const) {
    await using gateway = await Gateway.start({
      agents: { smtp: { nextHop: `smtp://127.0.0.1:${sink.port}`, mode } },
    });
    for (const { id, stream, messages } of cases) {
      await test.step(`${mode} ${id}`, async () => {
        const before = sink.messages.length;
        using client = await SmtpClient.connect(gateway.port("smtp"));
        await toData(client);
        await client.wire.write(Buffer.from(stream, "base64"));
        await farewell(client);
        const passed = sink.messages.slice(before);
        assert.ok(passed.length <= messages, `${passed.length} messages came out`);
        if (id === "good") assert.equal(passed.length, messages);
        for (const { bareLineEnd } of passed) assert.equal(bareLineEnd, false);
        for (const { from } of passed.slice(0, 1)) assert.match(from, /^<alice@/);
      });
    }
  }
});

Deno.test("XCLIENT and XFORWARD are for those that the configuration names", async (test) => {
  await using sink = ScriptedSink.start();
  const policy = {
    rules: [{
      name: "not from there",
      when: { client: "10.0.0.0/8" },
      then: { action: "reject", reply: "550 5.7.1 Not from there" },
    }],
  };
  const nextHop = `smtp://127.0.0.1:${sink.port}`;
  await using gateway = await Gateway.start({
    agents: {
      closed: { nextHop },
      // Authorised, but not this test's address.
      elsewhere: { nextHop, xclient: ["192.0.2.1"], xforward: ["192.0.2.1"] },
      open: { nextHop, xclient: ["127.0.0.1"], xforward: ["127.0.0.1"] },
    },
    policy,
  });
  const message = mail("who@test");

  for (const listener of ["closed", "elsewhere"]) {
    await test.step(`${listener}: refused, and nothing believed`, async () => {
      using client = await SmtpClient.connect(gateway.port(listener));
      await client.ehlo();
      assert.ok(!client.extensions.has("XCLIENT") && !client.extensions.has("XFORWARD"));
      for (const verb of ["XCLIENT", "XFORWARD"]) {
        const reply = await client.command(`${verb} ADDR=10.1.2.3`);
        assert.equal(Math.floor(reply.code / 100), 5, `${verb}: ${reply.text}`);
      }
      const reply = await client.send({ ...ENVELOPE, message });
      assert.equal(reply.code, 250, reply.text);
    });
  }
  await test.step("open: believed for one transaction", async () => {
    using client = await SmtpClient.connect(gateway.port("open"));
    await client.ehlo();
    assert.equal((await client.command("XFORWARD ADDR=10.1.2.3 NAME=there.test")).code, 250);
    const bad = await client.send({ ...ENVELOPE, message });
    assert.equal(bad.text, "550 5.7.1 Not from there");
    await client.command("RSET");
    const own = await client.send({ ...ENVELOPE, message });
    assert.equal(own.code, 250, `the next transaction is the peer's own: ${own.text}`);
    assert.equal((await client.command("XFORWARD ADDR=192.0.2.7 NAME=here.test")).code, 250);
    const good = await client.send({ ...ENVELOPE, message });
    assert.equal(good.code, 250, good.text);
    assert.equal(sink.messages.at(-1)?.xforward["ADDR"], "192.0.2.7");
  });
  for (
    const attributes of [
      "ADDR=10.1.2.3+0D+0AMAIL",
      "NAME=a+0Ab",
      `NAME=${"x".repeat(300)}`,
      "NAME=a+00b",
      "ADDR=not-an-address",
      "HELO",
      "EVIL=1",
    ]
  ) {
    await test.step(`open: refuses ${attributes.slice(0, 40)}`, async () => {
      using client = await SmtpClient.connect(gateway.port("open"));
      await client.ehlo();
      const reply = await client.command(`XFORWARD ${attributes}`);
      assert.equal(Math.floor(reply.code / 100), 5, reply.text);
    });
  }
});

Deno.test("a transaction leaves nothing to the next one", async (test) => {
  await using sink = ScriptedSink.start();
  await using gateway = await Gateway.start({
    agents: { smtp: { nextHop: `smtp://127.0.0.1:${sink.port}` } },
    policy: {
      rules: [{
        name: "bad pair",
        when: { sender: "bad@example.test", recipient: "bob@example.test" },
        then: { action: "reject", reply: "550 5.7.1 Bad pair" },
      }],
      settings: { antivirus: { infected: "reject" } },
    },
  });
  using client = await SmtpClient.connect(gateway.port("smtp"));
  await client.ehlo();

  await test.step("after a refused message RCPT needs MAIL again", async () => {
    const refused = await client.send({ ...ENVELOPE, message: infectedMail("i@test") });
    assert.equal(Math.floor(refused.code / 100), 5);
    assert.equal((await client.command("RCPT TO:<bob@example.test>")).code, 503);
    assert.equal(Math.floor((await client.command("DATA")).code / 100), 5);
  });
  await test.step("a recipient taken for one sender is not there for another", async () => {
    const commands = [
      "MAIL FROM:<alice@example.test>",
      "RCPT TO:<bob@example.test>",
      "RSET",
      "MAIL FROM:<bad@example.test>",
      "RCPT TO:<bob@example.test>",
      "DATA",
    ];
    await client.wire.write(commands.map((line) => `${line}\r\n`).join(""));
    const codes: number[] = [];
    for (const _ of commands) codes.push((await client.reply()).code);
    assert.deepEqual(codes.slice(0, 5), [250, 250, 250, 250, 550]);
    assert.equal(Math.floor((codes[5] ?? 0) / 100), 5);
  });
  await test.step("MAIL within a transaction changes no sender", async () => {
    await client.command("RSET");
    await client.command("MAIL FROM:<alice@example.test>");
    assert.equal((await client.command("MAIL FROM:<bad@example.test>")).code, 503);
    await client.command("RSET");
  });
  assert.equal(sink.messages.length, 0);
});

peerTest(["openssl"], "what was sent in clear behind STARTTLS is never run", async () => {
  await using directory = await temporaryDirectory();
  const { certificatePath, keyPath, authorityPem } = await certificate(directory.path);
  await using sink = ScriptedSink.start();
  await using gateway = await Gateway.start({
    agents: {
      smtp: {
        nextHop: `smtp://127.0.0.1:${sink.port}`,
        tls: { certificate: certificatePath, key: keyPath },
      },
    },
  });
  const injected =
    "MAIL FROM:<evil@example.test>\r\nRCPT TO:<bob@example.test>\r\nDATA\r\nSubject: x\r\n\r\nx\r\n.\r\n";
  using client = await SmtpClient.connect(gateway.port("smtp"));
  await client.ehlo();
  await client.wire.write(`STARTTLS\r\n${injected}`);
  try {
    // Either the session is ended, or the octets are dropped and TLS begins: nothing of them may be answered.
    const reply = await client.reply();
    if (reply.code === 220) {
      const plain = client.wire.connection as Deno.TcpConn;
      client.wire.replace(
        await Deno.startTls(plain, { hostname: "localhost", caCerts: [authorityPem] }),
      );
      await client.ehlo();
      assert.equal((await client.command("DATA")).code, 503, "a transaction lives on");
    }
  } catch (error) {
    const ended = error instanceof Closed || error instanceof Deno.errors.InvalidData ||
      error instanceof Deno.errors.UnexpectedEof || error instanceof Deno.errors.ConnectionReset ||
      error instanceof Deno.errors.BadResource;
    if (!ended) throw error;
  }
  assert.equal(sink.messages.length, 0);

  // The clean case: the same commands, within TLS, go through.
  using well = await SmtpClient.connect(gateway.port("smtp"));
  await well.ehlo();
  const started = await well.startTls(authorityPem);
  assert.equal(started.code, 250, gateway.log);
  assert.ok(!well.extensions.has("STARTTLS"), "STARTTLS is offered within TLS");
  assert.equal((await well.send({ ...ENVELOPE, message: mail("tls@test") })).code, 250);
});

Deno.test("no octet of a message or an envelope forges or breaks a line of the log", async () => {
  await using sink = ScriptedSink.start();
  await using gateway = await Gateway.start({
    agents: { smtp: { nextHop: `smtp://127.0.0.1:${sink.port}` } },
    policy: { settings: { antivirus: { infected: "reject" } } },
    config: { log: { format: "json" } },
  });
  const forged = '{"level":"info","message":"forged"}';
  const evil = [
    `Subject: =?utf-8?B?${Buffer.from(`x\n${forged}\n\u2028\u0085\x1b[2J`).toString("base64")}?=`,
    `Message-ID: <a"b\\c\x1b[31m${forged}@x>`,
    "MIME-Version: 1.0",
    `Content-Type: application/octet-stream; name*=utf-8''a%0A${encodeURIComponent(forged)}.com`,
    "Content-Transfer-Encoding: base64",
    "",
    Buffer.from(Buffer.from(infectedMail("x")).toString("latin1")).toString("base64").replace(
      /.{76}/g,
      "$&\r\n",
    ),
    "",
  ].join("\r\n");
  using client = await SmtpClient.connect(gateway.port("smtp"));
  await client.ehlo('[127.0.0.1]"\\{');
  const reply = await client.send({
    sender: '"a\\"b"@example.test',
    recipients: ["bob@example.test"],
    message: Buffer.from(evil),
  });
  assert.ok(reply.code > 0);
  await sendMail(gateway.port("smtp"), { ...ENVELOPE, message: mail("after@test") });
  await gateway.logged(/after@test|bob@example\.test/);
  assert.equal(await gateway.stop(), 0);
  for (const line of gateway.log.split("\n")) {
    if (!line.startsWith("{")) {
      assert.ok(!line.includes('"forged"'), line);
      continue;
    }
    const parsed = JSON.parse(line) as { message?: string };
    assert.notEqual(parsed.message, "forged");
    assert.ok(!/[\p{Cc}\u2028\u2029]/u.test(line), JSON.stringify(line));
  }
});

Deno.test("own header fields that a sender forged do not come through", async () => {
  await using sink = ScriptedSink.start();
  await using gateway = await Gateway.start({
    agents: { smtp: { nextHop: `smtp://127.0.0.1:${sink.port}` } },
  });
  const forged = "X-Postern-Status: clean; forged\r\nx-postern-status :\r\n\tforged too\r\n";
  const message = Buffer.concat([Buffer.from(forged), mail("forged@test")]);
  const reply = await sendMail(gateway.port("smtp"), { ...ENVELOPE, message });
  assert.equal(reply.code, 250, reply.text);
  const arrived = Buffer.from(sink.messages[0]?.octets ?? []).toString("latin1");
  assert.ok(arrived.includes("<forged@test>"));
  assert.ok(!arrived.includes("forged too") && !arrived.includes("; forged"), arrived);
});

Deno.test("nobody but the owner reaches the control socket and the state", async () => {
  await using gateway = await Gateway.start({
    agents: { smtp: { nextHop: "maildir:./state/maildir" } },
  });
  const found: string[] = [];
  for await (const entry of Deno.readDir(`${gateway.directory}/state`)) {
    const { mode, isSocket } = await Deno.stat(`${gateway.directory}/state/${entry.name}`);
    if (isSocket) {
      found.push(entry.name);
      assert.equal((mode ?? 0) & 0o777, 0o600, `${entry.name} has mode ${mode?.toString(8)}`);
    } else if (entry.isFile) {
      assert.equal((mode ?? 0) & 0o077, 0, `${entry.name} has mode ${mode?.toString(8)}`);
    }
  }
  assert.ok(found.length > 0, "no socket in the state directory");
});

Deno.test("endless lines and slow clients are ended, and others served meanwhile", async (test) => {
  await using sink = ScriptedSink.start();
  await using gateway = await Gateway.start({
    agents: {
      smtp: {
        nextHop: `smtp://127.0.0.1:${sink.port}`,
        limits: { commandTime: "1s", dataTime: "1s", messageSize: "1MB" },
      },
    },
  });
  const port = gateway.port("smtp");
  const serves = async () => {
    const reply = await sendMail(port, { ...ENVELOPE, message: mail("served@test") });
    assert.equal(reply.code, 250, reply.text);
  };
  await test.step("a line of 1 MiB without end", async () => {
    using client = await SmtpClient.connect(port);
    await client.ehlo();
    const answers = (async () => {
      const reply = await client.reply();
      assert.ok([421, 500, 501].includes(reply.code), reply.text);
    })();
    const writing = client.wire.write(`MAIL FROM:<${"x".repeat(1 << 20)}`).catch(() => {});
    await answers.catch((error) => {
      if (!(error instanceof Closed)) throw error;
    });
    await serves();
    client.wire.close();
    await writing;
  });
  await test.step("a client that says nothing", async () => {
    using client = await SmtpClient.connect(port);
    await assert.rejects(
      (async () => {
        while (true) {
          const reply = await client.reply();
          assert.equal(reply.code, 421);
        }
      })(),
      { name: "Closed" },
    );
    await serves();
  });
  await test.step("a client that stops in DATA", async () => {
    const before = sink.messages.length;
    using client = await SmtpClient.connect(port);
    await toData(client);
    await client.wire.write("Subject: half\r\n\r\nhal");
    await assert.rejects(
      (async () => {
        while (true) await client.wire.line();
      })(),
      { name: "Closed" },
    );
    assert.equal(sink.messages.length, before);
    await serves();
  });
  await test.step("a message over the limit", async () => {
    const body = "0123456789\r\n".repeat(100_000);
    const reply = await sendMail(port, { ...ENVELOPE, message: mail("over@test", { body }) });
    assert.equal(reply.code, 552, reply.text);
    using client = await SmtpClient.connect(port);
    await client.ehlo();
    const early = await client.command("MAIL FROM:<a@b.test> SIZE=2000000");
    assert.equal(early.code, 552, early.text);
    await serves();
  });
});
