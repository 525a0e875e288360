import assert from "node:assert/strict";
import { hasBareLineEnd } from "../line_ends.ts";
import { until } from "../../tests/wait.ts";
import { last, MAIL, stuffed, test } from "./testing/session_tests.ts";

test("refuses mail that goes in circles", {}, async (h) => {
  const client = await h.connect();
  await client.say("EHLO c");
  const hops = (count: number) => "Received: from a by b\r\n\tid c\r\n".repeat(count) + MAIL;
  assert.match(last(await client.send("a@b.example", ["b@example.org"], hops(100))), /^250/);
  assert.match(
    last(await client.send("a@b.example", ["b@example.org"], hops(101))),
    /^554 5\.4\.6/,
  );
});

test("takes a thousand recipients, pipelined", {}, async (h) => {
  const client = await h.connect();
  await client.say("EHLO c");
  const recipients = Array.from({ length: 1001 }, (_, i) => `RCPT TO:<r${i}@example.org>\r\n`);
  await client.write(`MAIL FROM:<>\r\n${recipients.join("")}DATA\r\n`);
  for (let i = 0; i <= 1000; i++) assert.match(await client.reply(), /^250/);
  assert.match(await client.reply(), /^452 4\.5\.3/);
  assert.match(await client.reply(), /^354/);
  await client.write(`${MAIL}.\r\nQUIT\r\n`);
  assert.match(await client.reply(), /^250/);
  assert.match(await client.reply(), /^221/);
  assert.equal(h.ports.records[0]!.envelope.recipients.length, 1000);
});

test(
  "announces and passes on only what the next hop offers",
  { hop: { features: ["8BITMIME"] } },
  async (h) => {
    const client = await h.connect();
    const offers = await client.say("EHLO c");
    assert.match(offers, /8BITMIME/);
    assert.doesNotMatch(offers, /SMTPUTF8|DSN|STARTTLS|XFORWARD|XCLIENT/);
    assert.match(await client.say("MAIL FROM:<a@b.example> SMTPUTF8"), /^555/);
  },
);

test("passes DSN parameters, SMTPUTF8 and XFORWARD on", {
  hop: {
    features: ["PIPELINING", "8BITMIME", "SMTPUTF8", "DSN", "XFORWARD NAME ADDR HELO SOURCE"],
  },
  config: { xforward: ["127.0.0.0/8"] },
}, async (h) => {
  const client = await h.connect();
  assert.match(await client.say("EHLO c"), /XFORWARD/);
  assert.match(
    await client.say("XFORWARD ADDR=192.0.2.9 HELO=far.example NAME=[UNAVAILABLE]"),
    /^250/,
  );
  await client.say("MAIL FROM:<a@b.example> SMTPUTF8 BODY=8BITMIME RET=HDRS ENVID=x");
  await client.say("RCPT TO:<b@example.org> NOTIFY=NEVER ORCPT=rfc822;b@c.example");
  await client.say("DATA");
  assert.match(await client.say(`${MAIL}.`), /^250/);
  assert.deepEqual(h.hop.lines.slice(1, 4), [
    "XFORWARD NAME=[UNAVAILABLE] ADDR=192.0.2.9 HELO=far.example SOURCE=REMOTE",
    "MAIL FROM:<a@b.example> BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=x",
    "RCPT TO:<b@example.org> NOTIFY=NEVER ORCPT=rfc822;b@c.example",
  ]);
  assert.equal(h.ports.records[0]!.envelope.client, "192.0.2.9");
  assert.equal(h.ports.records[0]!.envelope.helo, "far.example");
});

test("attack 9: who is not authorised cannot say who the client is", {
  config: { xforward: ["192.0.2.0/24"], xclient: ["192.0.2.0/24"] },
}, async (h) => {
  const client = await h.connect();
  assert.doesNotMatch(await client.say("EHLO c"), /XFORWARD|XCLIENT/);
  assert.match(await client.say("XCLIENT ADDR=192.0.2.1"), /^550/);
  assert.match(await client.say("XFORWARD ADDR=192.0.2.1"), /^550/);
  assert.match(await client.say("PROXY TCP4 192.0.2.1 192.0.2.2 1 25"), /^500/); // attack 10: never taken unasked
});

test("attack 2: nothing with a bare CR or LF goes out", {}, async (h) => {
  const client = await h.connect();
  await client.say("EHLO c");
  const hostile = "a: b\nc: d\re\r\n\r\nx\n.\ny\r.\rz\r\r\n.\r\r\n\n";
  assert.match(last(await client.send("a@b.example", ["b@example.org"], hostile + "\r\n")), /^250/);
  assert.equal(h.hop.transactions.length, 1);
  assert.ok(!hasBareLineEnd(Uint8Array.from(h.hop.transactions[0]!.data, (c) => c.charCodeAt(0))));
});

