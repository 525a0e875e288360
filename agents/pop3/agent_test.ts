import assert from "node:assert/strict";
import { Pop3Harness } from "./testing/harness.ts";

const CLEAN = "From: a@example.org\r\nSubject: one\r\n\r\nfirst\r\n..dots\r\n.\r\nlast\r\n";
const INFECTED =
  "Return-Path: <Evil@Example.NET>\r\nFrom: b@example.org\r\nSubject: two\r\n\r\nINFECTED\r\nsecond line\r\n";
const ENCRYPTED = "From: c@example.org\r\nSubject: three\r\n\r\nENCRYPTED\r\n";
const MAILS = [CLEAN, INFECTED, ENCRYPTED];

function test(name: string, run: () => Promise<void>): void {
  Deno.test(`POP3 ${name}`, run);
}

test("hands out clean mail as it is, dots and all", async () => {
  await using h = await Pop3Harness.start({ server: { messages: MAILS } });
  const client = await h.connect();
  assert.equal(client.greeting, "+OK fake <1.2@fake.example>");
  assert.equal(await client.ask("USER bob"), "+OK");
  assert.equal(await client.ask("PASS secret"), "+OK in");
  assert.equal(await client.ask("STAT"), `+OK 3 ${MAILS.join("").length}`);
  const { status, text } = await client.fetch("RETR 1");
  assert.equal(status, `+OK ${CLEAN.length} octets`);
  assert.equal(text, CLEAN);
  assert.equal(await client.ask("QUIT"), "+OK bye");
  assert.ok(await client.closed());
  assert.equal(h.ports.held, 0);
  const [record] = h.ports.records;
  assert.equal(record!.agent, "pop3");
  assert.equal(record!.direction, "inbound");
  assert.deepEqual(record!.envelope.recipients, ["bob"]);
  assert.equal(record!.envelope.sender, "a@example.org");
  assert.equal(record!.envelope.user, "bob");
  assert.equal(record!.envelope.protocol, "POP3");
});

test("has every message with an odd begin or end come out as the server sent it", async () => {
  const odd = [
    "",
    "\r\n",
    ".\r\n",
    "..\r\n",
    "...\r\n.\r\n\r\n.\r\n",
    "A: b\r\n\r\n.",
    "A: b\r\n\r\nno end",
    "A: b\r\n\r\n\r.\r\n\r\r\n",
    `A: b\r\n\r\n${"x".repeat(200_000)}\r\n.${"y".repeat(70_000)}\r\n`,
  ];
  await using h = await Pop3Harness.start({ server: { messages: odd } });
  const client = await h.login();
  for (const [i, message] of odd.entries()) {
    const whole = message === "" || message.endsWith("\r\n") ? message : `${message}\r\n`;
    const { status, text } = await client.fetch(`RETR ${i + 1}`);
    assert.equal(status, `+OK ${whole.length} octets`);
    assert.equal(text, whole, `message ${i + 1}`);
  }
});

test("attack 27: an LF that a server lets through alone ends no line that was not scanned as one", async () => {
  const message = "A: b\r\n\r\nbefore\n.\n+OK forged\r\nafter\r\n";
  await using h = await Pop3Harness.start({ server: { messages: [message] } });
  const client = await h.login();
  await client.write("RETR 1\r\n");
  assert.match(await client.line(), /^\+OK/);
  const lines: string[] = [];
  for (let line = await client.line(); line !== "."; line = await client.line()) lines.push(line);
  assert.deepEqual(lines, ["A: b", "", "before", "..", "+OK forged", "after"]);
});

