/** Known attacks on what stands between IMAP clients and servers; the numbers are those of the list of attacks. */
import assert from "node:assert/strict";
import { CAPABILITIES, isOffered, WITHHELD } from "../agents/imap/capabilities.ts";
import { COMMANDS } from "../agents/imap/command_table.ts";
import { BAD, bench, CLEAN } from "./imap_bench.ts";
import { FETCH_FORMS } from "./imap_gate.ts";
import { ImapClient } from "./peers/imap_client.ts";
import { until } from "./wait.ts";

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
  assert.equal(answer.untagged.length, 1); // of the first message nothing, of the second a notice
  assert.match(
    answer.untagged[0]!,
    /^\* 2 FETCH \(BODY\[1\] \{\d+\}\r\nThe content of this message was removed/,
  );
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
  assert.deepEqual(b.server.heard.at(-1), "LOGIN {3}\r\nbob {15}\r\nsec\r\nx LOGOUT\r\n");
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

Deno.test("attack 28: messages that a server tells of by the way are not fetched for the client", async () => {
  await using b = await bench({
    messages: [CLEAN, CLEAN, CLEAN],
    fetched: (response, number) =>
      number === 1 ? `* 3 FETCH (UID 103 FLAGS (new))\r\n${response}` : response,
  });
  await using client = await ImapClient.login(b.port, "bob", "INBOX");
  for (const command of ["FETCH 1:2 (BODY.PEEK[TEXT])", "UID FETCH 101:102 (BODY.PEEK[TEXT])"]) {
    const { untagged } = await client.ok(command);
    const shown = untagged.filter((each) => each.includes("hello"));
    assert.deepEqual(shown.map((each) => each.slice(0, 10)), ["* 1 FETCH ", "* 2 FETCH "]);
    assert.ok(untagged.includes("* 3 FETCH (UID 103 FLAGS (new))"));
  }
  assert.equal(b.ports.records.length, 2);
});

Deno.test("attack 28: content in what a server takes for a header is not shown by a list", async () => {
  const hidden =
    "Subject: x\r\nContent-Type: text/plain\r\nno field, no empty line: INFECTED\r\nINFECTED\r\n";
  const messages = [...Array.from({ length: 11 }, () => CLEAN), hidden];
  for (
    const item of [
      "BODY.PEEK[HEADER]",
      "RFC822.HEADER",
      "BODY.PEEK[HEADER.FIELDS.NOT (SUBJECT)]",
      "BODY.PEEK[HEADER]<0.100>",
      "(UID RFC822.SIZE BODY.PEEK[HEADER])",
    ]
  ) {
    for (const set of ["FETCH 1:12", "UID FETCH 1:*", "FETCH 1:*"]) {
      await using b = await bench({ messages });
      await using client = await ImapClient.login(b.port, "bob", "INBOX");
      const { untagged } = await client.ok(`${set} ${item}`);
      assert.equal(untagged.length, 12, `${set} ${item}`);
      for (const response of untagged) assert.doesNotMatch(response, /INFECTED/);
      // Of the others nothing is scanned; fields alone hide nothing.
      const scanned = item.includes("NOT") ? 0 : item.includes("<") ? 12 : 1;
      assert.equal(b.ports.records.length, scanned, item);
    }
  }
});