test("cancels the scan when the client goes away, and delivers nothing", {}, async (h) => {
  let scanning = false;
  let cancelled = false;
  h.ports.scanning = (_message, signal) =>
    new Promise((resolve) => {
      scanning = true;
      signal!.addEventListener("abort", () => {
        cancelled = true;
        resolve();
      });
    });
  const client = await h.connect();
  await client.say("EHLO c");
  await client.say("MAIL FROM:<a@b.example>");
  await client.say("RCPT TO:<b@example.org>");
  await client.say("DATA");
  await client.write(`${MAIL}.\r\n`);
  await until("the scan", () => scanning);
  client.close();
  await until("its end", () => cancelled);
  await until("the session's end", () => h.agent.status()["sessions"] === 0);
  assert.equal(h.hop.delivered.length, 0);
  assert.equal(h.ports.held, 0);
});

test("answers 421 past its sessions and 452 when the node is full", {
  config: { limits: { sessions: 3, sessionsPerClient: 2 } },
}, async (h) => {
  const client = await h.connect();
  await h.connect();
  assert.match((await h.connect()).banner, /^421 4\.7\.0/);
  await client.say("EHLO c");
  h.ports.room = 1000;
  assert.match(last(await client.send("a@b.example", ["b@example.org"], MAIL)), /^452 4\.3\.1/);
  await client.say("RSET");
  h.ports.room = 400_000; // enough to begin, not to end
  assert.match(
    last(
      await client.send("a@b.example", ["b@example.org"], `${"x".repeat(70)}\r\n`.repeat(20_000)),
    ),
    /^452 4\.3\.1/,
  );
  h.ports.room = Infinity;
  assert.match(last(await client.send("a@b.example", ["b@example.org"], MAIL)), /^250/);
  assert.equal(h.ports.held, 0);
});

test("refuses a message larger than its limit and goes on", {
  config: { limits: { messageSize: "1KB" } },
}, async (h) => {
  const client = await h.connect();
  assert.match(await client.say("EHLO c"), /SIZE 1024/);
  assert.match(
    last(await client.send("a@b.example", ["b@example.org"], "x\r\n".repeat(400))),
    /^552 5\.3\.4/,
  );
  assert.match(last(await client.send("a@b.example", ["b@example.org"], MAIL)), /^250/);
  assert.equal(h.hop.delivered.length, 1);
});

test("ends: idle sessions hear 421, a message in flight is finished", {}, async (h) => {
  const idle = await h.connect();
  const halfway = await h.connect();
  await halfway.say("EHLO c");
  await halfway.say("MAIL FROM:<>");
  const client = await h.connect();
  await client.say("EHLO c");
  let go = () => {};
  const scanned = new Promise<void>((resolve) => {
    h.ports.scanning = () =>
      new Promise((done) => {
        go = done;
        resolve();
      });
  });
  const sent = client.send("a@b.example", ["b@example.org"], MAIL);
  await scanned;
  const drained = h.agent.drain();
  assert.match(await idle.reply(), /^421 4\.3\.2/);
  assert.match(await halfway.reply(), /^421 4\.3\.2/);
  go();
  assert.match(last(await sent), /^250/);
  assert.match(await client.reply(), /^421 4\.3\.2/);
  await drained;
});

test(
  "ends a session that is silent for too long",
  { config: { limits: { commandTime: "50ms" } } },
  async (h) => {
    const client = await h.connect();
    assert.equal(await client.reply(), "");
  },
);

test(
  "delivers to a Maildir through the daemon",
  { config: { nextHop: "maildir:/var/mail/x" } },
  async (h) => {
    const client = await h.connect();
    assert.doesNotMatch(await client.say("EHLO c"), /DSN/);
    assert.match(
      last(await client.send("a@b.example", ["b@example.org"], stuffed(MAIL))),
      /^250 2\.0\.0 Ok id=/,
    );
    assert.deepEqual(h.ports.maildir.map(({ path, message }) => [path, message]), [[
      "/var/mail/x",
      MAIL,
    ]]);
  },
);

test("takes new settings without dropping sessions", {}, async (h) => {
  const client = await h.connect();
  const config = { agent: "smtp", listen: "127.0.0.1:0" };
  assert.equal(h.agent.reconfigure!({ ...config, nextHop: "smtp://127.0.0.1:9" }), false);
  assert.match(await client.say("EHLO c"), /^250/);
});

