/** Ways around the scan of the IMAP proxy, and around what the policy says, that do not go through it. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { ChangedMessage } from "../agents/imap/changed_message.ts";
import { octetsOf } from "../agents/imap/pieces.ts";
import { BAD, bench, CLEAN } from "./imap_bench.ts";
import { startImapGate } from "./imap_gate.ts";
import { inTime } from "./in_time.ts";
import { infectedMail } from "./mail.ts";
import { ImapClient } from "./peers/imap_client.ts";
import { peerTest } from "./peers/peer.ts";

const latin1 = new TextDecoder("latin1");

peerTest(
  ["dovecot-imap"],
  "no literal of a command that the server refuses becomes a command",
  async (test) => {
    await using gate = await startImapGate({ users: ["bob"] });
    const bad = latin1.decode(infectedMail("smuggled"));
    const upload = `x APPEND INBOX {${bad.length}+}\r\n${bad}\r\n`;
    const second = `zz\r\n${upload}`;
    const between = `b SEARCH SUBJECT {${second.length}+}\r\n`;
    const zeros = String(between.length + 2).padStart(30, "0");
    const rows: Record<string, string> = {
      "a number that begins with zeros": `a SEARCH SUBJECT {${zeros}+}\r\n${between}${second}`,
    };
    const begins = [
      ...[
        "NOOP",
        "SEARCH )",
        'SEARCH foo"bar"',
        "RLIST",
        "LISTRIGHTS INBOX",
        "GETQUOTA",
        "STORE 1",
      ],
      ...[
        "APPEND INBOX (\\Foo)",
        "APPEND Nowhere",
        "CREATE",
        "SETMETADATA INBOX (/private/comment",
      ],
    ];
    const inner = `${upload}y NOOP`;
    for (const begin of begins) {
      for (const mark of ["+", ""]) {
        rows[`${begin} {n${mark}}`] = `a ${begin} {${inner.length}${mark}}\r\n${inner}`;
      }
    }
    for (const [name, line] of Object.entries(rows)) {
      await test.step(name, async () => {
        await using client = await ImapClient.login(gate.port, "bob", "INBOX");
        await client.write(`${line}\r\n`);
        // What is behind it is done when all of it is; one that lost its session has nothing behind it.
        await client.command("NOOP").catch(() => {});
        await using direct = await ImapClient.login(gate.dovecot.ports.imap, "bob", "INBOX");
        const { untagged } = await direct.ok("STATUS INBOX (MESSAGES)");
        assert.match(untagged.join(), /MESSAGES 0/);
      });
    }
  },
);

for (
  const [name, word, options] of [
    ["cannot be scanned", "ENCRYPTED", {
      policy: { settings: { antivirus: { infected: "defer", notScanned: "defer" } } },
    }],
    ["is too large", "x".repeat(5000), { config: { limits: { messageSize: "3KB" } } }],
  ] as const
) {
  Deno.test(`nothing of a message that ${name} is shown as its header`, async () => {
    const hidden = "Subject: x\r\nContent-Type: text/plain\r\n" +
      `no field, and no empty line: ${word}\r\nCONTENT INFECTED\r\n`;
    for (const command of ["FETCH 1", "FETCH 1:12", "UID FETCH 101"]) {
      for (const item of ["BODY.PEEK[HEADER]", "RFC822.HEADER", "BODY.PEEK[HEADER]<0.500>"]) {
        await using b = await bench({ messages: [hidden, ...Array(11).fill(CLEAN)] }, options);
        await using client = await ImapClient.login(b.port, "bob", "INBOX");
        const { status, untagged } = await client.command(`${command} ${item}`);
        assert.equal(status, "NO", `${command} ${item}`);
        assert.doesNotMatch(untagged.join(), /CONTENT/, `${command} ${item}`);
        if (command === "FETCH 1:12") assert.match(untagged.join(), /Subject: one/);
      }
    }
  });
}

peerTest(["dovecot-imap"], "BINARY shows no octets that were not scanned: NULs", async () => {
  const program = Buffer.alloc(1024);
  program.write("MZ");
  program.writeUInt32LE(0x80, 0x3c);
  program.write("PE", 0x80);
  for (
    const [at, value] of [[0x84, 0x14c], [0x86, 1], [0x94, 0xe0], [0x96, 0x102], [0x98, 0x10b]]
  ) {
    program.writeUInt16LE(value!, at!);
  }
  const message = (encoding: string, content: Uint8Array) =>
    Buffer.concat([
      Buffer.from(
        'From: a@b.test\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n' +
          "--b\r\nContent-Type: text/plain\r\n\r\nhi\r\n--b\r\nContent-Type: application/octet-stream\r\n" +
          `Content-Transfer-Encoding: ${encoding}\r\n\r\n`,
      ),
      content,
      Buffer.from("\r\n--b--\r\n"),
    ]);
  await using gate = await startImapGate({
    users: ["bob"],
    policy: {
      rules: [{ when: { attachment: { type: "executable" } }, then: { action: "reject" } }],
    },
  });
  const text = Buffer.from("\u201cquoted\u201d");
  await gate.dovecot.fill("bob", [
    message("base64", Buffer.from(program.toString("base64").replace(/.{76}/g, "$&\r\n"))),
    message("binary", program),
    message("8bit", text),
  ]);
  await using client = await ImapClient.login(gate.port, "bob", "INBOX");
  for (const item of ["BINARY.PEEK[2]", "BODY.PEEK[2]", "BINARY.PEEK[2]", "(BINARY[2] PREVIEW)"]) {
    const { untagged } = await client.command(`FETCH 1:3 ${item}`);
    assert.ok(!untagged.join("").includes(program.toString("latin1")), item);
    assert.ok(untagged.join("").includes(text.toString("latin1")), item); // it has octets as stand for NULs
  }
});

Deno.test("what one client may have is not given to another to which other rules apply", async () => {
  await using b = await bench({ messages: [BAD] }, {
    config: { proxies: ["127.0.0.1"] },
    policy: {
      rules: [{
        name: "laboratory",
        when: { client: "192.0.2.1" },
        then: { antivirus: { infected: "accept" }, marks: { header: "never" } },
      }],
    },
  });
  const fetched = async (from: string) => {
    await using client = await ImapClient.connect(
      b.port,
      `PROXY TCP4 ${from} 127.0.0.1 1234 143\r\n`,
    );
    await client.ok("LOGIN bob secret");
    await client.ok("SELECT INBOX");
    return (await client.ok("FETCH 1 BODY.PEEK[]")).untagged.join();
  };
  assert.match(await fetched("192.0.2.1"), /INFECTED/);
  assert.doesNotMatch(await fetched("198.51.100.9"), /INFECTED/);
  assert.match(await fetched("192.0.2.1"), /INFECTED/);
});

Deno.test("an upload of several messages is not taken for done where one is thrown away", async () => {
  await using b = await bench({}, { policy: { settings: { antivirus: { infected: "discard" } } } });
  await using client = await ImapClient.login(b.port, "bob");
  const literal = (text: string) => `{${text.length}+}\r\n${text}`;
  const { status, text } = await client.command(`APPEND Sent ${literal(CLEAN)} ${literal(BAD)}`);
  assert.equal(status, "NO");
  assert.match(text, /one by one/);
  assert.equal(b.server.appended.length, 0);
  assert.equal((await client.command(`APPEND Sent ${literal(CLEAN)}`)).status, "OK");
  assert.equal((await client.command(`APPEND Sent ${literal(BAD)}`)).status, "OK");
  assert.equal(b.server.appended.length, 1);
});

Deno.test("a server that is slow, but not silent, is waited for", async () => {
  const message = `Subject: x\r\n\r\n${"y".repeat(2000)}\r\n`;
  await using b: Awaited<ReturnType<typeof bench>> = await bench({
    messages: [message],
    answer: async ({ tag, name, text }) => {
      if (name !== "FETCH" || !text.includes("BODY")) return undefined;
      await b.server.tell(`* 1 FETCH (UID 101 BODY[] {${message.length}}\r\n`);
      for (let i = 0; i < message.length; i += 200) {
        await new Promise((wake) => setTimeout(wake, 150));
        await b.server.tell(message.slice(i, i + 200));
      }
      return `)\r\n${tag} OK done\r\n`;
    },
  }, { config: { limits: { serverTime: "1s" } } });
  await using client = await ImapClient.login(b.port, "bob", "INBOX");
  const { status } = await client.command("FETCH 1 BODY.PEEK[]");
  assert.equal(status, "OK");
});

Deno.test("who idles hears BYE when the agent drains", async () => {
  await using b = await bench({
    messages: [CLEAN],
    answer: ({ name }) => name === "IDLE" ? "+ idling\r\n" : undefined,
  });
  await using idle = await ImapClient.login(b.port, "bob", "INBOX");
  await idle.write("i IDLE\r\n");
  assert.match(await idle.response(), /^\+ /);
  const drained = b.agent.drain();
  assert.match(await idle.response(), /^\* BYE/);
  await drained;
});

Deno.test("a tag may hold a bracket", async () => {
  await using b = await bench({});
  await using client = await ImapClient.login(b.port, "bob");
  await client.write("a]1 NOOP\r\n");
  assert.match(await client.response(), /^a\]1 OK/);
});

Deno.test("a refused upload of several messages holds nothing", async () => {
  await using b = await bench({}, { config: { limits: { messageSize: "3KB" } } });
  await using client = await ImapClient.login(b.port, "bob");
  const literal = `{2000+}\r\n${"x".repeat(2000)}`;
  assert.equal((await client.command(`APPEND Sent ${literal} ${literal}`)).status, "NO");
  assert.equal(b.ports.held, 0);
});

Deno.test("a preview takes time in proportion to its message", () => {
  const message = octetsOf(`Content-Type: text/html\r\n\r\n${"<".repeat(1_000_000)}`);
  inTime(1000, () => new ChangedMessage(message).value({ name: "PREVIEW" }));
});
