/** TLS as clients see it: certificates that the daemon makes, versions, and new certificates while it runs. */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import tls from "node:tls";
import { once } from "node:events";
import { certificate } from "./certificate.ts";
import { Gateway } from "./gateway.ts";
import { peer, peerTest } from "./peers/peer.ts";
import { run, type RunResult } from "./peers/process.ts";
import { SmtpClient } from "./peers/smtp_client.ts";
import { temporaryDirectory } from "./temporary.ts";

/** Nothing listens there: what is tested comes before anything is asked of a server. */
const NOWHERE = "127.0.0.1:9";
const START = { smtp: "smtp", pop3: "pop3", imap: "imap" } as const;

/** A gateway whose listeners take TLS with what `tls` says. */
function gateway(pem: "self-made" | { certificate: string; key: string }, config = {}) {
  return Gateway.start({
    agents: {
      smtp: { nextHop: "maildir:./Maildir", tls: pem },
      pop3: { agent: "pop3", servers: [`pop3://${NOWHERE}`], tls: pem },
      imap: { agent: "imap", servers: [`imap://${NOWHERE}`], tls: pem },
      pop3s: { agent: "pop3", servers: [`pop3://${NOWHERE}`], tls: pem, implicitTls: true },
    },
    config,
  });
}

async function sClient(args: readonly string[]): Promise<RunResult> {
  return await run(await peer("openssl"), ["s_client", ...args]);
}

/** The certificate that a listener shows to a client of its protocol. */
async function shown(port: number, starttls: string): Promise<X509Certificate> {
  const result = await sClient(["-connect", `127.0.0.1:${port}`, "-starttls", starttls]);
  const pem = /-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----/.exec(result.stdout)?.[0];
  assert.ok(pem, result.stdout + result.stderr);
  return new X509Certificate(pem);
}

/** What openssl is asked for, and whether it is to get it. */
const VERSIONS: readonly [name: string, option: string, taken: boolean][] = [
  ["TLS 1.3", "-tls1_3", true],
  ["TLS 1.2", "-tls1_2", true],
  ["TLS 1.1", "-tls1_1", false],
  ["TLS 1.0", "-tls1", false],
];

peerTest(
  ["openssl"],
  "a self-made certificate is shown by SMTP, POP3 and IMAP, told of in the log, and kept",
  async (test) => {
    await using at = await gateway("self-made");
    const said = /self-made certificate.*?sha256=([0-9A-F:]{95})/;
    const [, fingerprint] = await at.logged(said);
    for (const [listener, protocol] of Object.entries(START)) {
      const x509 = await shown(at.port(listener), protocol);
      assert.equal(x509.fingerprint256, fingerprint, listener);
      assert.equal(x509.subject, "CN=gateway.test");
    }
    assert.equal(at.log.match(/self-made certificate/g)?.length, 4, "each listener is named");
    for (const [name, option, taken] of VERSIONS) {
      await test.step(`${name} is ${taken ? "taken" : "refused"}`, async () => {
        for (const listener of Object.keys(START)) await handshake(at, listener, option, taken);
      });
    }
    assert.equal(await at.stop(), 0);
    await at.run();
    assert.equal((await at.logged(said))[1], fingerprint, "the same after a restart");
  },
);

async function handshake(at: Gateway, listener: string, option: string, taken: boolean) {
  const { stdout, stderr } = await sClient([
    ...["-connect", `127.0.0.1:${at.port(listener)}`, "-starttls", listener, option],
    ...["-cipher", "DEFAULT@SECLEVEL=0"], // the client would offer the old ones
  ]);
  const [, version, cipher] = /New, (\S+), Cipher is (\S+)/.exec(stdout) ?? [];
  const all = `${listener}: ${stdout}${stderr}`;
  if (taken) assert.equal(version, option.replace("-tls", "TLSv").replace("_", "."), all);
  else {
    assert.equal(cipher, "(NONE)", all);
    // By the server, and not for want of a client that can.
    assert.match(stderr, /alert protocol version|unexpected eof|alert handshake failure/, all);
  }
}

