import assert from "node:assert/strict";
import { FakePop3Server } from "./testing/fake_server.ts";
import { Pop3Harness } from "./testing/harness.ts";

const MAIL = "From: a@example.org\r\n\r\nbody\r\n";

function test(name: string, run: () => Promise<void>): void {
  Deno.test(`POP3 login ${name}`, run);
}

test("by APOP, with the server's own timestamp", async () => {
  await using h = await Pop3Harness.start({ server: { messages: [MAIL] } });
  const client = await h.connect();
  assert.match(client.greeting, /<1\.2@fake\.example>/);
  assert.equal(await client.ask("APOP mrose c4c9334bac560ecc979e58001b3e22fb"), "+OK in");
  await client.fetch("RETR 1");
  assert.equal(h.ports.records[0]!.envelope.user, "mrose");
  assert.ok(h.server.heard.includes("APOP mrose c4c9334bac560ecc979e58001b3e22fb"));
});

const b64 = (text: string) => btoa(text);
const EXCHANGES: readonly [string, string, readonly string[], string][] = [
  ["PLAIN at once", `AUTH PLAIN ${b64("\0bob\0secret")}`, [], "bob"],
  ["PLAIN for another", `AUTH plain ${b64("team\0bob\0secret")}`, [], "team"],
  ["PLAIN asked", "AUTH PLAIN", [b64("\0bob@example.org\0x")], "bob@example.org"],
  ["XOAUTH2", `AUTH XOAUTH2 ${b64("user=bob\x01auth=Bearer t\x01\x01")}`, [], "bob"],
  [
    "OAUTHBEARER",
    `AUTH OAUTHBEARER ${b64("n,a=b=2Cob,\x01host=h\x01auth=Bearer t\x01\x01")}`,
    [],
    "b,ob",
  ],
  ["CRAM-MD5", "AUTH CRAM-MD5", [b64("tim tester b913a602c7eda7a495b4e6e7334d3890")], "tim tester"],
];
for (const [name, first, responses, user] of EXCHANGES) {
  test(`by ${name} is passed on, and its user seen`, async () => {
    await using h = await Pop3Harness.start({ server: { messages: [MAIL] } });
    const client = await h.connect();
    let status = await client.ask(first);
    for (const response of responses) {
      assert.equal(status, "+ ");
      status = await client.ask(response);
    }
    assert.equal(status, "+OK in");
    await client.fetch("RETR 1");
    assert.equal(h.ports.records[0]!.envelope.user, user);
  });
}

test("by AUTH with several steps: LOGIN and SCRAM", async () => {
  const steps = ["+ VXNlcm5hbWU6\r\n", "+ UGFzc3dvcmQ6\r\n", "+OK in\r\n"];
  await using h = await Pop3Harness.start({
    server: {
      messages: [MAIL],
      answer: (line) => /^(?:RETR|CAPA)/.test(line) ? undefined : steps.shift(),
    },
  });
  const client = await h.connect();
  assert.equal(await client.ask("AUTH LOGIN"), "+ VXNlcm5hbWU6");
  assert.equal(await client.ask(b64("bob")), "+ UGFzc3dvcmQ6");
  assert.equal(await client.ask(b64("secret")), "+OK in");
  await client.fetch("RETR 1");
  assert.equal(h.ports.records[0]!.envelope.user, "bob");

  steps.push("+ \r\n", "+ cj1y\r\n", "+ dj12\r\n", "+OK in\r\n");
  const scram = await h.connect();
  assert.equal(await scram.ask("AUTH SCRAM-SHA-256"), "+ ");
  assert.equal(await scram.ask(b64("n,,n=us=3Der,r=rOprNGfwEbeRWgbNEkqO")), "+ cj1y");
  assert.equal(await scram.ask(b64("c=biws,r=rOprNGfwEbeRWgbNEkqO,p=x")), "+ dj12");
  assert.equal(await scram.ask("="), "+OK in");
  await scram.fetch("RETR 1");
  assert.equal(h.ports.records[1]!.envelope.user, "us=er");
});

