import assert from "node:assert/strict";
import { acceptTls, serverIdentity, upgradesOverStreams } from "../tls.ts";
import { ConnStream } from "../stream.ts";
import { makeCertificates } from "./testing/certificates.ts";
import { type Client, Harness } from "./testing/harness.ts";
import { ScriptedHop } from "./testing/scripted_hop.ts";

const MAIL = "From: <a@example.org>\r\n\r\nbody\r\n";
const ignore = !upgradesOverStreams(); // Deno 2.4 cannot; the agent refuses to start there
const certificates = ignore ? undefined! : await makeCertificates();
const other = ignore ? undefined! : await makeCertificates();
const tlsPem = ignore
  ? undefined!
  : { certificate: certificates.certificate, key: certificates.key };

function test(name: string, run: () => Promise<void>): void {
  Deno.test(`STARTTLS ${name}`, { ignore }, run);
}

/** The client's side of the handshake. */
async function secure(client: Client): Promise<void> {
  const conn = await Deno.startTls(client.conn as Deno.TcpConn, {
    hostname: "localhost",
    caCerts: [certificates.ca],
  });
  await conn.handshake();
  client.conn = conn;
}

test("brings mail in under TLS and forgets what was said before", async () => {
  await using h = await Harness.start({
    tlsPem,
    config: { requireTls: true, tls: { certificate: "x", key: "x" } },
  });
  const client = await h.connect();
  assert.match(await client.say("EHLO c"), /STARTTLS/);
  assert.match(await client.say("MAIL FROM:<a@b.example>"), /^530/);
  assert.match(await client.say("STARTTLS"), /^220/);
  await secure(client);
  assert.match(await client.say("MAIL FROM:<a@b.example>"), /^503/); // EHLO is forgotten
  assert.doesNotMatch(await client.say("EHLO c"), /STARTTLS/);
  assert.match((await client.send("a@b.example", ["b@example.org"], MAIL)).at(-1)!, /^250/);
  const big = `${"x".repeat(76)}\r\n`.repeat(20_000);
  assert.match((await client.send("a@b.example", ["b@example.org"], MAIL + big)).at(-1)!, /^250/);
  assert.match(await client.say("QUIT"), /^221/);
  assert.deepEqual(h.hop.delivered.map((each) => each.length), [
    MAIL.length,
    MAIL.length + big.length,
  ]);
  assert.equal(h.ports.records[0]!.envelope.protocol, "ESMTPS");
});

test("attack 6: nothing behind STARTTLS in the same segment is run, and what follows is TLS", async () => {
  await using h = await Harness.start({ tlsPem });
  const client = await h.connect();
  await client.say("EHLO c");
  await client.write("STARTTLS\r\nRSET\r\nMAIL FROM:<x@evil.example>\r\n");
  assert.match(await client.reply(), /^220/);
  await secure(client);
  assert.match(await client.say("RCPT TO:<b@example.org>"), /^503/);
  assert.match(await client.say("NOOP"), /^250/);
});

test("attack 6: octets in clear behind our 220 break the handshake, and nothing is said in clear", async () => {
  await using h = await Harness.start({ tlsPem });
  const client = await h.connect();
  await client.say("EHLO c");
  assert.match(await client.say("STARTTLS"), /^220/);
  await client.write("RSET\r\nMAIL FROM:<x@evil.example>\r\n");
  const chunk = new Uint8Array(1000);
  const count = await client.conn.read(chunk).catch(() => null);
  if (count !== null) assert.equal(chunk[0], 21); // a TLS alert, at most
});

/** Accepts TLS and goes on as a hop under it: a second ScriptedHop behind the handshake. */
function tlsHop(pem: { certificate: string; key: string }, behind: ScriptedHop, inject = "") {
  const identity = serverIdentity(pem);
  return async (conn: Deno.Conn) => {
    await conn.write(new TextEncoder().encode(`220 Go\r\n${inject}`));
    const stream = await acceptTls(new ConnStream(conn), identity);
    const inner = await Deno.connect({ hostname: "127.0.0.1", port: behind.port });
    await inner.read(new Uint8Array(1000)); // its banner is not said twice
    const up = async () => {
      const buffer = new Uint8Array(65536);
      for (let n = await stream.read(buffer); n !== null; n = await stream.read(buffer)) {
        await inner.write(buffer.slice(0, n));
      }
      inner.close();
    };
    const down = async () => {
      const buffer = new Uint8Array(65536);
      for (let n = await inner.read(buffer); n !== null; n = await inner.read(buffer)) {
        await stream.write(buffer.slice(0, n));
      }
    };
    await Promise.allSettled([up(), down()]);
    stream.close();
  };
}

for (const tls of ["none", "may", "encrypt", "verify"] as const) {
  for (
    const [what, ca] of [["a certificate that checks", "ca"], [
      "one that does not",
      "other",
    ]] as const
  ) {
    const works = tls !== "verify" || ca === "ca";
    test(`to the next hop: ${tls} with ${what} ${works ? "delivers" : "defers"}`, async () => {
      await using behind = new ScriptedHop();
      await using h = await Harness.start({
        config: { nextHopTls: tls },
        nextHopCaPem: ca === "ca" ? certificates.ca : other.ca,
        hop: { features: ["STARTTLS", "PIPELINING"], startTls: tlsHop(tlsPem, behind) },
      });
      const client = await h.connect();
      await client.say("EHLO c");
      const replies = await client.send("a@b.example", ["b@example.org"], MAIL);
      if (works) assert.match(replies.at(-1)!, /^250/);
      else assert.match(replies[1]!, /^451 4\.4\.1/);
      assert.equal(h.hop.delivered.length, tls === "none" ? 1 : 0); // never in clear where TLS was to be
      assert.equal(behind.delivered.length, works && tls !== "none" ? 1 : 0);
    });
  }
}

test("attack 8: a next hop that offers no STARTTLS gets nothing where TLS is demanded", async () => {
  await using h = await Harness.start({ config: { nextHopTls: "encrypt" } });
  const client = await h.connect();
  await client.say("EHLO c");
  assert.match((await client.send("a@b.example", ["b@example.org"], MAIL))[1]!, /^451/);
  assert.equal(h.hop.delivered.length, 0);
});

test("attack 7: replies in clear behind the next hop's 220 end the connection", async () => {
  await using behind = new ScriptedHop();
  await using h = await Harness.start({
    hop: { features: ["STARTTLS"], startTls: tlsHop(tlsPem, behind, "250-evil\r\n250 DSN\r\n") },
  });
  const client = await h.connect();
  assert.doesNotMatch(await client.say("EHLO c"), /evil/);
  assert.match((await client.send("a@b.example", ["b@example.org"], MAIL))[1]!, /^451/);
  assert.ok(h.ports.logged.some((line) => line.includes("octets in clear")));
});