test("attack 25: puts a notice in the place of an infected message, by RETR and by TOP", async () => {
  await using h = await Pop3Harness.start({
    server: { messages: MAILS },
    policy: { settings: { antivirus: { infected: "reject" } } },
  });
  const client = await h.login();
  const top = await client.fetch("TOP 2 100");
  assert.match(top.text, /The content of this message was removed/);
  assert.doesNotMatch(top.text, /INFECTED|second line/);
  const retr = await client.fetch("RETR 2");
  assert.equal(retr.text, top.text);
  assert.match(retr.text, /Test-Signature/);
  assert.match(retr.text, /^X-Postern-Status: infected\r\n/);
  const short = await client.fetch("TOP 2 0");
  assert.ok(retr.text.startsWith(short.text) && short.text.endsWith("\r\n\r\n"));
  assert.deepEqual(h.server.heard.filter((each) => each.startsWith("RETR")).length, 2);
  assert.equal(h.ports.records[0]!.envelope.sender, "Evil@example.net");
});

test("attack 25: sizes in LIST and STAT are those of what is delivered, once it was fetched", async () => {
  await using h = await Pop3Harness.start({
    server: { messages: MAILS, listed: (message) => message.length + 7 }, // a server that counts otherwise
    policy: { settings: { antivirus: { infected: "reject" } } },
  });
  const client = await h.login();
  assert.equal(await client.ask("LIST 2"), `+OK 2 ${INFECTED.length + 7}`);
  const { text } = await client.fetch("RETR 2");
  await client.fetch("RETR 1");
  assert.equal(await client.ask("LIST 2"), `+OK 2 ${text.length}`);
  const listed = await client.fetch("LIST");
  const sizes = [CLEAN.length, text.length, ENCRYPTED.length + 7];
  assert.equal(listed.text, sizes.map((size, i) => `${i + 1} ${size}\r\n`).join(""));
  const sum = (of: readonly number[]) => of.reduce((a, b) => a + b, 0);
  assert.equal(await client.ask("STAT"), `+OK 3 ${sum(sizes)}`);
  await client.ask("DELE 2");
  assert.equal(await client.ask("STAT"), `+OK 2 ${sum(sizes) - text.length}`);
  await client.ask("RSET");
  assert.equal(await client.ask("STAT"), `+OK 3 ${sum(sizes)}`);
});

test("STAT without a LIST before it asks the server for the sizes that it needs", async () => {
  await using h = await Pop3Harness.start({
    server: { messages: MAILS },
    policy: { settings: { antivirus: { infected: "reject" } } },
  });
  const client = await h.login();
  const { text } = await client.fetch("RETR 2");
  const sum = CLEAN.length + text.length + ENCRYPTED.length;
  assert.equal(await client.ask("STAT"), `+OK 3 ${sum}`);
});

for (
  const [action, expected] of [
    ["reject", /^\+OK/],
    ["quarantine", /^\+OK/],
    ["discard", /^-ERR \[SYS\/PERM\] Message is withheld$/],
    ["defer", /^-ERR \[SYS\/TEMP\] /],
    ["accept", /^\+OK/],
  ] as const
) {
  test(`infected: ${action} is answered as the page says`, async () => {
    await using h = await Pop3Harness.start({
      server: { messages: MAILS },
      policy: { settings: { antivirus: { infected: action } } },
    });
    const client = await h.login();
    for (const command of ["TOP 2 5", "RETR 2"]) {
      const { status, text } = await client.fetch(command);
      assert.match(status, expected);
      assert.equal(text.includes("INFECTED\r\n"), action === "accept");
    }
    assert.equal(h.ports.kept.length, action === "quarantine" ? 1 : 0);
  });
}

test("what was not scanned is had later, by default, and again when it is asked for again", async () => {
  await using h = await Pop3Harness.start({ server: { messages: MAILS } });
  const client = await h.login();
  assert.match(await client.ask("RETR 3"), /^-ERR \[SYS\/TEMP\] /);
  assert.match(await client.ask("RETR 3"), /^-ERR \[SYS\/TEMP\] /);
  assert.equal(h.server.heard.filter((each) => each === "RETR 3").length, 2);
});

