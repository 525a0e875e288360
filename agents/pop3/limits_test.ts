import assert from "node:assert/strict";
import { Pop3Client, Pop3Harness } from "./testing/harness.ts";

const MAIL = "From: a@example.org\r\n\r\nbody\r\n";

function test(name: string, run: () => Promise<void>): void {
  Deno.test(`POP3 limits ${name}`, run);
}

test("attack 12: a line without end is refused and the connection closed", async () => {
  await using h = await Pop3Harness.start();
  const client = await h.connect();
  await client.write(`USER ${"x".repeat(20_000)}`).catch(() => {});
  assert.match(await client.line(), /^-ERR Line is too long/);
  assert.ok(await client.closed());
  assert.deepEqual(h.server.heard, ["CAPA"]);
});

test("a long command that is no AUTH is refused, and the session goes on", async () => {
  await using h = await Pop3Harness.start();
  const client = await h.connect();
  assert.match(await client.ask(`USER ${"x".repeat(3000)}`), /^-ERR/);
  assert.match(await client.ask(`USER ${"x".repeat(1500)}`), /^-ERR USER needs a name/);
  assert.equal(await client.ask("USER bob"), "+OK");
});

for (
  const [name, text] of [["LF", "USER bob\nPASS secret\n"], ["CR", "USER bob\rPASS secret\r\n"]]
) {
  test(`a bare ${name} ends no line`, async () => {
    await using h = await Pop3Harness.start();
    const client = await h.connect();
    await client.write(text!);
    assert.match(await client.line(), /^-ERR Line must end with CRLF/);
    assert.ok(await client.closed());
    assert.deepEqual(h.server.heard, ["CAPA"]);
  });
}

test("attack 12: octets now and then do not keep a session open", async () => {
  await using h = await Pop3Harness.start({ config: { limits: { loginTime: "1s" } } });
  const client = await h.connect();
  const drip = setInterval(() => void client.write("N").catch(() => {}), 100);
  try {
    assert.ok(await client.closed());
  } finally {
    clearInterval(drip);
  }
  while (h.server.open > 0) await new Promise((wake) => setTimeout(wake, 5));
});

test("silence ends a session after its time, and nothing is deleted", async () => {
  await using h = await Pop3Harness.start({
    server: { messages: [MAIL] },
    config: { limits: { idleTime: "1s" } },
  });
  const client = await h.login();
  await client.ask("DELE 1");
  assert.ok(await client.closed());
  while (h.server.open > 0) await new Promise((wake) => setTimeout(wake, 5));
  assert.deepEqual(h.server.deleted, []);
});

test("a server that does not answer in its time: the client is told", async () => {
  await using h = await Pop3Harness.start({
    server: { messages: [MAIL], answer: (line) => line === "STAT" ? "" : undefined },
    config: { limits: { serverTime: "1s" } },
  });
  const client = await h.login();
  assert.match(await client.ask("STAT"), /^-ERR \[SYS\/TEMP\] /);
  assert.ok(await client.closed());
});

test("sessions in all and for one client are counted", async () => {
  await using h = await Pop3Harness.start({ config: { limits: { sessionsPerClient: 2 } } });
  const first = await h.connect();
  await h.connect();
  const third = await h.connect();
  assert.match(third.greeting, /^-ERR \[SYS\/TEMP\] Too many sessions/);
  assert.ok(await third.closed());
  assert.equal(h.agent.status()["sessionsRefused"], 1);
  first.close();
  while (h.agent.status()["sessions"]! > 1) await new Promise((wake) => setTimeout(wake, 5));
  assert.match((await h.connect()).greeting, /^\+OK/);
});

test("errors are counted", async () => {
  await using h = await Pop3Harness.start();
  const client = await h.connect();
  for (let i = 1; i < 100; i++) assert.match(await client.ask("XYZZY"), /^-ERR Unknown/);
  assert.match(await client.ask("XYZZY"), /^-ERR Too many errors/);
  assert.ok(await client.closed());
});

test("a long listing goes through as it comes, not as a whole", async () => {
  const count = 100_000;
  let text = "+OK\r\n";
  for (let i = 1; i <= count; i++) text += `${i} ${i % 2000}\r\n`;
  await using h = await Pop3Harness.start({
    server: { messages: [MAIL], answer: (line) => line === "LIST" ? `${text}.\r\n` : undefined },
  });
  const client = await h.login();
  await client.write("LIST\r\n");
  assert.equal(await client.line(), "+OK");
  assert.equal((await client.rest()).length, count);
});

test("attack 10: a proxy in front says who the client is, and nobody else may connect", async () => {
  await using h = await Pop3Harness.start({
    server: { messages: [MAIL] },
    config: { proxies: ["127.0.0.1"] },
  });
  const conn = await Deno.connect(h.address);
  const client = new Pop3Client(conn);
  await client.write("PROXY TCP4 192.0.2.7 192.0.2.1 4000 110\r\nUSER bob\r\nPASS secret\r\n");
  for (const expected of [/^\+OK fake/, /^\+OK/, /^\+OK in/]) {
    assert.match(await client.line(), expected);
  }
  await client.fetch("RETR 1");
  assert.equal(h.ports.records[0]!.envelope.client, "192.0.2.7");
  client.close();
  await using other = await Pop3Harness.start({ config: { proxies: ["192.0.2.0/24"] } });
  const stranger = new Pop3Client(await Deno.connect(other.address));
  assert.ok(await stranger.closed());
  stranger.close();
});

test("a client that reads slowly: the octets of its message count until they are written", async () => {
  const large = `A: b\r\n\r\n${`${"x".repeat(998)}\r\n`.repeat(20_000)}`; // more than sockets hold
  await using h = await Pop3Harness.start({ server: { messages: [large] } });
  const client = await h.login();
  await client.write("RETR 1\r\n");
  assert.match(await client.line(), /^\+OK/); // it is being written
  assert.ok(h.ports.held >= large.length, `${h.ports.held} octets count`);
  await client.rest();
  assert.equal(await client.ask("NOOP"), "+OK");
  assert.equal(h.ports.held, 0);
});

test("a message that cannot be handled is had later, and the session goes on", async () => {
  await using h = await Pop3Harness.start({ server: { messages: [MAIL] } });
  const client = await h.login();
  h.ports.scanning = () => {
    throw new Error("a fault of our own");
  };
  assert.match(await client.ask("RETR 1"), /^-ERR \[SYS\/TEMP\] Try again later/);
  h.ports.scanning = () => {};
  assert.equal((await client.fetch("RETR 1")).text, MAIL);
  assert.match(h.ports.logged.join("\n"), /a fault of our own/);
});
