import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { makeCertificates } from "./testing/certificates.ts";
import { Harness } from "./testing/harness.ts";

const MAIL = "From: <a@example.org>\r\n\r\nbody\r\n";
const base64 = (text: string) => Buffer.from(text).toString("base64");
const PLAIN = base64("\0joe\0secret");

/** A hop that takes joe's password, by PLAIN or LOGIN, and mail of those who have logged in alone. */
function hop() {
  const known = new Set<number>();
  const asked = new Map<number, string[]>();
  return {
    known,
    features: ["PIPELINING", "AUTH PLAIN LOGIN GSSAPI", "SIZE 100000"],
    answer(line: string, connection: number): string | undefined {
      const steps = asked.get(connection);
      const end = (right: boolean) => {
        asked.delete(connection);
        if (right) known.add(connection);
        return right ? "235 2.7.0 Welcome" : "535 5.7.8 Wrong password";
      };
      if (steps) {
        if (line === "*") return (asked.delete(connection), "501 5.7.0 Cancelled");
        steps.push(line);
        if (steps[0] === "PLAIN") return end(line === PLAIN);
        if (steps.length === 2) return `334 ${base64("Password:")}`;
        return end(steps[1] === base64("joe") && line === base64("secret"));
      }
      const match = /^AUTH (\S+)(?: (\S+))?$/.exec(line);
      if (match) {
        if (match[2]) return end(match[2] === PLAIN);
        asked.set(connection, [match[1]!]);
        return match[1] === "PLAIN" ? "334 " : `334 ${base64("Username:")}`;
      }
      if (/^MAIL/.test(line) && !known.has(connection)) return "530 5.7.0 Authentication required";
      return undefined;
    },
  };
}

const start = (auth: string) => Harness.start({ config: { auth }, hop: hop() });

Deno.test("AUTH goes to the next hop, and the mail that follows over that connection", async () => {
  await using h = await start("always");
  const stranger = await h.connect();
  await stranger.say("EHLO c");
  assert.match((await stranger.send("a@b.example", ["b@example.org"], MAIL)).at(-1)!, /^5/);
  const client = await h.connect();
  const hello = await client.say("EHLO c");
  assert.match(hello, /AUTH PLAIN LOGIN$/m, "what cannot be passed on is not offered");
  assert.match(await client.say(`AUTH PLAIN ${PLAIN}`), /^235 2\.7\.0 Welcome/);
  assert.doesNotMatch(await client.say("EHLO c"), /AUTH/);
  for (let i = 0; i < 3; i++) {
    assert.match((await client.send("a@b.example", ["b@example.org"], MAIL)).at(-1)!, /^250/);
  }
  assert.equal(h.hop.delivered.length, 3);
  assert.equal(h.ports.records.at(-1)?.envelope.user, "joe");
  // Nobody else's mail goes over it.
  assert.match((await stranger.send("a@b.example", ["b@example.org"], MAIL)).at(-1)!, /^5/);
  await client.say("QUIT");
});

Deno.test("every shape of an exchange comes to its end", async () => {
  await using h = await start("always");
  const rows: [string, readonly [string, RegExp][]][] = [
    ["LOGIN", [
      ["AUTH LOGIN", /^334 VXNlcm5hbWU6$/],
      [base64("joe"), /^334 UGFzc3dvcmQ6$/],
      [base64("secret"), /^235/],
    ]],
    ["PLAIN without initial response", [["AUTH PLAIN", /^334 ?$/], [PLAIN, /^235/]]],
    ["a wrong password, then the right one", [
      [`AUTH PLAIN ${base64("\0joe\0wrong")}`, /^535 5\.7\.8 Wrong password/],
      [`AUTH PLAIN ${PLAIN}`, /^235/],
    ]],
    ["cancelled", [["AUTH LOGIN", /^334/], ["*", /^501/], ["NOOP", /^250/]]],
    ["no base64", [["AUTH LOGIN", /^334/], ["not base64!", /^501/], ["NOOP", /^250/]]],
  ];
  for (const [name, lines] of rows) {
    const client = await h.connect();
    await client.say("EHLO c");
    for (const [line, wanted] of lines) assert.match(await client.say(line), wanted, name);
    client.close();
  }
});