test("keeps the copy before the client sees the notice, and one copy however often it is fetched", async () => {
  await using h = await Pop3Harness.start({
    server: { messages: MAILS },
    policy: { settings: { antivirus: { infected: "quarantine" } } },
  });
  for (let i = 0; i < 3; i++) {
    const client = await h.login();
    const { text } = await client.fetch("RETR 2");
    assert.match(text, /kept in quarantine. Its number: kept1/);
    await client.ask("QUIT");
  }
  assert.equal(h.ports.kept.length, 1);
});

test("a copy that cannot be kept defers the message", async () => {
  await using h = await Pop3Harness.start({
    server: { messages: MAILS },
    policy: { settings: { antivirus: { infected: "quarantine" } } },
  });
  h.ports.full = true;
  const client = await h.login();
  assert.match(await client.ask("RETR 2"), /^-ERR \[SYS\/TEMP\] /);
  h.ports.full = false;
  assert.match(await client.ask("RETR 2"), /^\+OK/);
});

test("does not fetch a message twice for a TOP and the RETR behind it, and forgets it then", async () => {
  await using h = await Pop3Harness.start({ server: { messages: MAILS } });
  const client = await h.login();
  assert.equal(
    (await client.fetch("TOP 1 1")).text,
    CLEAN.split("\r\n").slice(0, 4).join("\r\n") + "\r\n",
  );
  assert.equal(
    (await client.fetch("TOP 1 0")).text,
    CLEAN.split("\r\n").slice(0, 3).join("\r\n") + "\r\n",
  );
  assert.equal((await client.fetch("TOP 1 4000000000")).text, CLEAN);
  assert.equal(h.agent.status()["cachedOctets"], CLEAN.length);
  assert.equal((await client.fetch("RETR 1")).text, CLEAN);
  assert.equal(h.server.heard.filter((each) => each.startsWith("RETR")).length, 1);
  assert.equal(h.server.heard.filter((each) => each.startsWith("TOP")).length, 0);
  assert.equal(h.agent.status()["cachedOctets"], 0);
  assert.equal(h.ports.held, 0);
});

test("the cache is bounded, and ends with its session", async () => {
  const messages = Array.from({ length: 10 }, (_, i) => `A: ${i}\r\n\r\n${"x".repeat(400)}\r\n`);
  await using h = await Pop3Harness.start({
    server: { messages },
    config: { limits: { cache: "2KB" } },
  });
  const client = await h.login();
  for (let i = 1; i <= 10; i++) await client.fetch(`TOP ${i} 0`);
  assert.ok(h.agent.status()["cachedOctets"]! <= 2048);
  assert.equal((await client.fetch("RETR 10")).text, messages[9]); // the newest are there
  assert.equal(h.server.heard.filter((each) => each === "RETR 10").length, 1);
  assert.equal((await client.fetch("RETR 1")).text, messages[0]); // the oldest were dropped
  assert.equal(h.server.heard.filter((each) => each === "RETR 1").length, 2);
  await client.ask("QUIT");
  assert.ok(await client.closed());
  assert.equal(h.agent.status()["cachedOctets"], 0);
  assert.equal(h.ports.held, 0);
});

test("a deleted message is not had from the cache", async () => {
  await using h = await Pop3Harness.start({ server: { messages: MAILS } });
  const client = await h.login();
  await client.fetch("TOP 1 0");
  assert.equal(await client.ask("DELE 1"), "+OK");
  assert.match(await client.ask("RETR 1"), /^-ERR/);
  assert.match(await client.ask("TOP 1 0"), /^-ERR/);
  assert.equal(await client.ask("RSET"), "+OK");
  assert.equal((await client.fetch("RETR 1")).text, CLEAN);
});

test("deletes what the client says, when it says QUIT, and nothing without", async () => {
  await using h = await Pop3Harness.start({ server: { messages: MAILS } });
  const gone = await h.login();
  await gone.ask("DELE 1");
  gone.close();
  const client = await h.login();
  while (h.server.open > 1) await new Promise((wake) => setTimeout(wake, 5));
  assert.deepEqual(h.server.deleted, []);
  await client.ask("DELE 2");
  await client.ask("QUIT");
  assert.deepEqual(h.server.deleted, [2]);
});

