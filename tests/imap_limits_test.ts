/** What an IMAP agent does where something goes wrong: servers and clients that go, messages that wait, limits. */
import assert from "node:assert/strict";
import { compilePolicy } from "../policy/compile.ts";
import { imapAgentSchema } from "../policy/imap_config.ts";
import { BAD, bench, CLEAN } from "./imap_bench.ts";
import { fetchedText, ImapClient } from "./peers/imap_client.ts";
import { until } from "./wait.ts";

Deno.test("a server that goes is told of, and one that cannot be reached, too", async () => {
  await using b = await bench({ answer: ({ name }) => name === "NOOP" ? null : undefined });
  await using client = await ImapClient.login(b.port, "bob");
  await client.write("x NOOP\r\n");
  assert.match(await client.response(), /^\* BYE/);
  await b.server[Symbol.asyncDispose]();
  await using other = await ImapClient.connect(b.port);
  assert.match(other.greeting, /^\* BYE \[UNAVAILABLE\]/);
});

Deno.test("a server that breaks off within a message leaves nothing held", async () => {
  let tag = "";
  await using b = await bench({
    messages: [CLEAN],
    answer: (command) => {
      if (!command.text.includes("BODY.PEEK[]")) return undefined;
      tag = command.tag;
      return "* 1 FETCH (UID 101 BODY[] {1000}\r\nSubject: never";
    },
  });
  await using client = await ImapClient.login(b.port, "bob", "INBOX");
  await client.write("x FETCH 1 BODY[]\r\n");
  await until("the server to be asked", () => tag !== "");
  assert.equal(b.ports.held, 1000);
  await b.server[Symbol.asyncDispose]();
  assert.match(await client.response(), /^\* BYE/);
  await until("the session to end", () => b.agent.status()["sessions"] === 0);
  assert.equal(b.ports.held, 0);
});

Deno.test("a client that goes while its message is scanned ends the scan", async () => {
  await using b = await bench({ messages: [CLEAN] });
  let aborted = false;
  let scanning = false;
  b.ports.scanning = (_, signal) =>
    new Promise<void>((resolve) => {
      scanning = true;
      signal?.addEventListener("abort", () => {
        aborted = true;
        resolve();
      });
    });
  const client = await ImapClient.login(b.port, "bob", "INBOX");
  await client.write("x FETCH 1 BODY[]\r\n");
  await until("the scan", () => scanning);
  client.close();
  await until("the scan to be given up", () => aborted);
  await until("the session to end", () => b.agent.status()["sessions"] === 0);
});

Deno.test("a message that waits is NO for its command, and the others come", async () => {
  const policy = { settings: { antivirus: { infected: "defer" } } };
  await using b = await bench({ messages: [CLEAN, BAD, CLEAN] }, { policy });
  await using client = await ImapClient.login(b.port, "bob", "INBOX");
  for (let i = 0; i < 2; i++) {
    const { status, text, untagged } = await client.command("FETCH 1:3 (UID BODY.PEEK[])");
    assert.equal(status, "NO");
    assert.match(text, /^\[UNAVAILABLE\]/);
    assert.deepEqual(untagged.map((each) => each.slice(0, 18)), [
      "* 1 FETCH (UID 101",
      "* 3 FETCH (UID 103",
    ]);
  }
  assert.equal(b.ports.records.length, 4); // what waits is looked at again each time
  await using noticed = await bench({ messages: [BAD] }, {
    policy,
    config: { deferred: "notice" },
  });
  await using reader = await ImapClient.login(noticed.port, "bob", "INBOX");
  const { untagged } = await reader.ok("FETCH 1 (BODY.PEEK[])");
  assert.match(untagged[0]!, /waits to be checked/);
});

Deno.test("lists show what the server has until a message is scanned, and then what was made of it", async () => {
  const messages = Array.from({ length: 12 }, (_, i) => i === 3 ? BAD : CLEAN);
  await using b = await bench({ messages });
  await using client = await ImapClient.login(b.port, "bob", "INBOX");
  await client.ok("FETCH 1:12 (RFC822.SIZE ENVELOPE)");
  assert.equal(b.ports.records.length, 0);
  await client.ok("FETCH 3:4 (RFC822.SIZE)"); // no list
  assert.equal(b.ports.records.length, 2);
  const size = async (set: string) =>
    (await client.ok(`FETCH ${set} (RFC822.SIZE)`)).untagged.find((each) =>
      each.startsWith("* 4 ")
    );
  assert.equal(await size("1:12"), await size("4"));
  await using strict = await bench({ messages }, { config: { overview: "scan" } });
  await using other = await ImapClient.login(strict.port, "bob", "INBOX");
  await other.ok("FETCH 1:* (ENVELOPE)");
  assert.equal(strict.ports.records.length, 12);
});