Deno.test("a login whose connection is gone is worth nothing", async () => {
  await using h = await start("always");
  const client = await h.connect();
  await client.say("EHLO c");
  assert.match(await client.say(`AUTH PLAIN ${PLAIN}`), /^235/);
  h.hop.closeConnections();
  await client.say("MAIL FROM:<a@b.example>");
  assert.match(await client.say("RCPT TO:<b@example.org>"), /^451 /);
  assert.equal(h.hop.delivered.length, 0);
});

Deno.test("AUTH is offered over TLS alone, or not at all, as the configuration says", async () => {
  for (const auth of ["none", "tls"]) {
    await using h = await start(auth);
    const client = await h.connect();
    assert.doesNotMatch(await client.say("EHLO c"), /AUTH/);
    assert.match(await client.say(`AUTH PLAIN ${PLAIN}`), auth === "none" ? /^502/ : /^538/);
    assert.ok(!h.hop.lines.some((line) => line.startsWith("AUTH")));
  }
});

Deno.test("a login ends where the client becomes another one, by XCLIENT", async () => {
  await using h = await Harness.start({
    config: { auth: "always", xclient: ["127.0.0.1"] },
    hop: hop(),
  });
  const client = await h.connect();
  await client.say("EHLO c");
  assert.match(await client.say(`AUTH PLAIN ${PLAIN}`), /^235/);
  assert.match(await client.say("XCLIENT ADDR=192.0.2.66 LOGIN=[UNAVAILABLE]"), /^220/);
  await client.say("EHLO other");
  assert.match((await client.send("a@b.example", ["b@example.org"], MAIL)).at(-1)!, /^5/);
  await client.say("RSET");
  assert.match(await client.say(`AUTH PLAIN ${PLAIN}`), /^235/);
  assert.match((await client.send("a@b.example", ["b@example.org"], MAIL)).at(-1)!, /^250/);
});

Deno.test("a login ends with STARTTLS", async () => {
  const { certificate, key, ca } = await makeCertificates();
  await using h = await Harness.start({
    config: { auth: "always", tls: { certificate: "given", key: "given" } },
    tlsPem: { certificate, key },
    hop: hop(),
  });
  const client = await h.connect();
  await client.say("EHLO c");
  assert.match(await client.say(`AUTH PLAIN ${PLAIN}`), /^235/);
  assert.match(await client.say("STARTTLS"), /^220/);
  client.conn = await Deno.startTls(client.conn as Deno.TcpConn, {
    hostname: "localhost",
    caCerts: [ca],
  });
  await client.say("EHLO c");
  assert.match((await client.send("a@b.example", ["b@example.org"], MAIL)).at(-1)!, /^5/);
  await client.say("RSET");
  assert.match(await client.say(`AUTH PLAIN ${PLAIN}`), /^235/);
  assert.match((await client.send("a@b.example", ["b@example.org"], MAIL)).at(-1)!, /^250/);
});

Deno.test("a login outlasts RSET and refused mail, however fast the next transaction comes", async () => {
  await using h = await start("always");
  const client = await h.connect();
  await client.say("EHLO c");
  assert.match(await client.say(`AUTH PLAIN ${PLAIN}`), /^235/);
  const next = "MAIL FROM:<a@b.example>\r\nRCPT TO:<b@example.org>\r\n";
  await client.write(`${next}RSET\r\n${next}`);
  for (const _ of Array(5)) assert.match(await client.reply(), /^250/);
  await client.say("RSET");
  const infected = await client.send("a@b.example", ["b@example.org"], `${MAIL}INFECTED\r\n`);
  assert.match(infected.at(-1)!, /^550/);
  await client.write(next);
  for (const _ of Array(2)) assert.match(await client.reply(), /^250/);
});
