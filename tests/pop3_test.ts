/** The POP3 agent before a real Dovecot, with real mail programs: clean mail octet by octet, infected mail by no way at all. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { certificate } from "./certificate.ts";
import { CORPUS, corpusMail, hasCorpus, manifest } from "./corpus.ts";
import { Gateway, type GatewayOptions } from "./gateway.ts";
import { EICAR, infectedMail, mail, zippedMail } from "./mail.ts";
import { type MailboxServer, PASSWORD, startMailboxServer } from "./peers/dovecot_mailboxes.ts";
import { peer, peerTest } from "./peers/peer.ts";
import { run } from "./peers/process.ts";
import { Pop3Client } from "./peers/pop3_client.ts";
import { POP3_PROGRAMS } from "./peers/pop3_programs.ts";
import { temporaryDirectory } from "./temporary.ts";

const USER = "bob@here.test";
/** Corpus mail that is fetched by each program. */
const COUNT = 300;

/** Dovecot with a mailbox, and the gateway before it. */
async function withMailbox(
  messages: readonly Uint8Array[],
  body: (
    at: { server: MailboxServer; gateway: Gateway; direct: number; port: number },
  ) => Promise<void>,
  options: Omit<GatewayOptions, "agents"> = {},
): Promise<void> {
  await using directory = await temporaryDirectory();
  await using server = await startMailboxServer(directory.path, {
    users: [USER],
    protocols: ["pop3"],
  });
  await server.fill(USER, messages);
  const direct = server.ports.pop3;
  await using gateway = await Gateway.start({
    agents: { pop3: { agent: "pop3", server: `pop3://127.0.0.1:${direct}` } },
    ...options,
  });
  await body({ server, gateway, direct, port: gateway.port("pop3") });
}

const hash = (octets: Uint8Array) => createHash("sha256").update(octets).digest("hex");
const withLf = (octets: Uint8Array) =>
  Buffer.from(Buffer.from(octets).toString("latin1").replaceAll("\r\n", "\n"), "latin1");

peerTest(
  ["dovecot-pop3", "curl", "mpop", "getmail", "fetchmail", "python3"],
  `POP3: ${COUNT} mails come through as they come from Dovecot itself, to a plain client and to every mail program`,
  async () => {
    const mails = await hasCorpus()
      ? (await corpusMail(COUNT)).map(({ message }) => message)
      : Array.from({ length: COUNT }, (_, i) => mail(`${i}@test`));
    await withMailbox(mails.map(withLf), async ({ direct, port, gateway }) => {
      using there = await Pop3Client.login(direct, USER, PASSWORD);
      using here = await Pop3Client.login(port, USER, PASSWORD);
      assert.equal(await here.command("STAT"), await there.command("STAT"));
      for (const command of ["LIST", "UIDL"]) {
        assert.deepEqual((await here.list(command)).wire, (await there.list(command)).wire);
      }
      for (let number = 1; number <= COUNT; number++) {
        for (const command of [`TOP ${number} 0`, `TOP ${number} 7`, `RETR ${number}`]) {
          const [ours, theirs] = [await here.list(command), await there.list(command)];
          assert.ok(theirs.wire, theirs.status);
          assert.ok(ours.wire?.equals(theirs.wire), `${command}: ${ours.status}`);
        }
      }
      assert.equal(await here.command("STAT"), await there.command("STAT"));
      assert.deepEqual((await here.list("LIST")).wire, (await there.list("LIST")).wire);
      await here.command("QUIT");
      await there.command("QUIT");

      for (const [name, fetch] of Object.entries(POP3_PROGRAMS)) {
        const fetched: string[][] = [];
        for (const at of [direct, port]) {
          await using directory = await temporaryDirectory();
          const files = await fetch({
            port: at,
            user: USER,
            password: PASSWORD,
            count: COUNT,
            directory: directory.path,
          });
          fetched.push(files.map(hash).sort());
        }
        assert.ok(
          fetched[0]!.length === COUNT || name === "fetchmail",
          `${name} fetched ${fetched[0]!.length}`,
        );
        assert.deepEqual(fetched[1], fetched[0], name);
      }
      assert.doesNotMatch(gateway.log, /^\S+ (?:warning|error) /m);
    }, { policy: { settings: { antispam: { action: "accept" } } } });
  },
);

