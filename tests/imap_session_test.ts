/** Sessions of the IMAP agent before a real Dovecot: log-ins, TLS, changes from elsewhere, recorded sessions. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { serverIdentity, upgradesOverStreams } from "../agents/tls.ts";
import { certificate } from "./certificate.ts";
import { CORPUS, hasCorpus } from "./corpus.ts";
import { BAD, bench } from "./imap_bench.ts";
import { startImapGate } from "./imap_gate.ts";
import { infectedMail, mail } from "./mail.ts";
import { startMailboxServer } from "./peers/dovecot_mailboxes.ts";
import { ImapClient } from "./peers/imap_client.ts";
import { peerTest } from "./peers/peer.ts";
import { temporaryDirectory } from "./temporary.ts";

const MAILS = [mail("one"), mail("two"), infectedMail("three"), mail("four")];

peerTest(
  ["dovecot-imap"],
  "LOGIN and each mechanism of SASL tell the policy who it is",
  async () => {
    const policy = {
      rules: [{
        name: "kate reads everything",
        when: { user: "kate" },
        then: { antivirus: { infected: "accept" }, marks: { header: "never" } },
      }],
    };
    await using gate = await startImapGate({ users: ["bob", "kate"], policy });
    await gate.dovecot.fill("bob", MAILS);
    await gate.dovecot.fill("kate", MAILS);
    const base64 = (text: string) => btoa(text);
    const ways: ((client: ImapClient, user: string) => Promise<unknown>)[] = [
      (client, user) => client.ok(`LOGIN "${user}" {6+}\r\nsecret`),
      (client, user) => client.ok(`AUTHENTICATE PLAIN ${base64(`\0${user}\0secret`)}`),
      async (client, user) => {
        await client.write("a AUTHENTICATE PLAIN\r\n");
        assert.match(await client.response(), /^\+/);
        await client.write(`${base64(`\0${user}\0secret`)}\r\n`);
        assert.equal((await client.answer("a")).status, "OK");
      },
      async (client, user) => {
        await client.write("a AUTHENTICATE LOGIN\r\n");
        for (const word of [user, "secret"]) {
          assert.match(await client.response(), /^\+/);
          await client.write(`${base64(word)}\r\n`);
        }
        assert.equal((await client.answer("a")).status, "OK");
      },
    ];
    for (const way of ways) {
      for (const user of ["bob", "kate"]) {
        await using client = await ImapClient.connect(gate.port);
        assert.equal((await client.command("SELECT INBOX")).status, "BAD");
        await way(client, user);
        assert.match((await client.command("LOGIN bob secret")).text, /Logged in already/);
        await client.ok("SELECT INBOX");
        const { untagged } = await client.ok("FETCH 3 RFC822.TEXT");
        assert.equal(/WDVPIVAl/.test(untagged[0]!), user === "kate", user);
      }
    }
    assert.deepEqual(
      new Set(gate.ports.records.map(({ envelope }) => envelope.user)),
      new Set(["bob", "kate"]),
    );
    await using client = await ImapClient.connect(gate.port);
    await client.write("a AUTHENTICATE PLAIN\r\n");
    assert.match(await client.response(), /^\+/);
    await client.write("*\r\n");
    assert.equal((await client.answer("a")).status, "BAD");
    assert.equal((await client.command("AUTHENTICATE PLAIN !")).status, "BAD");
    assert.equal((await client.command("AUTHENTICATE GSSAPI")).status, "NO");
    assert.equal((await client.command("LOGIN bob wrong")).status, "NO");
    assert.equal((await client.command("LOGIN bob secret")).status, "OK");
  },
);

peerTest(
  ["dovecot-imap", "openssl"],
  "STARTTLS and TLS from the first octet on, on both sides",
  async () => {
    if (!upgradesOverStreams()) return; // Deno 2.4 cannot; the agent refuses to start there
    await using temporary = await temporaryDirectory();
    const made = await certificate(temporary.path);
    const tlsPem = {
      certificate: await Deno.readTextFile(made.certificatePath),
      key: await Deno.readTextFile(made.keyPath),
    };
    await using gate = await startImapGate({
      users: ["bob"],
      server: { tls: made },
      start: { tlsPem, serverCaPem: made.authorityPem },
      config: { requireTls: true, tls: { certificate: "-", key: "-" }, serverTls: "encrypt" },
    });
    await gate.dovecot.fill("bob", MAILS);
    await using client = await ImapClient.connect(gate.port);
    assert.match(client.greeting, /STARTTLS LOGINDISABLED/);
    assert.doesNotMatch(client.greeting, /AUTH=/);
    assert.match((await client.command("LOGIN bob secret")).text, /^\[PRIVACYREQUIRED\]/);
    assert.match((await client.command("AUTHENTICATE PLAIN")).text, /^\[PRIVACYREQUIRED\]/);
    // Attack 6: nothing behind STARTTLS in the same segment is run.
    await client.write("a STARTTLS\r\nb LOGIN bob secret\r\n");
    assert.equal((await client.answer("a")).status, "OK");
    await client.secure(made.authorityPem);
    const { untagged } = await client.ok("CAPABILITY");
    assert.match(untagged[0]!, /AUTH=PLAIN/);
    assert.doesNotMatch(untagged[0]!, /STARTTLS|LOGINDISABLED/);
    assert.equal((await client.command("STARTTLS")).status, "BAD");
    assert.equal((await client.command("SELECT INBOX")).text, "Log in first");
    await client.ok("LOGIN bob secret");
    await client.ok("SELECT INBOX");
    assert.match(
      (await client.ok("FETCH 3 BODY.PEEK[]")).untagged[0]!,
      /removed by the mail gateway/,
    );
    assert.equal(gate.ports.records[0]!.envelope.protocol, "IMAPS");
  },
);

peerTest(
  ["dovecot-imap", "openssl"],
  "a server without TLS is not spoken to where TLS is demanded",
  async () => {
    await using gate = await startImapGate({ users: ["bob"], config: { serverTls: "encrypt" } });
    await using client = await ImapClient.connect(gate.port);
    assert.match(client.greeting, /^\* BYE \[UNAVAILABLE\]/);
  },
);

peerTest(
  ["dovecot-imap"],
  "a log-in names its server, and no other than those that are listed",
  async () => {
    await using one = await startImapGate({ users: ["bob"] });
    const port = one.dovecot.ports.imap;
    await one.dovecot.fill("bob", MAILS);
    const { startImapAgent } = await import("../agents/imap/agent.ts");
    const { imapAgentSchema } = await import("../policy/imap_config.ts");
    const agent = await startImapAgent({
      ...imapAgentSchema.parse({
        agent: "imap",
        listen: "127.0.0.1:0",
        servers: [`imap://localhost:${port}`],
      }),
      hostname: "gate.test",
    }, one.ports);
    try {
      await using client = await ImapClient.connect(Number(agent.addresses[0]!.split(":")[1]));
      assert.match(client.greeting, /^\* OK \[CAPABILITY IMAP4rev1 LITERAL\+ ID\]/);
      await client.ok('ID ("name" "x")');
      assert.equal((await client.command("LOGIN bob secret")).status, "NO");
      assert.equal((await client.command("LOGIN bob#192.0.2.1 secret")).status, "NO");
      assert.equal((await client.command("LOGIN bob#localhost {5+}\r\nwrong")).status, "NO");
      assert.match((await client.ok("LOGIN bob#LOCALHOST secret")).text, /QRESYNC/);
      await client.ok("SELECT INBOX");
      assert.match((await client.ok("FETCH 3 BODY.PEEK[]")).untagged[0]!, /removed by the mail/);
      await client.ok("LOGOUT");
    } finally {
      agent.close();
      await agent.drain();
    }
  },
);

peerTest(
  ["dovecot-imap"],
  "changes from elsewhere come at their time: IDLE, EXPUNGE, CONDSTORE, QRESYNC",
  async () => {
    await using gate = await startImapGate({ users: ["bob"] });
    await gate.dovecot.fill("bob", MAILS);
    await using client = await ImapClient.login(gate.port, "bob", "INBOX");
    await using other = await ImapClient.login(gate.dovecot.ports.imap, "bob", "INBOX");
    await client.write("i IDLE\r\n");
    assert.match(await client.response(), /^\+ /);
    await other.append("INBOX", infectedMail("five"));
    assert.match(await client.response(), /EXISTS/);
    await other.ok("STORE 1 +FLAGS (\\Flagged)");
    await client.write("DONE\r\n");
    const { untagged } = await client.answer("i");
    const more = await client.ok("NOOP");
    assert.match([...untagged, ...more.untagged].join("\n"), /\* 1 FETCH \(.*\\Flagged/);
    // Expunged elsewhere: a FETCH by numbers hears nothing of it, one by UIDs may.
    await other.ok("STORE 2 +FLAGS (\\Deleted)");
    await other.ok("EXPUNGE");
    const byNumber = await client.command("FETCH 1:5 (UID BODY.PEEK[TEXT])");
    assert.doesNotMatch(byNumber.untagged.join("\n"), /EXPUNGE/);
    assert.equal(
      byNumber.untagged.filter((each) => /^\* \d FETCH \(UID \d BODY/.test(each)).length >= 4,
      true,
    );
    const byUid = await client.command("UID FETCH 1:* (BODY.PEEK[TEXT])");
    const after = await client.ok("NOOP");
    assert.match([...byUid.untagged, ...after.untagged].join("\n"), /\* 2 EXPUNGE/);
    for (const text of [...byNumber.untagged, ...byUid.untagged]) {
      assert.doesNotMatch(
        text,
        /WDVPIVAl/,
      );
    }
    // RFC 7162
    await using resync = await ImapClient.login(gate.port, "bob");
    assert.match((await resync.ok("ENABLE QRESYNC X-OTHER")).untagged.join(), /ENABLED.*QRESYNC/);
    const selected = await resync.ok("SELECT INBOX (CONDSTORE)");
    const [, validity] = /UIDVALIDITY (\d+)/.exec(selected.untagged.join())!;
    const [, modseq] = /HIGHESTMODSEQ (\d+)/.exec(selected.untagged.join())!;
    await other.ok("STORE 1 +FLAGS (changed)");
    const changed = await resync.ok(
      `UID FETCH 1:* (FLAGS BODY.PEEK[]) (CHANGEDSINCE ${modseq} VANISHED)`,
    );
    assert.match(
      changed.untagged.join("\n"),
      /\* 1 FETCH \(UID 1 FLAGS \([^)]*changed[^)]*\) .*MODSEQ/s,
    );
    assert.equal(changed.untagged.filter((each) => each.includes("BODY[]")).length, 1);
    await resync.ok("UNSELECT");
    const again = await resync.ok(`SELECT INBOX (QRESYNC (${validity} 1 1:5))`);
    assert.match(again.untagged.join("\n"), /VANISHED \(EARLIER\) 2/);
    assert.match(
      (await resync.ok("UID FETCH 3 (BODY.PEEK[])")).untagged[0]!,
      /removed by the mail/,
    );
  },
);

peerTest(
  ["dovecot-imap"],
  "recorded sessions of programs go as they do without the agent",
  async () => {
    if (!await hasCorpus()) return;
    const clean = { settings: { antivirus: { action: "accept" }, antispam: { action: "accept" } } };
    const folder = `${CORPUS}proto/capture/imap`;
    // Two servers alike: the sessions change what is in the mailbox.
    await using gate = await startImapGate({ users: ["bob"], policy: clean });
    await using temporary = await temporaryDirectory();
    const like = { users: ["bob"], protocols: ["imap"] } as const;
    await using other = await startMailboxServer(temporary.path, like);
    await gate.dovecot.fill("bob", MAILS);
    await other.fill("bob", MAILS);
    const names = (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name).sort();
    for (const name of names) {
      const lines = (await Deno.readTextFile(`${folder}/${name}`)).split("\n").filter(Boolean);
      const sent = lines.map((line) => JSON.parse(line) as { dir: string; data?: string })
        .filter(({ dir, data }) => dir === "c" && data)
        .map(({ data = "" }) => Buffer.from(data, "base64").toString("latin1"));
      assert.deepEqual(await play(gate.port, sent), await play(other.ports.imap, sent), name);
    }
  },
);

/** Sends what a program sent, piece by piece, and gives what was said, as far as it is the same from run to run. */
async function play(port: number, sent: readonly string[]): Promise<string[]> {
  await using client = await ImapClient.connect(port);
  const said: string[] = [];
  let tag = "";
  let inLiteral = false;
  for (const [i, piece] of sent.entries()) {
    const commands = inLiteral ? [] : [...piece.matchAll(/^([A-Za-z0-9.]+) [A-Z]+/gm)];
    tag = commands.at(-1)?.[1] ?? tag;
    inLiteral = /\{\d+\}\r\n$/.test(piece);
    await client.write(piece);
    if (sent[i + 1] === "\r\n") continue; // a line end that was written by itself
    while (true) {
      const response = await client.response();
      said.push(
        response.replace(/ ?\(\d+\.\d+ \+ .*? secs\)/, "").replace(/\[[^\]]*\]/g, "[]")
          .replace(/^\* CAPABILITY .*/, "* CAPABILITY").replace(/ ?\\Recent/g, "")
          .replace(/^\+.*/, "+"),
      );
      if (response.startsWith("+") || new RegExp(`^${tag} (OK|NO|BAD)`).test(response)) break;
    }
    if (/LOGOUT/i.test(piece)) break;
  }
  return said.filter((each) => !/RECENT|UNSEEN/.test(each)); // who selects first
}

