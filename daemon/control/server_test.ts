import assert from "node:assert/strict";
import { temporaryDirectory } from "../../tests/temporary.ts";
import { InFlight } from "../in_flight.ts";
import type { Operate } from "./caller.ts";
import { ControlClient } from "./client.ts";
import { encodeHead } from "./protocol.ts";
import { ControlServer, type ControlServerOptions } from "./server.ts";

/** Longer than anything takes here, ms. */
const LONG_MS = 10_000;

async function withServer(
  operate: Operate,
  options: ControlServerOptions,
  test: (path: string) => Promise<void>,
): Promise<void> {
  await using directory = await temporaryDirectory();
  const path = `${directory.path}/socket`;
  const server = await ControlServer.listen(path, operate, new InFlight(1e6), options);
  try {
    await test(path);
  } finally {
    await server.close();
  }
}

const connect = (path: string) => Deno.connect({ transport: "unix", path });

/** A head as it stands on the wire. */
function framed(head: Parameters<typeof encodeHead>[0]): Uint8Array {
  const octets = encodeHead(head);
  const frame = new Uint8Array(4 + octets.length);
  new DataView(frame.buffer).setUint32(0, octets.length, true);
  frame.set(octets, 4);
  return frame;
}

async function ask(path: string): Promise<unknown> {
  const client = await ControlClient.connect(path);
  try {
    return (await client.call("x", undefined, undefined, AbortSignal.timeout(LONG_MS))).result;
  } finally {
    client.close();
  }
}

const answer: Operate = () => Promise.resolve({ result: "answer" });

Deno.test("ControlServer closes who asks for nothing, the longest first, where one more comes", () =>
  withServer(answer, { connections: 3 }, async (path) => {
    using silent = await connect(path);
    using begun = await connect(path);
    await begun.write(Uint8Array.of(1)); // of a frame that never comes whole
    const asked = await ControlClient.connect(path);
    assert.equal((await asked.call("x")).result, "answer");
    const second = await ControlClient.connect(path);
    assert.equal((await second.call("x")).result, "answer");
    assert.equal(await silent.read(new Uint8Array(1)), null);
    using _third = await connect(path);
    assert.equal(await begun.read(new Uint8Array(1)), null);
    for (const client of [asked, second]) {
      assert.equal((await client.call("x")).result, "answer", "they asked last, and are left");
      client.close();
    }
  }));

Deno.test("ControlServer closes nobody whose call is under way: one more waits for its end", async () => {
  const end = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const slow: Operate = async (op) => {
    if (op === "slow") {
      begun.resolve();
      await end.promise;
    }
    return { result: op };
  };
  await withServer(slow, { connections: 1 }, async (path) => {
    const first = await ControlClient.connect(path);
    const answered = first.call("slow");
    await begun.promise;
    const second = ask(path);
    const sooner = await Promise.race([
      second,
      new Promise((wake) => setTimeout(wake, 50, "none")),
    ]);
    assert.equal(sooner, "none");
    end.resolve();
    assert.equal((await answered).result, "slow");
    assert.equal(await second, "x");
    await first.ended;
  });
});

Deno.test("ControlServer closes who announces octets and sends none, or does not read its answer", () =>
  withServer(
    (op) => Promise.resolve(op === "large" ? { octets: new Uint8Array(16_000_000) } : {}),
    { connections: 2, transferMs: 50 },
    async (path) => {
      using announcing = await connect(path);
      await announcing.write(framed({ type: "call", id: 1, op: "x", octets: 1000 }));
      using deaf = await connect(path);
      await deaf.write(framed({ type: "call", id: 1, op: "large" }));
      await ask(path); // waits for one of them
      assert.equal(await announcing.read(new Uint8Array(1)), null);
    },
  ));

Deno.test("ControlServer.close() closes who waits for room, too", async () => {
  await using directory = await temporaryDirectory();
  const path = `${directory.path}/socket`;
  const forever: Operate = (_op, _args, _octets, signal) =>
    new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  const server = await ControlServer.listen(path, forever, new InFlight(1), { connections: 1 });
  const first = await ControlClient.connect(path);
  const call = first.call("x");
  call.catch(() => {});
  using second = await connect(path);
  await new Promise((wake) => setTimeout(wake, 50));
  await server.close();
  assert.equal(await second.read(new Uint8Array(1)), null);
  await assert.rejects(call, { code: "wire/closed" });
});