test("a client that goes away while its message is scanned: the scan is cancelled, nothing is deleted", async () => {
  await using h = await Pop3Harness.start({ server: { messages: MAILS } });
  const client = await h.login();
  await client.ask("DELE 3");
  const cancelled = new Promise<void>((resolve) => {
    h.ports.scanning = (_message, signal) =>
      new Promise((done) => {
        client.close();
        signal!.addEventListener("abort", () => {
          resolve();
          done();
        });
      });
  });
  await client.write("RETR 1\r\n");
  await cancelled;
  while (h.server.open > 0) await new Promise((wake) => setTimeout(wake, 5));
  assert.deepEqual(h.server.deleted, []);
  assert.equal(h.ports.held, 0);
});

test("takes pipelined commands in order", async () => {
  await using h = await Pop3Harness.start({ server: { messages: MAILS } });
  const client = await h.connect();
  await client.write(
    "USER bob\r\nPASS secret\r\nSTAT\r\nRETR 1\r\nTOP 1 0\r\nDELE 1\r\nNOOP\r\nQUIT\r\n",
  );
  assert.equal(await client.line(), "+OK");
  assert.equal(await client.line(), "+OK in");
  assert.match(await client.line(), /^\+OK 3 /);
  assert.match(await client.line(), /octets$/);
  assert.equal((await client.rest()).length, CLEAN.split("\r\n").length - 1);
  assert.match(await client.line(), /octets$/);
  await client.rest();
  for (const expected of ["+OK", "+OK", "+OK bye"]) assert.equal(await client.line(), expected);
  assert.ok(await client.closed());
  assert.deepEqual(h.server.deleted, [1]);
});

test("answers every command that it knows, and no other", async () => {
  await using h = await Pop3Harness.start({ server: { messages: MAILS } });
  const client = await h.login();
  assert.equal(await client.ask("UIDL 2"), "+OK 2 uid2");
  assert.equal((await client.fetch("UIDL")).text, "1 uid1\r\n2 uid2\r\n3 uid3\r\n");
  assert.equal(await client.ask("noop"), "+OK");
  assert.equal((await client.fetch("LANG")).text, "en English\r\n");
  assert.equal(await client.ask("LANG en"), "+OK en");
  for (
    const command of [
      "XTND XMIT",
      "LAST",
      "RETR",
      "RETR -1",
      "RETR 1 2",
      "RETR 9",
      "TOP 1",
      "TOP 1 -1",
      "TOP 1 1 1",
      "STAT 1",
      "LIST x",
      "DELE",
      "USER again",
      "STLS",
      "",
      "RE\0TR 1",
    ]
  ) assert.match(await client.ask(command), /^-ERR /, command);
  assert.ok(h.server.heard.every((each) => !/XTND|LAST|TOP/.test(each)));
});

test("a server that deletes what was fetched gets no RETR for a TOP", async () => {
  await using h = await Pop3Harness.start({
    server: { messages: MAILS, capabilities: ["TOP", "EXPIRE 0", "UIDL"] },
  });
  const client = await h.login();
  assert.doesNotMatch((await client.fetch("CAPA")).text, /^TOP/m);
  assert.match(await client.ask("TOP 1 0"), /^-ERR/);
  assert.ok(!h.server.heard.includes("RETR 1"));
  assert.equal((await client.fetch("RETR 1")).text, CLEAN);
});