peerTest(
  ["dovecot-imap"],
  "the corpus's cases of IMAP are answered as they should be",
  async () => {
    if (!await hasCorpus()) return;
    const cases = (await Deno.readTextFile(`${CORPUS}proto/imap.jsonl`)).split("\n").filter(Boolean)
      .map((line) => JSON.parse(line) as { id: string; steps: [string, string][] });
    await using gate = await startImapGate({ users: ["bob"] });
    await gate.dovecot.fill("bob", MAILS);
    for (const { id, steps } of cases) {
      const conn = await Deno.connect({ hostname: "127.0.0.1", port: gate.port });
      let text = "";
      const buffer = new Uint8Array(65536);
      for (const [kind, value] of steps) {
        if (kind === "c") {
          text = "";
          await conn.write(Buffer.from(value, "latin1"));
          continue;
        }
        const flags = /^\(\?([ims]+)\)/.exec(value)?.[1] ?? "";
        const wanted = new RegExp(value.replace(/^\(\?[ims]+\)/, ""), flags);
        while (!wanted.test(text)) {
          const count = await conn.read(buffer);
          assert.ok(
            count !== null,
            `${id}: ${value} is not in ${JSON.stringify(text.slice(-500))}`,
          );
          text += Buffer.from(buffer.subarray(0, count)).toString("latin1");
        }
        assert.doesNotMatch(text, /WDVPIVAl/, id);
      }
      conn.close();
    }
  },
);