Deno.test("the policy may refuse a client when it connects, and a user who has logged in", async () => {
  const policy = {
    rules: [
      { name: "not eve", when: { user: "eve" }, then: { action: "reject" } },
      { name: "not now", when: { user: "kate" }, then: { action: "defer" } },
    ],
  };
  await using b = await bench({ messages: [BAD] }, { policy });
  for (const [user, want] of [["eve", /AUTHORIZATIONFAILED/], ["kate", /UNAVAILABLE/]] as const) {
    await using client = await ImapClient.connect(b.port);
    const { status, text } = await client.command(`LOGIN ${user} x`);
    assert.equal(status, "NO");
    assert.match(text, want);
    assert.match(await client.response(), /^\* BYE/);
  }
  await using client = await ImapClient.login(b.port, "bob", "INBOX");
  await client.ok("NOOP");
  assert.equal(b.ports.records.length, 2);
  await using closed = await bench({}, {
    policy: {
      rules: [{ name: "nobody", when: { client: "127.0.0.0/8" }, then: { action: "reject" } }],
    },
  });
  await using other = await ImapClient.connect(closed.port);
  assert.match(other.greeting, /^\* BYE /);
  assert.equal(closed.server.sessions, 0);
});

Deno.test("a client that is silent, or does not log in, is told so and closed", async () => {
  await using b = await bench({}, {
    config: { limits: { loginTime: "200ms", idleTime: "300ms" } },
  });
  await using client = await ImapClient.connect(b.port);
  assert.match(await client.response(), /^\* BYE Autologout/);
  await using idle = await ImapClient.login(b.port, "bob");
  await idle.write("i IDLE\r\n");
  await idle.response();
  assert.match(await idle.response(), /^\* BYE Autologout/);
});

Deno.test("a client that drips octets of a line or of a literal is closed in time", async () => {
  const limits = { loginTime: "500ms", idleTime: "500ms", uploadTime: "500ms" };
  await using b = await bench({}, { config: { limits } });
  const begins = ["a NOO", "a LOGIN {1000+}\r\n", "a APPEND x {100000+}\r\n"];
  for (const begin of begins) {
    await using client = begin.includes("APPEND")
      ? await ImapClient.login(b.port, "bob")
      : await ImapClient.connect(b.port);
    await client.write(begin);
    let closed = false;
    const told = client.response().finally(() => closed = true);
    const began = performance.now();
    while (!closed) {
      assert.ok(performance.now() - began < 60_000, `${begin} is still open`);
      await client.write("x").catch(() => {});
      await new Promise((wake) => setTimeout(wake, 20));
    }
    assert.match(await told, /^\* BYE Autologout/);
  }
  await until("all sessions to end", () => b.agent.status()["sessions"] === 0);
  assert.equal(b.ports.held, 0);
});

Deno.test("lines, literals, tags and mistakes have their bounds", async () => {
  await using b = await bench({}, { config: { limits: { messageSize: "1KB" } } });
  await using long = await ImapClient.connect(b.port);
  await long.write("a".repeat(40_000));
  assert.match(await long.response(), /^\* BYE Line is too long/);
  await using early = await ImapClient.connect(b.port);
  await early.write("a LOGIN bob {9000+}\r\n" + "x".repeat(9000) + "\r\nb NOOP\r\n");
  assert.match(await early.response(), /^a BAD/);
  assert.equal((await early.answer("b")).status, "OK");
  await early.write(`a APPEND INBOX {1000000000}\r\n`);
  assert.match(await early.response(), /^a BAD Log in first/);
  await using large = await ImapClient.login(b.port, "bob");
  assert.match((await large.command(`APPEND x {2000+}\r\n${"y".repeat(2000)}`)).text, /TOOBIG/);
  await large.write("a APPEND x {2000}\r\n");
  assert.match(await large.response(), /^a NO \[TOOBIG\]/);
  await large.ok("NOOP");
  await large.write("a APPEND x {99999999+}\r\n");
  assert.match(await large.response(), /^a NO \[TOOBIG\]/);
  assert.match(await large.response(), /^\* BYE/);
  await using wrong = await ImapClient.connect(b.port);
  let text = "";
  for (let i = 0; !text.startsWith("* BYE"); i++) {
    assert.ok(i < 100);
    await wrong.write("what\r\n");
    text = await wrong.response();
  }
});

