/** What the gates to mailboxes share. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { FakePorts } from "../smtp/testing/fake_ports.ts";
import { MailboxGate, textOf } from "./gate.ts";
import { MessageCache } from "./message_cache.ts";
import { senderOf } from "./sender.ts";
import { parseMailServer, recipientOf, ServerBook } from "./servers.ts";

const octets = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));
const latin1 = (message: Uint8Array) => new TextDecoder("latin1").decode(message);

const CLIENT = {
  agent: "pop3",
  listener: "pop3",
  hostname: "gate.example",
  nextHop: "",
  direction: "inbound",
  client: "192.0.2.1",
  tls: false,
  user: "bob",
  recipient: "bob@example.org",
  protocol: "POP3",
} as const;

const SENDERS: readonly [string, string][] = [
  ["Return-Path: <Ann@Example.ORG>\r\nFrom: x@y.example\r\n", "Ann@example.org"],
  ["From: x@y.example\r\nreturn-path:  <ann@example.org>\r\n", "ann@example.org"],
  ["Return-Path: <>\r\nFrom: x@y.example\r\n", ""],
  ["Return-Path: nonsense\r\nFrom: x@y.example\r\n", "x@y.example"],
  ["From: Ann <ann@example.org>\r\n", "ann@example.org"],
  ['From: "Ann <evil@example.net>" <ann@example.org>\r\n', "ann@example.org"],
  ["From: Ann (<evil@example.net>)\r\n <ann@example.org>\r\n", "ann@example.org"],
  ['From: "a b"@example.org\r\n', '"a b"@example.org'],
  ["From: ann@example.org, bob@example.org\r\n", "ann@example.org"],
  ["From: ann@example.org (Ann)\r\n", "ann@example.org"],
  ["From: =?utf-8?q?J=C3=B6rg?= <j@example.org>\r\n", "j@example.org"],
  ["From: <j\xc3\xb6rg@example.org>\r\n", "jörg@example.org"],
  ["From: nobody\r\n", ""],
  ["Subject: x\r\n\r\nFrom: ann@example.org\r\n", ""],
  ["", ""],
  ["From: ann@exa\x01mple.org\r\n", ""],
];
for (const [header, expected] of SENDERS) {
  Deno.test(`the sender of ${JSON.stringify(header)}`, () => {
    assert.equal(senderOf(octets(`${header}\r\nbody\r\n`)), expected);
  });
}

Deno.test("the sender of anything is an address in one line, or none", () => {
  const part = fc.constantFrom(
    "From:",
    "Return-Path:",
    "<",
    ">",
    "@",
    "a",
    '"',
    "(",
    ")",
    "\\",
    "\r\n",
    " ",
    ",",
    "\0",
  );
  fc.assert(fc.property(fc.array(part), (parts) => {
    const sender = senderOf(octets(parts.join("")));
    assert.ok(sender === "" || /^[^\r\n\0]+@[^\s@]+$/.test(sender), JSON.stringify(sender));
  }));
});

Deno.test("servers: those that are permitted and no others", () => {
  assert.deepEqual(parseMailServer("pop3s://[::1]:995"), {
    text: "pop3s://[::1]:995",
    hostname: "::1",
    port: 995,
    implicitTls: true,
  });
  assert.throws(() => parseMailServer("http://a:1"), { code: "document/invalid" });
  const book = new ServerBook(undefined, ["imap://a.example:143", "imaps://b.example:993"]);
  assert.equal(book.choose("bob#A.example")?.server.port, 143);
  assert.equal(book.choose("bob@x.example%b.example")?.login, "bob@x.example");
  for (const login of ["bob", "bob#c.example", "#a.example", "bob#", "bob#a.example:99"]) {
    assert.equal(book.choose(login), undefined, login);
  }
  const one = new ServerBook("imap://main.example:143", []);
  assert.equal(one.choose("bob#a.example")?.login, "bob#a.example");
  fc.assert(fc.property(fc.string(), (login) => {
    const chosen = book.choose(login);
    if (chosen) {
      assert.ok(chosen.named && ["a.example", "b.example"].includes(chosen.server.hostname));
    }
  }));
});

Deno.test("recipients: the login, or the login at the domain", () => {
  assert.equal(recipientOf("bob", "Example.org"), "bob@example.org");
  assert.equal(recipientOf("Bob@HERE.example", "example.org"), "Bob@here.example");
  assert.equal(recipientOf("bob", ""), "bob");
});

Deno.test("the cache keeps what was used last, counts its octets, and gives them back", async () => {
  const ports = new FakePorts();
  const cache = new MessageCache<string>(ports, 100);
  await cache.set("a", "A", 40);
  await cache.set("b", "B", 40);
  assert.equal(cache.get("a"), "A");
  await cache.set("c", "C", 40);
  assert.equal(cache.get("b"), undefined);
  assert.equal(cache.get("a"), "A");
  await cache.set("large", "L", 101);
  assert.equal(cache.get("large"), undefined);
  assert.equal(cache.octets, 80);
  assert.equal(ports.held, 80);
  ports.room = 80;
  await cache.set("d", "D", 10); // the node is full
  assert.equal(cache.get("d"), undefined);
  await cache.set("a", "A2", 5);
  assert.equal(cache.octets, 45);
  cache.delete("a");
  cache.delete("c");
  assert.equal(ports.held, 0);
});

Deno.test("a notice in which the sender's header is infected has nothing of the sender's", async () => {
  const ports = new FakePorts({ settings: { antivirus: { infected: "reject" } } });
  const gate = new MailboxGate(ports);
  const message = octets("From: a@b.example\r\nSubject: INFECTED subject\r\n\r\nbody\r\n");
  const answer = await gate.pass(CLIENT, message);
  assert.ok(answer.kind === "message" && answer.replaced);
  const text = latin1(answer.message);
  assert.doesNotMatch(text, /INFECTED|a@b\.example/);
  assert.match(text, /^From: Postern <postmaster@gate\.example>\r$/m);
  assert.match(text, /^To: <bob@example\.org>\r$/m);
  assert.match(text, /Test-Signature/);
  const again = await gate.pass(CLIENT, message);
  assert.ok(again.kind === "message");
  assert.equal(latin1(again.message), text); // its size can be told before
});

Deno.test("a notice when the scanner cannot take the message apart", async () => {
  const ports = new FakePorts({ settings: { antivirus: { infected: "reject" } } });
  const gate = new MailboxGate(ports);
  ports.rewrite = () =>
    Promise.resolve({
      message: new Uint8Array(0),
      layout: { headerEnd: 0, lineEnd: "\r\n", ownFields: [] },
      failed: [""],
    });
  const answer = await gate.pass(CLIENT, octets("From: a@b.example\r\n\r\nINFECTED\r\n"));
  assert.ok(answer.kind === "message" && answer.replaced);
  assert.doesNotMatch(latin1(answer.message), /INFECTED|a@b\.example/);
});

Deno.test("a rule without a scan withholds, too", async () => {
  const ports = new FakePorts({
    rules: [{ when: { sender: "a@b.example" }, then: { action: "reject" } }],
    settings: { antivirus: { action: "accept" } },
  });
  const answer = await new MailboxGate(ports).pass(
    CLIENT,
    octets("From: a@b.example\r\nSubject: s\r\n\r\nthe body\r\n"),
  );
  assert.ok(answer.kind === "message" && answer.replaced);
  assert.doesNotMatch(latin1(answer.message), /the body/);
  assert.match(latin1(answer.message), /was removed by the mail gateway/);
});

Deno.test("texts of replies fit into one line of another protocol", () => {
  assert.equal(textOf("550 5.7.1 No\r\nway", "x"), "No way");
  assert.equal(textOf(undefined, "x"), "x");
  assert.equal(textOf("451 4.7.1 ", "x"), "x");
  assert.ok(textOf("y".repeat(5000), "x").length <= 400);
});