test("by AUTH that is cancelled, broken, or of a mechanism that cannot be seen through", async () => {
  await using h = await Pop3Harness.start({ server: { messages: [MAIL] } });
  const client = await h.connect();
  assert.equal(await client.ask("AUTH PLAIN"), "+ ");
  assert.equal(await client.ask("*"), "-ERR cancelled");
  assert.equal(await client.ask("AUTH PLAIN"), "+ ");
  assert.equal(await client.ask("not base64!"), "-ERR cancelled");
  for (const mechanism of ["GSSAPI", "DIGEST-MD5", "NTLM", "EXTERNAL", "SCRAM-SHA-256-PLUS", "X"]) {
    assert.match(await client.ask(`AUTH ${mechanism}`), /^-ERR/);
  }
  assert.match(await client.ask("AUTH PLAIN !"), /^-ERR/);
  assert.match(await client.ask("AUTH PLAIN a b"), /^-ERR/);
  assert.ok(!h.server.heard.some((each) => /GSSAPI|NTLM|DIGEST/.test(each)));
  assert.match(await client.ask("RETR 1"), /^-ERR/);
});

test("lists the mechanisms to AUTH alone, without those", async () => {
  await using h = await Pop3Harness.start({
    server: {
      answer: (line) => line === "AUTH" ? "+OK\r\nGSSAPI\r\nPLAIN\r\nNTLM\r\n.\r\n" : undefined,
    },
  });
  const client = await h.connect();
  assert.equal((await client.fetch("AUTH")).text, "PLAIN\r\n");
});

test("that fails may be tried again, but not for ever; the server's words are passed", async () => {
  await using h = await Pop3Harness.start();
  const client = await h.connect();
  assert.match(await client.ask("PASS secret"), /^-ERR Send USER first/);
  for (let i = 0; i < 9; i++) {
    await client.ask("USER bob");
    assert.equal(await client.ask("PASS two  words "), "-ERR [AUTH] no");
    assert.equal(h.server.heard.at(-1), "PASS two  words ");
    assert.match(await client.ask("PASS secret"), /^-ERR Send USER first/);
  }
  await client.ask("USER bob");
  assert.equal(await client.ask("PASS x"), "-ERR [AUTH] no");
  assert.ok(await client.closed());
});

test("needed for everything that shows mail", async () => {
  await using h = await Pop3Harness.start({ server: { messages: [MAIL] } });
  const client = await h.connect();
  for (const command of ["STAT", "LIST", "UIDL", "RETR 1", "TOP 1 1", "DELE 1", "RSET", "NOOP"]) {
    assert.match(await client.ask(command), /^-ERR/);
  }
  assert.deepEqual(h.server.heard, ["CAPA"]); // for STLS
  assert.equal(await client.ask("UTF8"), "+OK");
  assert.equal(await client.ask("QUIT"), "+OK bye");
});

test("CAPA shows what works through here", async () => {
  await using h = await Pop3Harness.start({
    config: { serverTls: "none" },
    server: {
      capabilities: [
        "TOP",
        "USER",
        "SASL PLAIN GSSAPI CRAM-MD5 SCRAM-SHA-1-PLUS",
        "STLS",
        "UIDL",
        "XFOO",
        "UTF8 USER",
        "LANG",
        "EXPIRE NEVER",
        "PIPELINING",
        "RESP-CODES",
        "AUTH-RESP-CODE",
        "X-ZSTD",
        "IMPLEMENTATION fake",
      ],
    },
  });
  const client = await h.connect();
  const { text } = await client.fetch("CAPA");
  assert.deepEqual(text.trim().split("\r\n"), [
    "TOP",
    "USER",
    "SASL PLAIN CRAM-MD5",
    "UIDL",
    "UTF8 USER",
    "LANG",
    "EXPIRE NEVER",
    "AUTH-RESP-CODE",
    "IMPLEMENTATION fake",
    "RESP-CODES",
    "PIPELINING",
  ]);
});

test("CAPA of a server that knows none", async () => {
  await using h = await Pop3Harness.start({ server: { capabilities: undefined } });
  const client = await h.connect();
  assert.deepEqual((await client.fetch("CAPA")).text.trim().split("\r\n"), [
    "TOP",
    "UIDL",
    "USER",
    "RESP-CODES",
    "PIPELINING",
  ]);
});

