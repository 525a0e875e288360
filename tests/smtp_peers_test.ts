/** Postern between swaks or smtp-source on one side and smtp-sink or a scripted next hop on the other. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { certificate } from "./certificate.ts";
import { corpusMail, hasCorpus } from "./corpus.ts";
import { Gateway, type GatewayOptions } from "./gateway.ts";
import { differenceBesideHeaders } from "./headers.ts";
import { EICAR, ENVELOPE, GTUBE, infectedMail, mail, zippedMail } from "./mail.ts";
import { peerTest } from "./peers/peer.ts";
import { ScriptedSink, type SunkMessage, USUAL_EXTENSIONS } from "./peers/scripted_sink.ts";
import { sendMail, SmtpClient } from "./peers/smtp_client.ts";
import { startSmtpSink } from "./peers/smtp_sink.ts";
import { runSmtpSource } from "./peers/smtp_source.ts";
import { swaks } from "./peers/swaks.ts";
import { temporaryDirectory } from "./temporary.ts";
import { until } from "./wait.ts";

/** Fields that Postern may add. */
const ADDED = ["received", "x-postern-*"];
const REFUSED = "550 5.7.1 No viruses here, says the policy";
const POLICY = {
  settings: {
    antivirus: { action: "scan", infected: "reject", notScanned: "defer" },
    antispam: { action: "scan", spam: "reject" },
    replies: { infected: REFUSED, spam: "550 5.7.1 No spam here" },
  },
};

/** A gateway in front of `port`. */
async function before(
  port: number,
  agent: Partial<GatewayOptions["agents"][string]> = {},
  policy: unknown = POLICY,
): Promise<Gateway> {
  return await Gateway.start({
    agents: { smtp: { nextHop: `smtp://127.0.0.1:${port}`, ...agent } },
    policy,
  });
}

function assertSame(sent: Uint8Array, arrived: SunkMessage | undefined, what: string): void {
  assert.ok(arrived, `${what} did not arrive`);
  assert.equal(differenceBesideHeaders(sent, arrived.octets, ADDED), undefined, what);
  assert.equal(arrived.bareLineEnd, false, `${what}: a bare CR or LF went out`);
}

Deno.test("real mail passes octet by octet but for added fields", async (test) => {
  if (!await hasCorpus()) {
    await test.step({ name: "the corpus is not there", ignore: true, fn: () => {} });
    return;
  }
  await using sink = ScriptedSink.start();
  await using gateway = await before(sink.port, {}, {
    settings: { antispam: { action: "accept" } },
  });
  using client = await SmtpClient.connect(gateway.port("smtp"));
  await client.ehlo();
  for (const { name, message } of await corpusMail(150)) {
    const reply = await client.send({
      sender: "a@sender.test",
      recipients: ["b@here.test"],
      message,
    });
    assert.equal(reply.code, 250, `${name}: ${reply.text}\n${gateway.log}`);
    assertSame(message, sink.messages.at(-1), name);
  }
  assert.equal(sink.messages.length, 150);
});

Deno.test("what the policy forbids is refused with the policy's own words", async (test) => {
  await using sink = ScriptedSink.start();
  await using gateway = await before(sink.port);
  const rows: { name: string; message: Uint8Array; reply: string }[] = [
    { name: "EICAR attached", message: infectedMail("eicar@test"), reply: REFUSED },
    {
      name: "EICAR in the text",
      message: mail("text@test", { body: `${EICAR}\r\n` }),
      reply: REFUSED,
    },
    {
      name: "EICAR in zip in zip",
      message: zippedMail("zip@test", Buffer.from(EICAR), 2),
      reply: REFUSED,
    },
    {
      name: "GTUBE",
      message: mail("gtube@test", { body: `${GTUBE}\r\n` }),
      reply: "550 5.7.1 No spam here",
    },
  ];
  for (const { name, message, reply } of rows) {
    await test.step(name, async () => {
      const got = await sendMail(gateway.port("smtp"), {
        sender: "a@sender.test",
        recipients: ["b@here.test"],
        message,
      });
      assert.equal(got.text, reply, gateway.log);
    });
  }
  assert.equal(sink.messages.length, 0);
});