Deno.test("other settings are taken over without dropping a session, other addresses are not", async () => {
  await using b = await bench({ messages: [CLEAN, BAD] });
  await using client = await ImapClient.login(b.port, "bob", "INBOX");
  const config = imapAgentSchema.parse({
    agent: "imap",
    listen: "127.0.0.1:0",
    server: `imap://127.0.0.1:${b.server.port}`,
    overview: "scan",
    limits: { cache: "1MB", sessions: 5 },
  });
  const start = { ...config, hostname: "gate.test" };
  assert.equal(b.agent.reconfigure!(start), true);
  assert.equal(b.agent.reconfigure!({ ...start, server: "imap://127.0.0.1:1" }), false);
  await client.ok("FETCH 1:2 BODY.PEEK[]");
  // A policy that is put in force means another scan.
  b.ports.tree = compilePolicy({ settings: { antivirus: { infected: "accept" } } });
  assert.match((await client.ok("FETCH 2 BODY.PEEK[TEXT]")).untagged[0]!, /INFECTED/);
});

Deno.test("an agent that ends says so to who waits, and lets the others finish", async () => {
  let end = () => {};
  await using b = await bench({
    messages: [CLEAN],
    answer: ({ tag, name }) =>
      name === "EXPUNGE"
        ? new Promise<string>((resolve) => end = () => resolve(`${tag} OK expunged\r\n`))
        : undefined,
  });
  await using idle = await ImapClient.login(b.port, "bob", "INBOX");
  await using busy = await ImapClient.login(b.port, "kate", "INBOX");
  await idle.write("i IDLE\r\n");
  await busy.write("x EXPUNGE\r\n");
  await until("the server to be asked", () => b.server.heard.includes("EXPUNGE"));
  const drained = b.agent.drain();
  while (!(await idle.response()).startsWith("* BYE")) { /* the answer to IDLE */ }
  end();
  assert.equal((await busy.answer("x")).text, "expunged");
  assert.match(await busy.response(), /^\* BYE/);
  await drained;
});

Deno.test("a thousand sessions that idle leave room for one that works", async () => {
  await using b = await bench({
    answer: ({ name }) => name === "IDLE" ? "+ idling\r\n" : undefined,
  }, { config: { limits: { sessionsPerClient: 2000 } } });
  const clients: ImapClient[] = [];
  const before = Deno.memoryUsage();
  for (let i = 0; i < 1000; i++) {
    const client = await ImapClient.login(b.port, "bob", "INBOX");
    await client.write("i IDLE\r\n");
    await client.response();
    clients.push(client);
  }
  const after = Deno.memoryUsage();
  const each = (after.heapUsed + after.external - before.heapUsed - before.external) / 1000;
  console.log(`${Math.round(each / 1024)} KB a session, client and server of the test included`);
  assert.ok(each < 400_000);
  await using other = await ImapClient.login(b.port, "bob", "INBOX");
  await other.ok("NOOP"); // who works is served
  for (const client of clients) client.close();
  await until("all sessions to end", () => b.agent.status()["sessions"] === 1);
});

Deno.test("messages of no octets, of one, and of many are read as they are", async () => {
  const large = `Subject: large\r\n\r\n${"x".repeat(70)}\r\n`.padEnd(2_000_000, "line of text\r\n");
  const messages = ["", "x", "\r\n", "Subject: \0\r\n\r\n\xff\xfe", large];
  await using b = await bench({ messages });
  await using client = await ImapClient.login(b.port, "bob", "INBOX");
  for (const command of ["FETCH 1:5 (UID BODY.PEEK[])", "UID FETCH 101:105 (BODY.PEEK[])"]) {
    const { untagged } = await client.ok(command);
    assert.equal(untagged.length, messages.length);
    for (const [i, response] of untagged.entries()) {
      assert.equal(fetchedText(response, "BODY[]"), messages[i]!.replace("\0", "\x80"));
    }
  }
});
