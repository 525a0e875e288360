import assert from "node:assert/strict";
import { serverIdentity, upgradesOverStreams } from "../tls.ts";
import { makeCertificates } from "../smtp/testing/certificates.ts";
import { Pop3Client, Pop3Harness } from "./testing/harness.ts";

const MAIL = "From: a@example.org\r\n\r\nbody\r\n";
const ignore = !upgradesOverStreams(); // Deno 2.4 cannot; the agent refuses to start there
const certificates = ignore ? undefined! : await makeCertificates();
const other = ignore ? undefined! : await makeCertificates();
const { certificate, key, ca } = ignore ? { certificate: "", key: "", ca: "" } : certificates;
const tlsPem = { certificate, key };
const identity = ignore ? undefined! : serverIdentity(certificates);

function test(name: string, run: () => Promise<void>): void {
  Deno.test(`POP3 TLS ${name}`, { ignore }, run);
}

/** The client's side of the handshake. */
async function secure(client: Pop3Client): Promise<void> {
  const conn = await Deno.startTls(client.conn as Deno.TcpConn, {
    hostname: "localhost",
    caCerts: [ca],
  });
  await conn.handshake();
  client.conn = conn;
}

test("STLS to the client; what was said before is forgotten", async () => {
  await using h = await Pop3Harness.start({ tlsPem, server: { messages: [MAIL] } });
  const client = await h.connect();
  assert.match((await client.fetch("CAPA")).text, /^STLS\r$/m);
  assert.equal(await client.ask("USER bob"), "+OK");
  assert.match(await client.ask("STLS"), /^\+OK/);
  await secure(client);
  assert.match(await client.ask("PASS secret"), /^-ERR Send USER first/);
  assert.doesNotMatch((await client.fetch("CAPA")).text, /STLS/);
  assert.match(await client.ask("STLS"), /^-ERR/);
  await client.ask("USER bob");
  assert.equal(await client.ask("PASS secret"), "+OK in");
  assert.equal((await client.fetch("RETR 1")).text, MAIL);
  assert.equal(h.ports.records[0]!.envelope.protocol, "POP3S");
  assert.equal(await client.ask("QUIT"), "+OK bye");
});

test("attack 26: commands behind STLS in the same segment are not run", async () => {
  await using h = await Pop3Harness.start({ tlsPem, server: { messages: [MAIL] } });
  const client = await h.connect();
  await client.write("STLS\r\nUSER evil\r\nPASS secret\r\n");
  assert.match(await client.line(), /^\+OK/);
  await secure(client);
  assert.match(await client.ask("PASS secret"), /^-ERR Send USER first/);
  assert.ok(!h.server.heard.some((each) => each.includes("evil")));
});

test("attack 26: answers of a server behind its reply to STLS end the session", async () => {
  await using h = await Pop3Harness.start({
    server: { messages: [MAIL], identity, behindStls: "+OK injected\r\n" },
    config: { serverTls: "encrypt" },
  });
  assert.match((await h.connect()).greeting, /^-ERR \[SYS\/TEMP\] /);
});

test("is demanded before a login where the configuration says so", async () => {
  await using h = await Pop3Harness.start({ tlsPem, config: { requireTls: true } });
  const client = await h.connect();
  assert.doesNotMatch((await client.fetch("CAPA")).text, /USER|SASL/);
  for (const command of ["USER bob", "APOP bob 0", "AUTH PLAIN"]) {
    assert.match(await client.ask(command), /^-ERR Use STLS first/);
  }
  assert.deepEqual(h.server.heard, ["CAPA", "CAPA"]); // for STLS, and for the client
  await client.ask("STLS");
  await secure(client);
  await client.ask("USER bob");
  assert.equal(await client.ask("PASS secret"), "+OK in");
});

test("from the first octet on, to the client and to the server (port 995)", async () => {
  await using h = await Pop3Harness.start({
    tlsPem,
    serverCaPem: ca,
    server: { messages: [MAIL], identity, implicitTls: true },
    config: { implicitTls: true, serverTls: "encrypt" },
  });
  const conn = await Deno.connectTls({ ...h.address, hostname: "localhost", caCerts: [ca] });
  const client = new Pop3Client(conn);
  assert.match(await client.line(), /^\+OK fake/);
  assert.doesNotMatch((await client.fetch("CAPA")).text, /STLS/);
  await client.ask("USER bob");
  await client.ask("PASS secret");
  assert.equal((await client.fetch("RETR 1")).text, MAIL);
  assert.equal(await client.ask("QUIT"), "+OK bye");
  client.close();
});

test("that does not come about from the first octet on closes without a word", async () => {
  await using h = await Pop3Harness.start({ tlsPem, config: { implicitTls: true } });
  const conn = await Deno.connect(h.address);
  await conn.write(new TextEncoder().encode("USER bob\r\n"));
  const buffer = new Uint8Array(100);
  for (let count = await conn.read(buffer).catch(() => null); count !== null;) {
    assert.ok(!new TextDecoder().decode(buffer.subarray(0, count)).includes("OK"));
    count = await conn.read(buffer).catch(() => null);
  }
  conn.close();
  assert.equal(h.server.sessions, 0);
});

const MODES: readonly [
  string,
  Record<string, unknown>,
  { offers: boolean; trusted: boolean },
  "clear" | "tls" | "none",
][] = [
  ["none", { serverTls: "none" }, { offers: true, trusted: true }, "clear"],
  ["may, offered", { serverTls: "may" }, { offers: true, trusted: false }, "tls"],
  ["may, not offered", { serverTls: "may" }, { offers: false, trusted: false }, "clear"],
  ["encrypt, any certificate", { serverTls: "encrypt" }, { offers: true, trusted: false }, "tls"],
  ["encrypt, not offered", { serverTls: "encrypt" }, { offers: false, trusted: true }, "none"],
  [
    "verify, a certificate that checks",
    { serverTls: "verify" },
    { offers: true, trusted: true },
    "tls",
  ],
  ["verify, one that does not", { serverTls: "verify" }, { offers: true, trusted: false }, "none"],
];
for (const [name, config, { offers, trusted }, expected] of MODES) {
  test(`${expected === "none" ? "attack 8: " : ""}to the server: ${name}`, async () => {
    await using h = await Pop3Harness.start({
      server: { messages: [MAIL], ...(offers ? { identity } : {}) },
      config,
      serverCaPem: (trusted ? certificates : other).ca,
    });
    const client = await h.connect();
    if (expected === "none") {
      assert.match(client.greeting, /^-ERR \[SYS\/TEMP\] /);
      assert.ok(!h.server.heard.includes("USER bob"));
      return;
    }
    await client.ask("USER bob");
    assert.equal(await client.ask("PASS secret"), "+OK in");
    assert.equal(h.server.secure.at(-1), expected === "tls");
    assert.equal((await client.fetch("RETR 1")).text, MAIL);
    assert.equal(await client.ask("QUIT"), "+OK bye");
  });
}