Deno.test("each way of SMTP comes through", async (test) => {
  await using sink = ScriptedSink.start({ extensions: [...USUAL_EXTENSIONS, "CHUNKING"] });
  await using gateway = await before(sink.port);
  const port = gateway.port("smtp");

  await test.step("offers what the next hop can do", async () => {
    using client = await SmtpClient.connect(port);
    await client.ehlo();
    const offered = [...client.extensions.keys()];
    for (
      const keyword of [
        "PIPELINING",
        "SIZE",
        "8BITMIME",
        "SMTPUTF8",
        "DSN",
        "ENHANCEDSTATUSCODES",
        "CHUNKING",
      ]
    ) assert.ok(offered.includes(keyword), `${keyword} is not among ${offered}`);
    assert.ok(!offered.includes("STARTTLS"), "STARTTLS without a certificate");
    assert.ok(!offered.includes("XCLIENT"), "XCLIENT for a client that is not authorised");
  });

  await test.step("20 MiB", async () => {
    const message = mail("large@test", {
      body: `${"0123456789abcdef".repeat(4)}\r\n`.repeat(317_751),
    });
    const reply = await sendMail(port, { ...ENVELOPE, message });
    assert.equal(reply.code, 250, reply.text);
    assertSame(message, sink.messages.at(-1), "the large message");
  });

  await test.step("500 recipients", async () => {
    const recipients = Array.from({ length: 500 }, (_, i) => `user${i}@here.test`);
    const message = mail("many@test");
    const reply = await sendMail(port, { ...ENVELOPE, recipients, message });
    assert.equal(reply.code, 250, reply.text);
    const arrived = sink.messages.filter(({ octets }) =>
      Buffer.from(octets).includes("<many@test>")
    );
    assert.equal(arrived.length, 1, "recipients with one outcome share one copy");
    assert.equal(arrived[0]?.to.length, 500);
    assertSame(message, arrived[0], "the message to many");
  });

  await test.step("null sender", async () => {
    const reply = await sendMail(port, { ...ENVELOPE, sender: "", message: mail("null@test") });
    assert.equal(reply.code, 250, reply.text);
    assert.match(sink.messages.at(-1)?.from ?? "", /^<>/);
  });

  await test.step("8BITMIME, SMTPUTF8 and DSN parameters go on", async () => {
    using client = await SmtpClient.connect(port);
    await client.ehlo();
    const message = Buffer.from(
      Buffer.from(mail("utf8@test", { body: "Grüße, 8 Bit\r\n" })).toString("latin1"),
      "latin1",
    );
    await client.wire.write(
      Buffer.from(
        "MAIL FROM:<münchen@sender.test> BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=QQ314159\r\n",
      ),
    );
    assert.equal((await client.reply()).code, 250);
    await client.wire.write(
      Buffer.from(
        "RCPT TO:<jürgen@here.test> NOTIFY=SUCCESS,DELAY ORCPT=utf-8;jurgen@here.test\r\n",
      ),
    );
    assert.equal((await client.reply()).code, 250);
    assert.equal((await client.command("DATA")).code, 354);
    await client.wire.write(message);
    const reply = await client.command(".");
    assert.equal(reply.code, 250, reply.text);
    const arrived = sink.messages.at(-1);
    assertSame(message, arrived, "the 8-bit message");
    const from = Buffer.from(arrived?.from ?? "", "latin1").toString();
    assert.match(from, /^<münchen@sender\.test>/);
    for (const parameter of ["BODY=8BITMIME", "SMTPUTF8", "RET=HDRS", "ENVID=QQ314159"]) {
      assert.ok(from.includes(parameter), `${parameter} is missing in ${from}`);
    }
    const to = Buffer.from(arrived?.to[0] ?? "", "latin1").toString();
    assert.match(to, /^<jürgen@here\.test> .*NOTIFY=SUCCESS,DELAY/);
    assert.match(to, /ORCPT=utf-8;jurgen@here\.test/);
  });

  await test.step("BDAT in pieces", async () => {
    using client = await SmtpClient.connect(port);
    await client.ehlo();
    const message = mail("bdat@test", { body: ".a dot\r\n.\r\nand on\r\n" });
    assert.equal((await client.command("MAIL FROM:<a@sender.test>")).code, 250);
    assert.equal((await client.command("RCPT TO:<b@here.test>")).code, 250);
    const cuts = [0, 1, 2, 100, message.length];
    for (const [i, from] of cuts.slice(0, -1).entries()) {
      const chunk = message.subarray(from, cuts[i + 1]);
      const last = i === cuts.length - 2 ? " LAST" : "";
      await client.wire.write(`BDAT ${chunk.length}${last}\r\n`);
      await client.wire.write(chunk);
      const reply = await client.reply();
      assert.equal(reply.code, 250, reply.text);
    }
    assertSame(message, sink.messages.at(-1), "the message by BDAT");
  });

  await test.step("two transactions in one segment", async () => {
    using client = await SmtpClient.connect(port);
    await client.ehlo();
    const before = sink.messages.length;
    const commands = "MAIL FROM:<a@sender.test>\r\nRCPT TO:<b@here.test>\r\nDATA\r\n";
    await client.wire.write(commands);
    for (const code of [250, 250, 354]) assert.equal((await client.reply()).code, code);
    // The next transaction's commands stand behind the dot.
    await client.wire.write(`Subject: one\r\n\r\n1\r\n.\r\n${commands}`);
    for (const code of [250, 250, 250, 354]) assert.equal((await client.reply()).code, code);
    await client.wire.write("Subject: two\r\n\r\n2\r\n.\r\nQUIT\r\n");
    for (const code of [250, 221]) assert.equal((await client.reply()).code, code);
    assert.equal(sink.messages.length, before + 2);
  });
});

