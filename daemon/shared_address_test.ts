import assert from "node:assert/strict";
import { libc } from "./libc.ts";
import { listeningOn } from "./listening.ts";
import { SharedAddresses } from "./shared_address.ts";
import { until } from "../tests/wait.ts";

const ignore = libc() === undefined;

/** A listener that counts who comes, and where it listens. */
function listener(hostname: string, port: number) {
  const tcp = Deno.listen({ hostname, port, reusePort: true });
  const counter = {
    count: 0,
    address: hostname.includes(":")
      ? `[${hostname}]:${tcp.addr.port}`
      : `${hostname}:${tcp.addr.port}`,
    port: tcp.addr.port,
    close: () => tcp.close(),
  };
  void (async () => {
    for await (const connection of tcp) {
      counter.count++;
      connection.close();
    }
  })();
  return counter;
}

async function come(hostname: string, port: number, times: number): Promise<void> {
  for (let i = 0; i < times; i++) {
    const connection = await Deno.connect({ hostname, port });
    assert.equal(await connection.read(new Uint8Array(1)), null);
    connection.close();
  }
}

for (
  const [hostname, client] of [["127.0.0.1", "127.0.0.1"], ["::1", "::1"], [
    "0.0.0.0",
    "127.0.0.1",
  ]] as const
) {
  Deno.test(`SharedAddresses leads connections to the newest on ${hostname}, whoever leaves`, {
    ignore,
  }, async () => {
    const shared = new SharedAddresses();
    const all: { name: string; listens: ReturnType<typeof listener> }[] = [];
    const join = async (port: number) => {
      const member = { name: `${all.length}` };
      const listens = listener(hostname, port);
      const { led } = await shared.join(member, () => Promise.resolve([listens.address]));
      assert.ok(led);
      const entry = Object.assign(member, { listens });
      all.push(entry);
      return entry;
    };
    /** Twenty come, and all of them to this one. */
    const only = async (wanted: { listens: ReturnType<typeof listener> }) => {
      for (const { listens } of all) listens.count = 0;
      await come(client, wanted.listens.port, 20);
      assert.deepEqual(all.filter(({ listens }) => listens.count > 0), [wanted]);
    };
    const a = await join(0);
    await only(a);
    const b = await join(a.listens.port);
    const c = await join(a.listens.port);
    await only(c);
    // The kernel puts c in a's place.
    await shared.leave(a, () => Promise.resolve(a.listens.close()));
    await only(c);
    const d = await join(c.listens.port);
    await only(d);
    await shared.prefer(b);
    await only(b);
    await shared.leave(d, () => Promise.resolve(d.listens.close()));
    await only(b);
    await shared.leave(b, () => Promise.resolve(b.listens.close()));
    await only(c);
    await shared.leave(c, () => Promise.resolve(c.listens.close()));
    assert.deepEqual(listeningOn(c.listens.address), []);
  });
}

Deno.test(
  "SharedAddresses.bury() frees an address and ends its connections",
  { ignore },
  async () => {
    const shared = new SharedAddresses();
    const stuck = Deno.listen({ hostname: "127.0.0.1", port: 0, reusePort: true });
    const { port } = stuck.addr;
    await shared.join(stuck, () => Promise.resolve([`127.0.0.1:${port}`]));
    const accepted = Deno.connect({ port });
    const session = await stuck.accept();
    const client = await accepted;
    const waiting = await Deno.connect({ port }); // never accepted
    assert.ok(await shared.bury(stuck, true));
    const ends = (connection: Deno.Conn) => connection.read(new Uint8Array(1)).catch(() => null);
    assert.equal(await ends(client), null);
    assert.equal(await ends(waiting), null);
    const next = await until("the address", () => {
      try {
        return Deno.listen({ hostname: "127.0.0.1", port });
      } catch {
        return undefined;
      }
    });
    for (const each of [next, client, waiting, session, stuck]) each.close();
  },
);
