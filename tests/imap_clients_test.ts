/** Real mail programs before a real daemon before a real Dovecot: what is clean arrives octet for octet, nothing else does. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { ImapFlow } from "imapflow";
import { certificate } from "./certificate.ts";
import { corpusMail, hasCorpus } from "./corpus.ts";
import { Gateway } from "./gateway.ts";
import { EICAR, infectedMail, mail } from "./mail.ts";
import { type MailboxServer, startMailboxServer } from "./peers/dovecot_mailboxes.ts";
import { peer, peerTest } from "./peers/peer.ts";
import { run } from "./peers/process.ts";
import { temporaryDirectory } from "./temporary.ts";

/** Real spam of the corpus is to pass. */
const POLICY = {
  settings: {
    antispam: { action: "accept" },
    antivirus: { suspicious: "accept" },
    marks: { header: "never" },
  },
} as const;

interface Stand extends AsyncDisposable {
  readonly dovecot: MailboxServer;
  readonly gateway: Gateway;
  readonly directory: string;
  /** Of the gateway, in clear with STARTTLS, and with TLS from the first octet on. */
  readonly port: number;
  readonly securePort: number;
  readonly authorityPath: string;
  /** What the mailbox was filled with, clean mail alone. */
  readonly clean: readonly Uint8Array[];
}

