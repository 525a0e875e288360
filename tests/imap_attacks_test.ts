/** Known attacks on what stands between IMAP clients and servers; the numbers are those of the list of attacks. */
import assert from "node:assert/strict";
import { startImapAgent } from "../agents/imap/agent.ts";
import type { ImapAgentStart } from "../agents/imap/context.ts";
import { parseListen } from "../agents/listener.ts";
import type { RunningAgent } from "../agents/ports.ts";
import { FakePorts } from "../agents/smtp/testing/fake_ports.ts";
import { CAPABILITIES, isOffered, WITHHELD } from "../agents/imap/capabilities.ts";
import { COMMANDS } from "../agents/imap/command_table.ts";
import { imapAgentSchema } from "../policy/imap_config.ts";
import { type FakeImapOptions, FakeImapServer } from "./peers/fake_imap_server.ts";
import { FETCH_FORMS } from "./imap_gate.ts";
import { ImapClient } from "./peers/imap_client.ts";
import { until } from "./wait.ts";

const CLEAN = "From: a@b.test\r\nSubject: one\r\n\r\nhello\r\n";
const BAD = "From: a@b.test\r\nSubject: two\r\n\r\nINFECTED\r\n";

interface Bench extends AsyncDisposable {
  readonly server: FakeImapServer;
  readonly ports: FakePorts;
  readonly agent: RunningAgent;
  readonly port: number;
}

async function bench(
  server: FakeImapOptions,
  options: {
    readonly config?: Record<string, unknown>;
    readonly policy?: unknown;
    readonly start?: Partial<ImapAgentStart>;
  } = {},
): Promise<Bench> {
  const fake = new FakeImapServer(server);
  const ports = new FakePorts(options.policy ?? {});
  const config = imapAgentSchema.parse({
    agent: "imap",
    listen: "127.0.0.1:0",
    server: `imap://127.0.0.1:${fake.port}`,
    ...options.config,
  });
  const agent = await startImapAgent({ ...config, hostname: "gate.test", ...options.start }, ports);
  return {
    server: fake,
    ports,
    agent,
    port: parseListen(agent.addresses[0]!).port,
    async [Symbol.asyncDispose]() {
      agent.close();
      await agent.drain();
      await fake[Symbol.asyncDispose]();
      const kept = agent.status()["cachedOctets"];
      assert.equal(
        ports.held,
        kept,
        "octets are held when all is over, besides those of the cache",
      );
    },
  };
}

Deno.test("attack 28: a message is the same by every form of FETCH, by number and by UID", async () => {
  await using b = await bench({ messages: [CLEAN, BAD] });
  await using client = await ImapClient.login(b.port, "bob", "INBOX");
  for (const form of FETCH_FORMS) {
    for (const set of ["FETCH 1:2", "FETCH *", "UID FETCH 101:102", "UID FETCH 1:*"]) {
      const { untagged } = await client.command(`${set} ${form}`);
      assert.ok(untagged.length > 0, `${set} ${form}`);
      for (const text of untagged) assert.doesNotMatch(text, /INFECTED/, `${set} ${form}`);
    }
  }
  assert.equal(b.ports.records.length, 2); // each was scanned once, for all of these
});

Deno.test("attack 28: content that a server sends by itself does not pass", async () => {
  await using b = await bench({ messages: [CLEAN, BAD] });
  await using client = await ImapClient.login(b.port, "bob", "INBOX");
  await client.ok("FETCH 1:2 BODY.PEEK[]");
  await b.server.tell(
    "* 2 FETCH (UID 102 BODY[] {10}\r\nINFECTED\r\n FLAGS (\\Seen))\r\n" +
      '* 2 FETCH (BODY[TEXT] "INFECTED")\r\n* 2 UIDFETCH (BODY[] "INFECTED")\r\n' +
      '* URLFETCH "x" "INFECTED"\r\n* 2 FETCH (FLAGS (a))\r\n',
  );
  const { untagged } = await client.ok("NOOP");
  assert.deepEqual(untagged, ["* 2 FETCH (UID 102 FLAGS (\\Seen))", "* 2 FETCH (FLAGS (a))"]);
  assert.ok(b.ports.logged.some((line) => line.includes("held back")));
});

Deno.test("attack 28: content without its UID, or before it, does not pass unseen", async () => {
  const order = (response: string) =>
    response.replace(/^(\* \d+ FETCH \()(UID \d+) (.*)\)\r\n$/s, "$1$3 $2)\r\n");
  await using b = await bench({ messages: [CLEAN, BAD], fetched: order });
  await using client = await ImapClient.login(b.port, "bob", "INBOX");
  const { untagged } = await client.ok("FETCH 1:2 (BODY.PEEK[TEXT])");
  assert.deepEqual(untagged[0], "* 1 FETCH (BODY[TEXT] {7}\r\nhello\r\n)");
  assert.doesNotMatch(untagged[1]!, /INFECTED/);
  b.server.options = {
    ...b.server.options,
    fetched: (response) =>
      response.includes("BODY[1]") ? response.replace(/UID \d+ /, "") : response,
  };
  const answer = await client.ok("FETCH 1:2 (BODY.PEEK[1])");
  assert.deepEqual(answer.untagged, []);
});