Deno.test("an LMTP next hop answers for each recipient", async () => {
  await using sink = ScriptedSink.start({
    protocol: "lmtp",
    extensions: ["PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES"],
  });
  await using gateway = await before(sink.port, { nextHop: `lmtp://127.0.0.1:${sink.port}` });
  const envelope = { sender: "a@sender.test", recipients: ["one@here.test", "two@here.test"] };
  const message = mail("lmtp@test");
  const well = await sendMail(gateway.port("smtp"), { ...envelope, message });
  assert.equal(well.code, 250, well.text);
  assertSame(message, sink.messages[0], "the message by LMTP");
  assert.equal(sink.messages[0]?.to.length, 2);

  sink.behave({
    trick: (moment) => moment === "end" ? { reply: "452 4.2.2 All full" } : undefined,
  });
  const full = await sendMail(gateway.port("smtp"), { ...envelope, message: mail("full@test") });
  assert.equal(Math.floor(full.code / 100), 4, full.text);
});

peerTest(
  ["smtp-sink", "smtp-source"],
  "smtp-source through Postern into smtp-sink loses nothing",
  async () => {
    await using directory = await temporaryDirectory();
    await Deno.chmod(directory.path, 0o777);
    await using sink = await startSmtpSink({ dump: directory.path });
    await using gateway = await before(sink.port);
    for (const [size, sessions] of [[4096, 10], [60_000, 5], [1, 1]] as const) {
      const sent = await runSmtpSource(gateway.port("smtp"), {
        sessions,
        messages: 100,
        size,
        keepConnection: sessions === 5,
      });
      assert.equal(sent.code, 0, `${sent.stderr}\n${gateway.log}`);
    }
    await until("300 messages", async () => (await sink.count()) === 300);
  },
);

peerTest(["swaks"], "swaks sees the policy's reply and its own mail arrive", async () => {
  await using sink = ScriptedSink.start();
  await using gateway = await before(sink.port);
  const port = gateway.port("smtp");
  const args = ["--from", "a@sender.test", "--to", "b@here.test"];
  const clean = await swaks(port, [...args, "--pipeline"]);
  assert.equal(clean.code, 0, clean.transcript);
  assert.equal(sink.messages.length, 1);
  const infected = await swaks(port, [...args, "--body", EICAR]);
  assert.notEqual(infected.code, 0);
  assert.ok(infected.replies.includes(REFUSED), infected.transcript);
  assert.equal(sink.messages.length, 1);
});

peerTest(
  ["swaks-tls", "openssl"],
  "swaks speaks STARTTLS, and so does the next hop's side",
  async () => {
    await using directory = await temporaryDirectory();
    const { certificatePath, keyPath, authorityPath } = await certificate(directory.path);
    await using sink = ScriptedSink.start();
    await using gateway = await before(sink.port, {
      tls: { certificate: certificatePath, key: keyPath },
      requireTls: true,
    });
    const port = gateway.port("smtp");
    const args = ["--from", "a@sender.test", "--to", "b@here.test"];
    const plain = await swaks(port, args);
    assert.notEqual(plain.code, 0);
    assert.ok(plain.replies.some((line) => /^530 5\.7\.0 /.test(line)), plain.transcript);
    const encrypted = await swaks(port, [...args, "--tls", "--tls-ca-path", authorityPath]);
    assert.equal(encrypted.code, 0, `${encrypted.transcript}\n${gateway.log}`);
    assert.equal(sink.messages.length, 1);
    const infected = await swaks(port, [...args, "--tls", "--body", EICAR]);
    assert.ok(infected.replies.includes(REFUSED), infected.transcript);

    // A second gateway whose next hop is the first one: STARTTLS on the client side, the certificate checked.
    await using outer = await before(port, {
      nextHop: `smtp://localhost:${port}`,
      nextHopTls: "verify",
      nextHopCa: authorityPath,
    });
    const through = await sendMail(outer.port("smtp"), {
      sender: "a@sender.test",
      recipients: ["b@here.test"],
      message: mail("tls@test"),
    });
    assert.equal(through.code, 250, `${through.text}\n${outer.log}`);
    assert.equal(sink.messages.length, 2);
    // Without the authority nothing is sent.
    await using doubting = await before(port, {
      nextHop: `smtp://localhost:${port}`,
      nextHopTls: "verify",
    });
    const refused = await sendMail(doubting.port("smtp"), {
      sender: "a@sender.test",
      recipients: ["b@here.test"],
      message: mail("doubt@test"),
    });
    assert.equal(Math.floor(refused.code / 100), 4, refused.text);
    assert.equal(sink.messages.length, 2);
  },
);