/** A client of a listener that begins with TLS; it takes any certificate. */
async function connect(port: number): Promise<tls.TLSSocket> {
  const socket = tls.connect({ host: "127.0.0.1", port, rejectUnauthorized: false });
  await once(socket, "data"); // the greeting
  return socket;
}

const fingerprintOf = (socket: tls.TLSSocket) =>
  new X509Certificate(socket.getPeerCertificate().raw).fingerprint256;

async function reload(at: Gateway): Promise<void> {
  const control = await at.control();
  try {
    await control.call("reload");
  } finally {
    control.close();
  }
}

/** Puts another certificate into the files of one, as whoever renews it does. */
async function renew(directory: string, into: { certificatePath: string; keyPath: string }) {
  await Deno.mkdir(`${directory}/next`);
  const next = await certificate(`${directory}/next`);
  await Deno.rename(next.certificatePath, into.certificatePath);
  await Deno.rename(next.keyPath, into.keyPath);
  const { fingerprint256 } = new X509Certificate(await Deno.readTextFile(into.certificatePath));
  return { fingerprint256, authorityPem: next.authorityPem };
}

for (const watch of [false, true]) {
  const how = watch ? "with watch: true at once" : "after postern reload";
  peerTest(
    ["openssl"],
    `a renewed certificate is shown ${how}, and sessions under way go on`,
    async () => {
      await using directory = await temporaryDirectory();
      const old = await certificate(directory.path);
      const pem = { certificate: old.certificatePath, key: old.keyPath };
      await using at = await gateway(pem, { watch });

      using mail = await SmtpClient.connect(at.port("smtp"));
      await mail.ehlo();
      await mail.startTls(old.authorityPem);
      using early = await SmtpClient.connect(at.port("smtp")); // and takes TLS later
      await early.ehlo();
      const held = await connect(at.port("pop3s"));
      const before = fingerprintOf(held);

      const { fingerprint256, authorityPem } = await renew(directory.path, old);
      assert.notEqual(fingerprint256, before);
      if (watch) await at.logged(/Reloaded.*by=watch/);
      else {
        await reload(at);
      }

      const fresh = await connect(at.port("pop3s"));
      assert.equal(fingerprintOf(fresh), fingerprint256);
      fresh.destroy();
      for (const [listener, protocol] of Object.entries(START)) {
        assert.equal((await shown(at.port(listener), protocol)).fingerprint256, fingerprint256);
      }
      assert.equal((await early.startTls(authorityPem)).code, 250, "one that was there");
      const sent = await mail.send({
        sender: "a@example.org",
        recipients: ["b@example.com"],
        message: new TextEncoder().encode("Subject: x\r\n\r\nx\r\n"),
      });
      assert.equal(sent.code, 250, sent.text);
      held.write("CAPA\r\n");
      const [answer] = await once(held, "data");
      assert.match(String(answer), /^\+OK/);
      held.destroy();
    },
  );
}

peerTest(
  ["openssl"],
  "a certificate that does not fit its key leaves the old one in force",
  async () => {
    await using directory = await temporaryDirectory();
    const old = await certificate(directory.path);
    const pem = { certificate: old.certificatePath, key: old.keyPath };
    await using at = await gateway(pem);
    const before = (await shown(at.port("smtp"), "smtp")).fingerprint256;
    await Deno.mkdir(`${directory.path}/next`);
    const next = await certificate(`${directory.path}/next`);
    await Deno.rename(next.certificatePath, old.certificatePath);
    await assert.rejects(reload(at), /Cannot use the certificate and key/);
    assert.equal((await shown(at.port("smtp"), "smtp")).fingerprint256, before);
    await Deno.rename(next.keyPath, old.keyPath);
    await reload(at);
    assert.notEqual((await shown(at.port("smtp"), "smtp")).fingerprint256, before);
  },
);