peerTest(
  ["dovecot-pop3"],
  "POP3: nothing infected reaches a client, by RETR or by TOP",
  async () => {
    const names: string[] = [];
    const mails: Uint8Array[] = [];
    const add = (name: string, message: Uint8Array) => {
      names.push(name);
      mails.push(message);
    };
    add("attached", infectedMail("attached@test"));
    add("body", mail("body@test", { body: `${EICAR}\r\n` }));
    add("zip in zip", zippedMail("zip@test", Buffer.from(EICAR), 2));
    if (await hasCorpus()) {
      for (const { file, expect, also, sig } of await manifest("evasion")) {
        if (expect === "infected" && sig === undefined && !also?.includes("clean")) {
          add(file, await Deno.readFile(`${CORPUS}${file}`));
        }
      }
      for (const { file, expect, also, sig, set } of await manifest("files")) {
        if (expect !== "infected" || sig !== undefined || set !== undefined) continue;
        if (!file.startsWith("files/made/") || also?.includes("clean")) continue;
        const content = await Deno.readFile(`${CORPUS}${file}`);
        add(
          file,
          mail(`${names.length}@test`, {
            attachments: [{ name: file.split("/").at(-1)!, content }],
          }),
        );
      }
    }
    const policy = {
      settings: { antivirus: { infected: "reject", suspicious: "reject", notScanned: "reject" } },
    };
    await withMailbox(mails.map(withLf), async ({ direct, port, gateway }) => {
      using there = await Pop3Client.login(direct, USER, PASSWORD);
      using here = await Pop3Client.login(port, USER, PASSWORD);
      let count = 0;
      for (const [i, name] of names.entries()) {
        const original = (await there.list(`RETR ${i + 1}`)).wire!;
        const empty = original.indexOf("\r\n\r\n");
        const body = original.subarray(empty === -1 ? 0 : empty + 4).toString("latin1");
        // Every longer line of the body that is no text of the mail around it.
        const lines = body.split("\r\n").filter((line) =>
          line.length > 30 && !/^(?:Content-|--|This is)/i.test(line)
        );
        for (
          const command of [
            `TOP ${i + 1} 0`,
            `TOP ${i + 1} 3`,
            `TOP ${i + 1} 1000000`,
            `RETR ${i + 1}`,
          ]
        ) {
          const { status, wire } = await here.list(command);
          assert.ok(wire, `${name}: ${command}: ${status}`);
          const text = wire.toString("latin1");
          assert.ok(!text.includes(EICAR), `${name}: ${command} shows the test file`);
          const shown = lines.find((line) =>
            text.split("\r\n\r\n").slice(1).join("\r\n\r\n").includes(line)
          );
          assert.equal(shown, undefined, `${name}: ${command} shows ${shown}`);
          count++;
        }
      }
      assert.equal(await here.command("QUIT"), "+OK Logging out.");
      assert.equal(count, names.length * 4);
      assert.doesNotMatch(gateway.log, /A session failed/);
    }, { policy });
  },
);

peerTest(
  ["dovecot-pop3"],
  "POP3: the notice comes when the copy lies in quarantine, once; DELE and QUIT are the client's",
  async () => {
    const clean = mail("clean@test");
    await withMailbox(
      [infectedMail("eicar@test"), clean].map(withLf),
      async ({ port, gateway, direct }) => {
        for (let i = 0; i < 2; i++) {
          using client = await Pop3Client.login(port, USER, PASSWORD);
          const { wire } = await client.list("RETR 1");
          const id = /Its number: (\S+)/.exec(wire!.toString())?.[1];
          const control = await gateway.control();
          const { result } = await control.call("quarantine.list", {});
          control.close();
          const entries = result as { id: string; recipients: readonly string[] }[];
          assert.deepEqual(entries.map((entry) => entry.id), [id]);
          assert.deepEqual(entries[0]!.recipients, [USER]);
          await client.command("DELE 1"); // and goes away without QUIT
        }
        using client = await Pop3Client.login(port, USER, PASSWORD);
        assert.match(await client.command("STAT"), /^\+OK 2 /);
        await client.command("DELE 1");
        assert.match(await client.command("QUIT"), /^\+OK/);
        using again = await Pop3Client.login(direct, USER, PASSWORD);
        assert.match(await again.command("STAT"), /^\+OK 1 /);
        assert.equal((await again.list("RETR 1")).wire!.toString(), clean.toString());
      },
      { policy: { settings: { antivirus: { infected: "quarantine" } } } },
    );
  },
);

peerTest(
  ["dovecot-pop3"],
  "POP3: a reload holds from the next message on, in sessions that run; a killed gateway deletes nothing",
  async () => {
    const mails = [infectedMail("one@test"), infectedMail("two@test"), mail("three@test")];
    await withMailbox(mails.map(withLf), async ({ port, gateway, direct }) => {
      const agents = { pop3: { agent: "pop3", server: `pop3://127.0.0.1:${direct}` } } as const;
      using client = await Pop3Client.login(port, USER, PASSWORD);
      assert.match((await client.list("RETR 1")).status, /^-ERR \[SYS\/PERM\] /);
      const reload = async (options: GatewayOptions) => {
        await gateway.writeDocuments(options);
        const control = await gateway.control();
        await control.call("reload");
        control.close();
      };
      const policy = { settings: { antivirus: { infected: "defer" } } };
      await reload({ agents, policy });
      assert.match((await client.list("RETR 1")).status, /^-ERR \[SYS\/TEMP\] /);
      // Another server setting needs a new worker: the session stays with the old one until it ends.
      await reload({ agents: { pop3: { ...agents.pop3, serverTls: "none" as const } }, policy });
      using other = await Pop3Client.login(port, USER, PASSWORD);
      assert.match(await other.command("DELE 2"), /^\+OK/);
      assert.match(await other.command("DELE 3"), /^\+OK/);
      await gateway.kill();
      using again = await Pop3Client.login(direct, USER, PASSWORD);
      assert.match(await again.command("STAT"), /^\+OK 3 /);
    }, { policy: { settings: { antivirus: { infected: "discard" } } } });
  },
);