test("attack 9: names its server where that is permitted, and gets to no other", async () => {
  await using other = new FakePop3Server({ messages: [MAIL, MAIL], greeting: "other" });
  const main = await Pop3Harness.start({
    server: { messages: [MAIL] },
    config: { servers: [`pop3://localhost:${other.port}`] },
  });
  await using h = main;
  const client = await h.connect();
  assert.equal(client.greeting, "+OK Postern ready"); // whose timestamp would it be
  assert.doesNotMatch((await client.fetch("CAPA")).text, /SASL|APOP/);
  assert.match(await client.ask("APOP bob c4c9334bac560ecc979e58001b3e22fb"), /^-ERR/);
  assert.match(await client.ask("AUTH PLAIN"), /^-ERR/);
  for (
    const [name, login, server] of [
      ["bob#localhost", "bob", other],
      ["bob%LocalHost", "bob", other],
      ["bob@example.org#localhost", "bob@example.org", other],
      ["bob", "bob", h.server],
      ["bob#127.0.0.2", "bob#127.0.0.2", h.server], // not permitted: a name like others for the one server
      ["bob%example.org", "bob%example.org", h.server],
    ] as const
  ) {
    const each = await h.connect();
    await each.ask(`USER ${name}`);
    assert.equal(server.heard.at(-1), `USER ${login}`);
    assert.equal(await each.ask("PASS secret"), "+OK in");
    assert.match(await each.ask("STAT"), server === other ? /^\+OK 2/ : /^\+OK 1/);
  }
});

test("has to name its server where there is no other", async () => {
  await using other = new FakePop3Server({ messages: [MAIL] });
  await using h = await Pop3Harness.start({
    config: { server: undefined, servers: [`pop3://localhost:${other.port}`] },
  });
  const client = await h.connect();
  assert.match((await client.fetch("CAPA")).text, /^USER/m);
  assert.match(await client.ask("USER bob"), /^-ERR \[AUTH\]/);
  assert.match(await client.ask(`USER bob#127.0.0.1`), /^-ERR \[AUTH\]/);
  assert.equal(await client.ask("USER bob#localhost"), "+OK");
  assert.equal(await client.ask("PASS secret"), "+OK in");
  assert.equal(h.server.sessions, 0);
  assert.match(await client.ask("QUIT"), /^\+OK/);
});

test("meets a server that is not there, or does not greet", async () => {
  await using h = await Pop3Harness.start({ config: { server: "pop3://127.0.0.1:1" } });
  const client = await h.connect();
  assert.match(client.greeting, /^-ERR \[SYS\/TEMP\] /);
  assert.ok(await client.closed());
  assert.match(h.ports.logged.join("\n"), /Cannot reach a mailbox server/);
  await using rude = await Pop3Harness.start({ server: { greeting: "x\r\n+OK injected" } });
  assert.match((await rude.connect()).greeting, /^-ERR \[SYS\/TEMP\] /);
});

for (
  const [what, answer] of [
    ["closes", null],
    ["says what is no answer", "250 ok\r\n"],
    ["answers twice", "+OK 1 100\r\n+OK 2 100\r\n"],
    ["answers with a bare LF", "+OK 1 100\n"],
  ] as const
) {
  test(`and a server that ${what} within a session: the client is told, nothing else happens`, async () => {
    await using h = await Pop3Harness.start({
      server: { messages: [MAIL], answer: (line) => line === "STAT" ? answer : undefined },
    });
    const client = await h.login();
    await client.ask("DELE 1");
    assert.match(await client.ask("STAT"), /^-ERR \[SYS\/TEMP\] /);
    assert.ok(await client.closed());
    assert.deepEqual(h.server.deleted, []);
  });
}

test("a server's texts cannot break lines or show control characters", async () => {
  await using h = await Pop3Harness.start({
    server: { answer: (line) => line === "USER bob" ? "-ERR a\x1b[2Jb\0c\r\n" : undefined },
  });
  const client = await h.connect();
  assert.equal(await client.ask("USER bob"), "-ERR a [2Jb c");
});

test("attack 26: pipelined commands keep their order across a failed login", async () => {
  await using h = await Pop3Harness.start({ server: { messages: [MAIL] } });
  const client = await h.connect();
  await client.write("USER bob\r\nPASS wrong\r\nRETR 1\r\nDELE 1\r\nQUIT\r\n");
  const answers = [];
  for (let i = 0; i < 5; i++) answers.push((await client.line()).slice(0, 4).trim());
  assert.deepEqual(answers, ["+OK", "-ERR", "-ERR", "-ERR", "+OK"]);
  assert.deepEqual(h.server.deleted, []);
});