test("answers an LMTP chunk that is too large once, and the last one for each recipient", {
  config: { limits: { messageSize: "2KB" } },
  hop: { end: () => ["451 4.2.0 Not now"] },
}, async (h) => {
  const client = await h.connect();
  await client.say("LHLO c");
  const open = async () => {
    for (const line of ["MAIL FROM:<a@b.example>", "RCPT TO:<b@x.test>", "RCPT TO:<c@x.test>"]) {
      assert.match(await client.say(line), /^250/);
    }
  };
  await open();
  await client.write(`BDAT 4096\r\n${"x".repeat(4096)}`);
  assert.match(await client.reply(), /^552/);
  assert.match(await client.say("RSET"), /^250 2\.0\.0/);
  await open();
  await client.write(`BDAT 4096 LAST\r\n${"x".repeat(4096)}`);
  for (const _ of Array(2)) assert.match(await client.reply(), /^552/);
  await open();
  await client.write("BDAT 10 LAST\r\nA: b\r\n\r\nx\r");
  for (const _ of Array(2)) assert.match(await client.reply(), /^451/);
  assert.match(await client.say("NOOP"), /^250 2\.0\.0/);
});

test("does not wait for ever for a client that reads no replies", {
  config: { limits: { commandTime: "1s", dataTime: "1s" } },
}, async (h) => {
  const client = await h.connect();
  const mail = `MAIL FROM:<a@b.example>\r\nRCPT TO:<b@x.test>\r\nDATA\r\n${stuffed(MAIL)}.\r\n`;
  const octets = new TextEncoder().encode(("EHLO c\r\n".repeat(400) + mail).repeat(10));
  const writing = (async () => {
    for (;;) await client.conn.write(octets);
  })().catch(() => {});
  await until("the session to end", () => h.agent.status()["sessions"] === 0);
  await writing;
});

test("counts no recipient who is to come apart as an error", {
  config: { mode: "before-queue" },
  policy: {
    groups: { y: { recipients: ["@y.test"], settings: { marks: { header: "never" } } } },
  },
}, async (h) => {
  const client = await h.connect();
  await client.say("EHLO c");
  await client.say("MAIL FROM:<a@b.example>");
  assert.match(await client.say("RCPT TO:<one@x.test>"), /^250/);
  for (let i = 0; i < 150; i++) {
    assert.match(await client.say(`RCPT TO:<u${i}@y.test>`), /^452 4\.5\.3/);
  }
  assert.match(await client.say("DATA"), /^354/);
});

test("tells of a sender that the next hop refuses and closes upon", {
  hop: { answer: (line) => line.startsWith("RCPT") ? "close" : undefined },
}, async (h) => {
  const { script } = h.hop;
  const client = await h.connect();
  await client.say("EHLO c");
  h.hop.script = {
    ...script,
    answer: (line) =>
      line.startsWith("MAIL") ? "550 5.7.1 Not you" : line.startsWith("RCPT") ? "close" : undefined,
  };
  await client.say("MAIL FROM:<a@b.example>");
  assert.equal(await client.say("RCPT TO:<b@x.test>"), "550 5.7.1 Not you");
  h.hop.script = script;
  await client.say("RSET");
  await client.say("MAIL FROM:<a@b.example>");
  assert.match(await client.say("RCPT TO:<b@x.test>"), /^451/);
});

test("takes no reply that came too early for the answer to a message", {
  hop: {
    features: ["PIPELINING", "CHUNKING"],
    answer: (line) =>
      line.startsWith("RCPT")
        ? "250 2.1.5 Ok\r\n250 2.1.5 Ok"
        : line.startsWith("BDAT")
        ? "close"
        : undefined,
  },
}, async (h) => {
  const client = await h.connect();
  await client.say("EHLO c");
  const replies = await client.send("a@b.example", ["b@x.test"], MAIL);
  assert.match(last(replies), /^451/);
});

test("asks for SMTPUTF8 where mail is redirected to one who needs it", {
  policy: {
    rules: [{
      when: { status: "infected" },
      then: { action: "redirect", redirect: "j\u00f6@x.test" },
    }],
  },
  hop: { features: ["PIPELINING", "SMTPUTF8"] },
}, async (h) => {
  const client = await h.connect();
  await client.say("EHLO c");
  assert.match(last(await client.send("a@b.example", ["b@x.test"], `${MAIL}INFECTED\r\n`)), /^250/);
  const [{ commands }] = h.hop.transactions.filter(({ data }) => data !== "") as [
    typeof h.hop.transactions[number],
  ];
  assert.match(commands.join("\n"), /^MAIL FROM:<a@b\.example>.* SMTPUTF8$/m);
});

test("forgets with EHLO whom XFORWARD has named", {
  config: { xforward: ["127.0.0.0/8"] },
}, async (h) => {
  const client = await h.connect();
  await client.say("EHLO c");
  await client.say("XFORWARD ADDR=192.0.2.1");
  await client.say("EHLO c");
  await client.send("a@b.example", ["b@x.test"], MAIL);
  assert.equal(h.ports.records.at(-1)!.envelope.client, "127.0.0.1");
});