interface ProtocolCase {
  readonly id: string;
  readonly steps: readonly (readonly [string, string])[];
}

peerTest(
  ["dovecot-pop3"],
  "POP3: the corpus's scripted sessions go as they go with Dovecot itself",
  async () => {
    if (!await hasCorpus()) return console.log("skipped: the corpus is not there");
    const lines = (await Deno.readTextFile(`${CORPUS}proto/pop3.jsonl`)).trim().split("\n");
    const mails = Array.from(
      { length: 3 },
      (_, i) => mail(`${i}@test`, { body: "..dots\r\n.\r\n" }),
    );
    await withMailbox(mails.map(withLf), async ({ direct, port }) => {
      for (const line of lines) {
        const { id, steps } = JSON.parse(line) as ProtocolCase;
        const results: string[][] = [];
        for (const at of [direct, port]) {
          const said: string[] = [];
          using client = await Pop3Client.connect(at);
          let first = true;
          for (const [kind, text] of steps) {
            if (kind === "c") await client.write(text.replace("USER bob", `USER ${USER}`));
            else if (kind === "s") {
              const reply = first
                ? client.greeting
                : (await client.until("\r\n")).subarray(0, -2).toString("latin1");
              first = false;
              assert.match(
                reply,
                new RegExp(text),
                `${id} at ${at === direct ? "Dovecot" : "Postern"}`,
              );
              said.push(reply.split(" ")[0]!);
            } else if (kind === "multi") {
              said.push((await client.until("\r\n.\r\n")).toString("latin1"));
            } else assert.fail(`${id}: there is no step ${kind}`);
          }
          results.push(said);
        }
        // Capabilities are those that go through here, and a bare LF ends no line here.
        if (id !== "capa" && id !== "bare-lf") assert.deepEqual(results[1], results[0], id);
      }
    });
  },
);

peerTest(
  ["dovecot-pop3", "curl", "openssl"],
  "POP3: curl logs in each way that Dovecot offers, in clear, with STLS and with TLS from the first octet on, on both sides",
  async () => {
    await using directory = await temporaryDirectory();
    const pem = await certificate(directory.path);
    const message = mail("tls@test");
    await using home = await temporaryDirectory();
    await using server = await startMailboxServer(home.path, {
      users: [USER],
      protocols: ["pop3"],
      tls: pem,
    });
    await server.fill(USER, [withLf(message)]);
    const common = {
      agent: "pop3",
      tls: { certificate: pem.certificatePath, key: pem.keyPath },
      serverTls: "verify",
      serverCa: pem.authorityPath,
    } as const;
    await using gateway = await Gateway.start({
      agents: {
        stls: { ...common, server: `pop3://127.0.0.1:${server.ports.pop3}` },
        implicit: {
          ...common,
          implicitTls: true,
          server: `pop3s://127.0.0.1:${server.ports.pop3s}`,
        },
      },
      policy: {
        settings: { antispam: { action: "accept" } },
        rules: [{ when: { tls: false }, then: { marks: { header: "always" } } }],
      },
    });
    const ways = [
      { scheme: "pop3", listener: "stls", options: [] },
      { scheme: "pop3", listener: "stls", options: ["--ssl-reqd"] },
      { scheme: "pop3s", listener: "implicit", options: [] },
    ] as const;
    for (const { scheme, listener, options } of ways) {
      for (const login of ["AUTH=PLAIN", "AUTH=LOGIN", "AUTH=CRAM-MD5", "AUTH=+APOP", "AUTH=*"]) {
        const what = `${scheme} ${options.join(" ")} ${login}`;
        const { code, stdout, stderr } = await run(await peer("curl"), [
          ...["-sS", "--cacert", pem.authorityPath, "--user", `${USER}:${PASSWORD}`],
          ...["--login-options", login, ...options],
          `${scheme}://localhost:${gateway.port(listener)}/1`,
        ]);
        assert.equal(code, 0, `${what}: ${stderr}\n${server.process.output}`);
        const secure = scheme === "pop3s" || options.length > 0;
        const mark = secure ? "" : "X-Postern-Status: clean\r\n"; // the rule saw how the client came
        assert.equal(stdout, mark + message.toString(), what);
      }
    }
    const wrong = await run(await peer("curl"), [
      ...["-sS", "--user", `${USER}:wrong`, `pop3://127.0.0.1:${gateway.port("stls")}/1`],
    ]);
    assert.equal(wrong.code, 67, wrong.stderr); // login denied
  },
);
