import assert from "node:assert/strict";
import { FakePorts } from "./smtp/testing/fake_ports.ts";
import { ConnStream } from "./stream.ts";
import { destinationOf, sharing } from "./transparent.ts";

/** One accepted connection, as a listener has it. */
async function accepted() {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const client = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  const stream = new ConnStream(await listener.accept());
  return { stream, [Symbol.dispose]: () => (client.close(), stream.close()) };
}

Deno.test("a client goes on to where it was going, and nowhere else", async () => {
  using at = await accepted();
  const local = at.stream.conn.localAddr as Deno.NetAddr;
  const rules = { to: ["192.0.2.0/24", "2001:db8::1"], port: 25 };
  const rows: [string | undefined, string | RegExp][] = [
    ["192.0.2.1:25", "192.0.2.1:25"],
    ["[2001:db8::1]:25", "[2001:db8::1]:25"],
    ["[::ffff:192.0.2.1]:25", "192.0.2.1:25"],
    [undefined, /was not redirected/],
    [`127.0.0.1:${local.port}`, /was not redirected/],
    ["192.0.2.1:26", /on its way to 192\.0\.2\.1:26/],
    ["198.51.100.1:25", /on its way to 198\.51\.100\.1:25/],
    ["[2001:db8::2]:25", /on its way to/],
  ];
  for (const [going, wanted] of rows) {
    const ports = Object.assign(new FakePorts(), {
      originalDestination: () => Promise.resolve(going),
    });
    const answer = destinationOf(ports, at.stream, rules);
    if (typeof wanted === "string") assert.equal((await answer).text, wanted);
    else await assert.rejects(answer, { code: "wire/transparent", message: wanted });
  }
});

Deno.test("sharing() keeps what is its own and shares the rest both ways", () => {
  const base = { a: 1, b: 2 };
  const one = sharing(base, { b: 20 });
  const two = sharing(base, { b: 200 });
  one.a++;
  two.a++;
  one.b++;
  assert.deepEqual([base.a, one.a, two.a, base.b, one.b, two.b], [3, 3, 3, 2, 21, 200]);
});