peerTest(
  ["openssl"],
  "attack 7: what a server says in clear behind its answer to STARTTLS ends it",
  async () => {
    if (!upgradesOverStreams()) return;
    await using temporary = await temporaryDirectory();
    const made = await certificate(temporary.path);
    const identity = serverIdentity({
      certificate: await Deno.readTextFile(made.certificatePath),
      key: await Deno.readTextFile(made.keyPath),
    });
    for (const behindStartTls of ["", "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN X-EVIL] forged\r\n"]) {
      await using b = await bench({ messages: [BAD], identity, behindStartTls });
      await using client = await ImapClient.connect(b.port);
      if (behindStartTls !== "") {
        assert.match(client.greeting, /^\* BYE \[UNAVAILABLE\]/);
        assert.ok(b.ports.logged.some((line) => line.includes("octets in clear")));
        continue;
      }
      assert.doesNotMatch(client.greeting, /STARTTLS/);
      await client.ok("LOGIN bob secret");
      await client.ok("SELECT INBOX");
      assert.doesNotMatch((await client.ok("FETCH 1 BODY[]")).untagged.join(), /INFECTED/);
    }
  },
);

Deno.test("a client whom the server knows already needs no log-in, and is scanned for all the same", async () => {
  await using b = await bench({
    messages: [BAD],
    greeting: "* PREAUTH [CAPABILITY IMAP4rev1] hello\r\n",
  });
  await using client = await ImapClient.connect(b.port);
  assert.equal(client.greeting, "* PREAUTH [CAPABILITY IMAP4rev1] hello");
  assert.equal((await client.command("LOGIN bob secret")).status, "BAD");
  await client.ok("SELECT INBOX");
  assert.doesNotMatch((await client.ok("FETCH 1 BODY[]")).untagged.join(), /INFECTED/);
});