test("a message over the limit is not handed out, and the session goes on", async () => {
  const large = `A: b\r\n\r\n${`${"x".repeat(98)}\r\n`.repeat(2000)}`;
  await using h = await Pop3Harness.start({
    server: { messages: [large, CLEAN] },
    config: { limits: { messageSize: "100KB" } },
  });
  const client = await h.login();
  assert.match(await client.ask("RETR 1"), /^-ERR \[SYS\/PERM\] Message is too large/);
  assert.equal((await client.fetch("RETR 2")).text, CLEAN);
  h.ports.room = 0;
  assert.match(await client.ask("RETR 2"), /^-ERR \[SYS\/TEMP\] Too much mail at once/);
  h.ports.room = Infinity;
  assert.equal((await client.fetch("RETR 2")).text, CLEAN);
  assert.equal(h.ports.held, 0);
});

test("the policy's word on the client, and on the user once there is one", async () => {
  await using refused = await Pop3Harness.start({
    policy: { rules: [{ when: { client: "127.0.0.1" }, then: { action: "reject" } }] },
  });
  const client = await refused.connect();
  assert.match(client.greeting, /^-ERR \[SYS\/PERM\] /);
  assert.ok(await client.closed());
  assert.equal(refused.server.sessions, 0);
  assert.equal(refused.ports.records[0]!.status, "refused");

  await using h = await Pop3Harness.start({
    server: { messages: MAILS },
    policy: { rules: [{ when: { user: "bob" }, then: { action: "defer" } }] },
  });
  const bob = await h.connect();
  await bob.ask("USER bob");
  assert.match(await bob.ask("PASS secret"), /^-ERR \[SYS\/TEMP\] /);
  assert.ok(await bob.closed());
  const alice = await h.connect();
  await alice.ask("USER alice");
  assert.equal(await alice.ask("PASS secret"), "+OK in");
});

test("recipients are the users' addresses", async () => {
  await using h = await Pop3Harness.start({
    server: { messages: [CLEAN] },
    config: { domain: "Example.ORG" },
    policy: {
      rules: [{
        when: { recipient: "bob@example.org" },
        then: { action: "quarantine" },
      }],
    },
  });
  for (
    const [user, kept] of [["bob", 1], ["alice", 1], ["bob@EXAMPLE.org", 1], [
      "bob@other.example",
      1,
    ]] as const
  ) {
    const client = await h.connect();
    await client.ask(`USER ${user}`);
    await client.ask("PASS secret");
    await client.fetch("RETR 1");
    await client.ask("QUIT");
    assert.equal(h.ports.kept.length, kept);
  }
  assert.deepEqual(h.ports.records.map((each) => each.envelope.recipients[0]), [
    "bob@example.org",
    "alice@example.org",
    "bob@example.org",
    "bob@other.example",
  ]);
});

test("takes over new settings where it can", async () => {
  await using h = await Pop3Harness.start({ server: { messages: MAILS } });
  const { agent, config } = h;
  assert.ok(agent.reconfigure!({ ...config, domain: "example.com" }));
  assert.ok(!agent.reconfigure!({ ...config, server: "pop3://127.0.0.1:1" }));
  const client = await h.login();
  await client.fetch("RETR 1");
  assert.deepEqual(h.ports.records[0]!.envelope.recipients, ["bob@example.com"]);
});

test("drains: a session that waits is closed soon, one that works comes to its QUIT", async () => {
  await using h = await Pop3Harness.start({ server: { messages: MAILS } });
  const early = await h.connect();
  const idle = await h.login();
  const busy = await h.login();
  const working = new Promise<void>((resolve) => {
    h.ports.scanning = async () => {
      resolve();
      await new Promise((wake) => setTimeout(wake, 50));
    };
  });
  await busy.write("RETR 1\r\n");
  await working;
  const drained = h.agent.drain();
  assert.match(await busy.line(), /^\+OK/);
  await busy.rest();
  assert.equal(await busy.ask("DELE 1"), "+OK");
  assert.equal(await busy.ask("QUIT"), "+OK bye");
  assert.deepEqual(h.server.deleted, [1]);
  assert.ok(await early.closed());
  assert.ok(await idle.closed());
  await drained;
  assert.equal(h.agent.status()["sessions"], 0);
});