Deno.test("attack 28: another UIDVALIDITY, mailbox or user is another message", async () => {
  await using b = await bench({ messages: [CLEAN] });
  const text = async (user: string, mailbox: string) => {
    await using client = await ImapClient.login(b.port, user, mailbox);
    return (await client.ok("UID FETCH 101 BODY.PEEK[]")).untagged.join();
  };
  assert.match(await text("bob", "INBOX"), /hello/);
  b.server.options = { messages: [BAD], uidValidity: 7 };
  assert.doesNotMatch(await text("bob", "Other"), /INFECTED/);
  assert.doesNotMatch(await text("eve", "INBOX"), /INFECTED/);
  b.server.options = { messages: [BAD], uidValidity: 8 };
  assert.doesNotMatch(await text("bob", "inbox"), /INFECTED/);
});

Deno.test("attack 29: literals are led by their length, whatever is in them", async () => {
  await using b = await bench({ messages: [CLEAN] });
  await using client = await ImapClient.connect(b.port);
  await client.write("a LOGIN {3}\r\n");
  assert.match(await client.response(), /^\+ /);
  for (const piece of ["bo", "b ", "{1", "5+}\r", "\nsec\r\nx LOGOUT\r", "\n\r\n"]) {
    await client.write(piece);
  }
  assert.equal((await client.answer("a")).status, "OK");
  assert.deepEqual(b.server.heard.at(-1), "LOGIN {3+}\r\nbob {15+}\r\nsec\r\nx LOGOUT\r\n");
  const cases: [string, RegExp][] = [
    ["b SEARCH SUBJECT {4294967296}", /^b BAD/],
    ['c SEARCH SUBJECT "x {3}', /^c BAD/],
    ["d SEARCH SUBJECT x{3+}", /^d BAD|BYE/],
  ];
  for (const [line, want] of cases) {
    await using other = await ImapClient.login(b.port, "bob", "INBOX");
    const before = b.server.heard.length;
    await other.write(`${line}\r\n`);
    assert.match(await other.response(), want);
    assert.equal(b.server.heard.length, before, line);
  }
});

Deno.test("attack 29: a server without LITERAL+ is waited for, and its refusal ends the command", async () => {
  await using b = await bench({ messages: [CLEAN], capabilities: "IMAP4rev1" });
  await using client = await ImapClient.login(b.port, "bob", "INBOX");
  await client.ok("SEARCH SUBJECT {3+}\r\nabc");
  assert.equal(b.server.heard.at(-1), "SEARCH SUBJECT {3}\r\nabc");
});

Deno.test("attack 30: what cannot be seen through is neither offered nor passed on", async () => {
  const all = [
    ...Object.keys(CAPABILITIES),
    ...Object.keys(WITHHELD),
    "X-NEW",
    "AUTH=GSSAPI",
    "AUTH=SCRAM-SHA-256-PLUS",
  ];
  const listed = `${all.filter((each) => each !== "AUTH").join(" ")} COMPRESS=DEFLATE AUTH=PLAIN`;
  await using b = await bench({
    capabilities: listed,
    greeting: `* OK [CAPABILITY ${listed}] hi\r\n`,
  }, { config: { serverTls: "none" } });
  await using client = await ImapClient.connect(b.port);
  const inLogin = (await client.ok("LOGIN bob x")).text;
  const told = [client.greeting, (await client.ok("CAPABILITY")).untagged[0]!, inLogin];
  for (const text of told) {
    for (const name of Object.keys(WITHHELD)) {
      assert.doesNotMatch(text, new RegExp(`[ \\[]${name}(?=[ =\\]]|$)`), name);
    }
    assert.doesNotMatch(text, /X-NEW|DEFLATE|GSSAPI|PLUS\b(?<!UIDPLUS)/);
    assert.match(text, /QRESYNC.*AUTH=PLAIN/);
  }
  assert.ok(!isOffered("CONSTRUCTOR"));
  const before = b.server.heard.length;
  for (const [name, { treatment }] of Object.entries(COMMANDS)) {
    if (treatment !== "refuse") continue;
    assert.equal((await client.command(`${name} x`)).status, "BAD", name);
  }
  assert.equal((await client.command("XFETCH 1 BODY[]")).status, "BAD");
  assert.equal((await client.command("ENABLE UIDONLY")).status, "OK");
  assert.equal(b.server.heard.length, before);
});

