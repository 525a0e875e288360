import assert from "node:assert/strict";
import { Listener } from "./listener.ts";
import { RawClient } from "./testing/raw_client.ts";

/** A listener that says who it thinks is there, and what he says. */
function echo(
  proxies: readonly string[] | undefined,
  sessionsPerClient = 100,
  sessionsPerMinute?: number,
) {
  const failures: string[] = [];
  const listener = new Listener({
    listen: "127.0.0.1:0",
    limits: { sessions: 100, sessionsPerClient, sessionsPerMinute },
    proxies,
    async serve(stream) {
      const buffer = new Uint8Array(100);
      const count = await stream.read(buffer);
      const said = new TextDecoder().decode(buffer.subarray(0, count ?? 0));
      const text = `${stream.remoteAddress} ${stream.remotePort} ${said}`;
      await stream.write(new TextEncoder().encode(text));
    },
    refuse: (stream) => stream.write(new TextEncoder().encode("too many")),
    failed: (error) => void failures.push(String(error)),
  });
  return { listener, failures, [Symbol.dispose]: () => (listener.stop(), listener.closeAll()) };
}

const HEADER = "PROXY TCP4 192.0.2.7 198.51.100.1 50000 25\r\n";

async function talk(address: string, text: string): Promise<string> {
  using client = await RawClient.connect(address);
  await client.write(text);
  return await client.all();
}

Deno.test("a proxy's header says who the client is, and what follows is the client's", async () => {
  using at = echo(["127.0.0.0/8"]);
  assert.equal(await talk(at.listener.address, `${HEADER}EHLO`), "192.0.2.7 50000 EHLO");
});

Deno.test("where no proxy is configured a header is what a client says", async () => {
  using at = echo(undefined);
  assert.match(await talk(at.listener.address, HEADER), /^127\.0\.0\.1 \d+ PROXY TCP4 192/);
});

Deno.test("nobody but the proxies may connect, and they must say for whom", async () => {
  using others = echo(["192.0.2.0/24"]);
  assert.equal(await talk(others.listener.address, `${HEADER}EHLO`), "");
  assert.match(others.failures[0] ?? "", /Refused 127\.0\.0\.1: Only proxies may connect here/);
  using mine = echo(["127.0.0.1"]);
  assert.equal(await talk(mine.listener.address, `EHLO there${"x".repeat(200)}`), "");
  assert.match(mine.failures[0] ?? "", /does not begin|longer than a PROXY header/);
});

Deno.test("limits for a client count the client and not the proxy", async () => {
  using at = echo(["127.0.0.1"], 1);
  using first = await RawClient.connect(at.listener.address);
  await first.write(HEADER);
  while (at.listener.count < 1) await new Promise((wake) => setTimeout(wake, 5));
  assert.equal(await talk(at.listener.address, `${HEADER}EHLO`), "too many");
  const other = HEADER.replace("192.0.2.7", "192.0.2.8");
  assert.equal(await talk(at.listener.address, `${other}EHLO`), "192.0.2.8 50000 EHLO");
});

Deno.test("a client that comes too often is refused, however short its sessions are", async () => {
  using at = echo(["127.0.0.1"], 100, 3);
  for (let i = 0; i < 3; i++) {
    assert.match(await talk(at.listener.address, `${HEADER}EHLO`), /EHLO/);
  }
  assert.equal(await talk(at.listener.address, `${HEADER}EHLO`), "too many");
  const other = HEADER.replace("192.0.2.7", "192.0.2.8");
  assert.match(await talk(at.listener.address, `${other}EHLO`), /EHLO/);
});

Deno.test("a listener that cannot listen says why in its own sentence", () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const rows: [string, RegExp][] = [
    [`127.0.0.1:${taken.addr.port}`, /^Cannot listen on 127\.0\.0\.1:\d+: Address already in use$/],
    ["192.0.2.1:0", /^Cannot listen on 192\.0\.2\.1:0: Cannot assign requested address$/],
    ["unix:/nonexistent/x", /^Cannot listen on unix:\/nonexistent\/x: No such file or directory$/],
  ];
  for (const [listen, message] of rows) {
    const limits = { sessions: 1, sessionsPerClient: 1 };
    const nothing = () => Promise.resolve();
    assert.throws(
      () => new Listener({ listen, limits, serve: nothing, refuse: nothing, failed: () => {} }),
      { code: "wire/closed", message },
    );
  }
});