async function stand(count: number): Promise<Stand> {
  const temporary = await temporaryDirectory();
  const directory = temporary.path;
  const stack = new AsyncDisposableStack();
  stack.use(temporary);
  await Deno.mkdir(`${directory}/dovecot`);
  await Deno.chmod(`${directory}/dovecot`, 0o755);
  const { certificatePath, keyPath, authorityPath } = await certificate(directory);
  const dovecot = stack.use(
    await startMailboxServer(`${directory}/dovecot`, {
      users: ["bob"],
      protocols: ["imap"],
      tls: { certificatePath, keyPath },
    }),
  );
  const real = await hasCorpus() ? (await corpusMail(count)).map(({ message }) => message) : [];
  const clean = [mail("first"), ...real];
  const infected = [infectedMail("one"), mail("two", { body: `${EICAR}\r\n` })];
  await dovecot.fill("bob", [...clean.slice(0, 2), ...infected, ...clean.slice(2)]);
  const agent = {
    agent: "imap",
    server: `imap://localhost:${dovecot.ports.imap}`,
    serverTls: "verify",
    serverCa: authorityPath,
    tls: { certificate: certificatePath, key: keyPath },
  } as const;
  const gateway = stack.use(
    await Gateway.start({
      agents: { imap: agent, imaps: { ...agent, implicitTls: true } },
      policy: POLICY,
      config: { user: "root" },
    }),
  );
  return {
    dovecot,
    gateway,
    directory,
    port: gateway.port("imap"),
    securePort: gateway.port("imaps"),
    authorityPath,
    clean,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** Files below a folder. */
async function files(folder: string): Promise<Uint8Array[]> {
  const found: Uint8Array[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) found.push(...await files(`${folder}/${name}`));
    else if (!name.startsWith(".") && !/^(?:dovecot|maildir)/.test(name)) {
      found.push(await Deno.readFile(`${folder}/${name}`));
    }
  }
  return found;
}

const lf = (octets: Uint8Array) => Buffer.from(octets).toString("latin1").replace(/\r\n/g, "\n");

function isClean(message: Uint8Array): boolean {
  const text = Buffer.from(message).toString("latin1");
  return !text.includes(EICAR.slice(0, 40)) &&
    !text.includes(Buffer.from(EICAR).toString("base64").slice(0, 40));
}

/** What a program has fetched: all that was clean, and two notices. */
function expectFetched(fetched: readonly string[], clean: readonly Uint8Array[]): void {
  const wanted = new Map<string, number>();
  for (const message of clean.map(lf)) wanted.set(message, (wanted.get(message) ?? 0) + 1);
  let notices = 0;
  for (const message of fetched) {
    const left = wanted.get(message) ?? 0;
    if (left > 0) wanted.set(message, left - 1);
    else {
      notices++;
      assert.match(message, /removed by the mail gateway|withheld/, message.slice(0, 500));
      assert.ok(isClean(Buffer.from(message, "latin1")));
    }
  }
  const missing = [...wanted].filter(([, left]) => left > 0);
  assert.deepEqual(missing.map(([message]) => message.slice(0, 300)), []);
  assert.equal(notices, 2);
}

peerTest(
  ["dovecot-imap", "openssl", "mbsync", "offlineimap", "mutt", "script", "curl"],
  "mbsync, offlineimap, mutt, imapflow and curl get clean mail unchanged, and no virus",
  async (test) => {
    await using s = await stand(300);
    await test.step("mbsync, pipelining, under STARTTLS", async () => {
      const folder = `${s.directory}/mbsync`;
      await Deno.mkdir(folder);
      await Deno.writeTextFile(
        `${folder}/rc`,
        `IMAPAccount a
Host localhost
Port ${s.port}
User bob
Pass secret
SSLType STARTTLS
CertificateFile ${s.authorityPath}
AuthMechs PLAIN

IMAPStore far
Account a

MaildirStore near
Path ${folder}/
Inbox ${folder}/INBOX

Channel c
Far :far:
Near :near:
Patterns INBOX
Create Near
SyncState *
CopyArrivalDate no
`,
      );
      const { code, stderr, stdout } = await run(await peer("mbsync"), [
        "-c",
        `${folder}/rc`,
        "-a",
      ]);
      assert.equal(code, 0, stdout + stderr);
      // mbsync adds a line of its own to what it stores.
      const fetched = (await files(`${folder}/INBOX/cur`)).concat(
        await files(`${folder}/INBOX/new`),
      )
        .map((each) => lf(each).replace(/^X-TUID: .*\n/m, ""));
      expectFetched(fetched, s.clean);
    });
    await test.step("offlineimap, with TLS from the first octet on, as directly", async () => {
      const fetch = async (name: string, port: number) => {
        const folder = `${s.directory}/${name}`;
        await Deno.mkdir(folder);
        await Deno.writeTextFile(
          `${folder}/rc`,
          `[general]
accounts = a
metadata = ${folder}/meta
[Account a]
localrepository = local
remoterepository = remote
[Repository local]
type = Maildir
localfolders = ${folder}/mail
[Repository remote]
type = IMAP
remotehost = localhost
remoteport = ${port}
remoteuser = bob
remotepass = secret
ssl = yes
sslcacertfile = ${s.authorityPath}
folderfilter = lambda name: name == 'INBOX'
`,
        );
        const { code, stderr, stdout } = await run(await peer("offlineimap"), [
          ...["-c", `${folder}/rc`, "-o", "-u", "basic"],
        ], { environment: { HOME: folder, PATH: "/usr/bin:/bin" } });
        assert.equal(code, 0, stdout + stderr);
        return await files(`${folder}/mail`);
      };
      const direct = await fetch("direct", s.dovecot.ports.imaps);
      const fetched = await fetch("offlineimap", s.securePort);
      expectFetched(fetched.map(lf), direct.filter(isClean)); // it rewrites some headers as it likes
    });
    await test.step("mutt, under STARTTLS, as directly", async () => {
      const fetch = async (name: string, port: number) => {
        const folder = `${s.directory}/${name}`;
        await Deno.mkdir(folder);
        await Deno.writeTextFile(
          `${folder}/rc`,
          `set imap_user=bob imap_pass=secret
set ssl_force_tls=yes ssl_ca_certificates_file=${s.authorityPath}
set mbox_type=Maildir folder=${folder} confirmappend=no confirmcreate=no
set delete=no quit=yes move=no wait_key=no beep=no sleep_time=0
push "<tag-pattern>~A<enter><tag-prefix><copy-message>${folder}/copies<enter><exit>"
`,
        );
        const mutt = `${await peer("mutt")} -n -F ${folder}/rc -f imap://localhost:${port}/INBOX`;
        // It wants a terminal.
        const { code, stderr, stdout } = await run(await peer("script"), [
          ...["-q", "-e", "-c", mutt, "/dev/null"],
        ], { environment: { HOME: folder, PATH: "/usr/bin:/bin", TERM: "xterm" } });
        assert.equal(code, 0, stdout + stderr);
        return await files(`${folder}/copies`);
      };
      const direct = await fetch("mutt-direct", s.dovecot.ports.imap);
      assert.equal(direct.length, s.clean.length + 2);
      expectFetched((await fetch("mutt", s.port)).map(lf), direct.filter(isClean));
    });
    await test.step("imapflow, whole messages and parts of them", async () => {
      const authority = await Deno.readTextFile(s.authorityPath);
      const client = new ImapFlow({
        host: "localhost",
        port: s.securePort,
        secure: true,
        auth: { user: "bob", pass: "secret" },
        tls: { ca: authority },
        logger: false,
      });
      await client.connect();
      const lock = await client.getMailboxLock("INBOX");
      const fetched: string[] = [];
      const parts: string[] = [];
      for await (
        const message of client.fetch("1:*", {
          source: true,
          uid: true,
          envelope: true,
          bodyStructure: true,
          headers: true,
          bodyParts: ["1", "text", "2"],
        })
      ) {
        assert.ok(message.source && message.envelope && message.bodyStructure);
        fetched.push(lf(message.source));
        parts.push(...[...message.bodyParts!.values()].map((each) => each ? lf(each) : ""));
      }
      expectFetched(fetched, s.clean);
      assert.ok(!parts.some((part) => part.includes(EICAR.slice(0, 40))));
      const { content } = await client.download("3", "1"); // reads the structure, then the part in pieces
      let text = "";
      for await (const chunk of content!) text += chunk;
      assert.match(text, /removed by the mail gateway/);
      const added = await client.append("INBOX", "Subject: mine\r\n\r\nmine\r\n", ["\\Seen"]);
      assert.ok(added);
      await assert.rejects(client.append("INBOX", Buffer.from(infectedMail("mine"))));
      await client.messageDelete({ header: { subject: "mine" } });
      lock.release();
      await client.logout();
    });
    await test.step("curl, message by message, with partial fetches", async () => {
      const url = `imap://localhost:${s.port}/INBOX`;
      const curl = async (path: string) => {
        const { code, stdout, stderr } = await run(await peer("curl"), [
          ...["-s", "-S", "--ssl-reqd", "--cacert", s.authorityPath, "-u", "bob:secret"],
          url + path,
        ]);
        assert.equal(code, 0, stderr);
        return stdout;
      };
      assert.equal(await curl(";MAILINDEX=1"), Buffer.from(s.clean[0]!).toString());
      const notice = await curl(";MAILINDEX=3");
      assert.match(notice, /removed by the mail gateway/);
      assert.equal(await curl(";MAILINDEX=3;PARTIAL=10.50"), notice.slice(10, 60));
      assert.equal(
        await curl(";MAILINDEX=3;SECTION=1"),
        notice.slice(notice.indexOf("\r\n\r\n") + 4),
      );
    });
  },
);