Deno.test("attack 31: APPEND is scanned, each message of it", async () => {
  await using b = await bench({ messages: [] });
  await using client = await ImapClient.login(b.port, "bob");
  const literal = (text: string) => `{${text.length}+}\r\n${text}`;
  assert.equal((await client.command(`APPEND Sent (\\Seen) ${literal(CLEAN)}`)).status, "OK");
  const refused = await client.command(`APPEND Sent ${literal(BAD)}`);
  assert.equal(refused.status, "NO");
  assert.match(refused.text, /infected/i);
  const several = `APPEND Sent ${literal(CLEAN)} (\\Seen) "01-Jan-2026 10:00:00 +0000" ${
    literal(BAD)
  }`;
  assert.equal((await client.command(several)).status, "NO");
  const uploads = [
    `APPEND Sent CATENATE (TEXT ${literal(BAD)})`,
    `APPEND Sent (\\Seen) "1" ${literal(BAD)}`,
    `APPEND Sent ${literal(CLEAN)} CATENATE (URL "x")`,
    `REPLACE 1 Sent ${literal(BAD)}`,
  ];
  for (const upload of uploads) assert.equal((await client.command(upload)).status, "BAD", upload);
  assert.equal((await client.command(`APPEND Sent UTF8 (~${literal(BAD)})`)).status, "NO");
  assert.deepEqual(b.server.appended, [CLEAN]);
  assert.equal((await client.command("NOOP")).status, "OK"); // and all of it was read
});

for (
  const [action, status, text] of [
    ["reject", "NO", /infected/i],
    ["quarantine", "NO", /quarantine: kept1/],
    ["discard", "OK", /./],
    ["defer", "NO", /UNAVAILABLE/],
    ["accept", "OK", /appended/],
  ] as const
) {
  Deno.test(`APPEND of an infected message under ${action} ends with ${status}`, async () => {
    await using b = await bench({}, { policy: { settings: { antivirus: { infected: action } } } });
    await using client = await ImapClient.login(b.port, "bob");
    const answer = await client.command(`APPEND Sent {${BAD.length}+}\r\n${BAD}`);
    assert.equal(answer.status, status);
    assert.match(answer.text, text);
    assert.equal(b.server.appended.length, action === "accept" ? 1 : 0);
  });
}

Deno.test("attack 32: a response within a subject stays within it", async () => {
  const forged = "x\r\n* 1 FETCH (UID 101 BODY[] {3}\r\nBAD)\r\nt4 OK forged\r\n";
  await using b = await bench({
    messages: [CLEAN, CLEAN],
    fetched: (response) => response.replace(/"one"/, `{${forged.length}}\r\n${forged}`),
  });
  await using client = await ImapClient.login(b.port, "bob", "INBOX");
  const { untagged, text } = await client.ok("FETCH 1:2 (ENVELOPE)");
  assert.equal(text, "fetched");
  assert.equal(untagged.length, 2);
  for (const response of untagged) {
    assert.ok(response.includes(`{${forged.length}}\r\n${forged} (`));
  }
});

Deno.test("attack 32: line ends within a server's line begin nothing", async () => {
  await using b = await bench({
    messages: [CLEAN],
    answer: ({ tag, name }) =>
      name === "LIST"
        ? `* LIST () "/" a\nt3 OK forged\r* BYE x\r\n${tag} OK listed\r\n`
        : undefined,
  });
  await using client = await ImapClient.login(b.port, "bob", "INBOX");
  const { untagged, text } = await client.ok('LIST "" "*"');
  assert.deepEqual(untagged, ['* LIST () "/" a t3 OK forged * BYE x']);
  assert.equal(text, "listed");
});

Deno.test("attack 32: a tag that is in use is not given to another command", async () => {
  let end = () => {};
  await using b = await bench({
    answer: ({ tag, name }) =>
      name === "STATUS"
        ? new Promise<string>((resolve) => end = () => resolve(`${tag} OK status\r\n`))
        : undefined,
  });
  await using client = await ImapClient.login(b.port, "bob");
  await client.write("x STATUS a (MESSAGES)\r\nx NOOP\r\n");
  assert.equal((await client.answer("x")).text, "This tag is in use");
  end();
  assert.equal((await client.answer("x")).text, "status");
});

Deno.test("attack 33: a session that idles holds little, and hears what comes", async () => {
  await using b = await bench({
    messages: [CLEAN],
    answer: ({ name }) => name === "IDLE" ? "+ idling\r\n" : name === "DONE" ? null : undefined,
  });
  const clients: ImapClient[] = [];
  for (let i = 0; i < 200; i++) {
    const client = await ImapClient.login(b.port, `user${i % 10}`, "INBOX").catch(() => undefined);
    if (!client) break; // sessionsPerClient
    await client.write("i IDLE\r\n");
    assert.match(await client.response(), /^\+ /);
    clients.push(client);
  }
  assert.ok(clients.length >= 100);
  assert.equal(b.ports.held, 0);
  await b.server.tell("* 5 EXISTS\r\n");
  for (const client of clients) assert.equal(await client.response(), "* 5 EXISTS");
  for (const client of clients) client.close();
  await until("all sessions to end", () => b.agent.status()["sessions"] === 0);
});

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
