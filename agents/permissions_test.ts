/** Each row of the table: what it grants can be done, what it does not grant cannot. */
import assert from "node:assert/strict";
import { agentSchema } from "../policy/config.ts";
import { agentPermissions, denoPermissions, describePermissions } from "./permissions.ts";

/** What a worker is asked to try; runs in it, so it may use nothing from here. */
const PROBE = `
onmessage = async ({ data }) => {
  const tries = {
    listen: ({ address }) => void Deno.listen(address), // left open: the name of a socket goes with it
    connect: async ({ address }) => (await Deno.connect(address)).close(),
    chmod: ({ path }) => Deno.chmodSync(path, 0o600),
    read: ({ path }) => Deno.readTextFileSync(path),
    write: ({ path }) => Deno.writeTextFileSync(path, ""),
    run: () => new Deno.Command("true").outputSync(),
    env: () => Deno.env.get("HOME"),
  };
  const said = [];
  for (const each of data) {
    try {
      await tries[each.what](each);
      said.push("done");
    } catch (error) {
      said.push(error.name);
    }
  }
  postMessage(said);
};
`;

/** What becomes of each try in a worker with an agent's permissions. */
async function probe(config: unknown, tries: readonly object[]): Promise<string[]> {
  const permissions = agentPermissions(agentSchema.parse(config));
  const module = URL.createObjectURL(new Blob([PROBE], { type: "text/javascript" }));
  const options = { type: "module", deno: { permissions: denoPermissions(permissions) } };
  const worker = new Worker(module, options as WorkerOptions);
  try {
    const { promise, resolve, reject } = Promise.withResolvers<string[]>();
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new Error(event.message));
    };
    worker.postMessage(tries);
    return await promise;
  } finally {
    worker.terminate();
    URL.revokeObjectURL(module);
  }
}

const DENIED = /^(?:NotCapable|PermissionDenied)$/;

/** What no agent may. */
const NEVER = [
  { what: "read", path: "/etc/hostname" },
  { what: "write", path: "/tmp/postern-permissions-test" },
  { what: "run" },
  { what: "env" },
];

Deno.test("a milter on a port may listen there, and nothing else", async () => {
  const config = { agent: "milter", listen: "127.0.0.1:0", nextHop: "smtp://127.0.0.1:25" };
  const [listens, ...others] = await probe(config, [
    { what: "listen", address: { hostname: "127.0.0.1", port: 0 } },
    { what: "connect", address: { hostname: "127.0.0.1", port: 25 } },
    { what: "listen", address: { hostname: "0.0.0.0", port: 0 } },
    ...NEVER,
  ]);
  assert.equal(listens, "done");
  for (const each of others) assert.match(each, DENIED);
});

Deno.test("a milter on a socket may make it and set its mode, and nothing else", async () => {
  const directory = await Deno.makeTempDir();
  const path = `${directory}/m.sock`;
  try {
    const config = { agent: "milter", listen: `unix:${path}` };
    const [listens, mode, ...others] = await probe(config, [
      { what: "listen", address: { transport: "unix", path } },
      { what: "chmod", path },
      { what: "listen", address: { transport: "unix", path: `${directory}/other.sock` } },
      { what: "listen", address: { hostname: "127.0.0.1", port: 0 } },
      ...NEVER,
    ]);
    assert.deepEqual([listens, mode], ["done", "done"]);
    for (const each of others) assert.match(each, DENIED);
    assert.equal(
      describePermissions(agentPermissions(agentSchema.parse(config))),
      `net unix:${path}; read ${path}; write ${path}`,
    );
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("an smtp agent may listen and reach its next hop, and nothing else", async () => {
  using hop = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = hop.addr;
  const config = { agent: "smtp", listen: "127.0.0.1:0", nextHop: `smtp://127.0.0.1:${port}` };
  const [listens, connects, ...others] = await probe(config, [
    { what: "listen", address: { hostname: "127.0.0.1", port: 0 } },
    { what: "connect", address: { hostname: "127.0.0.1", port } },
    { what: "connect", address: { hostname: "127.0.0.1", port: 25 } },
    ...NEVER,
  ]);
  assert.deepEqual([listens, connects], ["done", "done"]);
  for (const each of others) assert.match(each, DENIED);
});

Deno.test("an agent whose clients are redirected may go to each address of an IPv6 network, and to none beside it", async () => {
  const config = {
    agent: "smtp",
    listen: "127.0.0.1:0",
    nextHop: "maildir:/nonexistent",
    transparent: { to: ["::/120", "127.0.0.0/30"], port: 9 },
  };
  const [ipv6, ipv4, ...others] = await probe(config, [
    { what: "connect", address: { hostname: "::1", port: 9 } },
    { what: "connect", address: { hostname: "127.0.0.3", port: 9 } },
    { what: "connect", address: { hostname: "::1", port: 10 } },
    { what: "connect", address: { hostname: "::100", port: 9 } },
    { what: "connect", address: { hostname: "127.0.0.4", port: 9 } },
    ...NEVER,
  ]);
  // Nobody is there; that one may go there is another matter.
  for (const each of [ipv6, ipv4]) assert.doesNotMatch(each ?? "NotCapable", DENIED);
  for (const each of others) assert.match(each, DENIED);
  assert.equal(
    describePermissions(agentPermissions(agentSchema.parse(config))),
    "net 127.0.0.1:0, [::/120]:9, 127.0.0.0/30:9",
  );
  for (const to of ["2001:db8::/64", "2001:db8::/115", "2001:db8::/129"]) {
    const wide = { ...config, transparent: { to: [to] } };
    assert.throws(() => agentSchema.parse(wide), /IPv6 network of at most 4096 addresses/);
  }
});

Deno.test("a clamd agent may read below its directories, and nothing else", async () => {
  const directory = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${directory}/files`);
    await Deno.writeTextFile(`${directory}/files/a`, "");
    await Deno.writeTextFile(`${directory}/secret`, "");
    const path = `${directory}/c.sock`;
    const config = {
      agent: "clamd",
      listen: `unix:${path}`,
      directories: [`${directory}/files`],
    };
    const [reads, listens, ...others] = await probe(config, [
      { what: "read", path: `${directory}/files/a` },
      { what: "listen", address: { transport: "unix", path } },
      { what: "read", path: `${directory}/secret` },
      { what: "read", path: `${directory}/files/../secret` },
      { what: "write", path: `${directory}/files/a` },
      { what: "listen", address: { hostname: "127.0.0.1", port: 0 } },
      ...NEVER,
    ]);
    assert.deepEqual([reads, listens], ["done", "done"]);
    for (const each of others) assert.match(each, DENIED);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

for (const agent of ["clamd", "spamd", "rspamd"]) {
  Deno.test(`${agent} on a port may listen there, and nothing else`, async () => {
    const [listens, ...others] = await probe({ agent, listen: "127.0.0.1:0" }, [
      { what: "listen", address: { hostname: "127.0.0.1", port: 0 } },
      { what: "connect", address: { hostname: "127.0.0.1", port: 25 } },
      { what: "listen", address: { hostname: "0.0.0.0", port: 0 } },
      ...NEVER,
    ]);
    assert.equal(listens, "done");
    for (const each of others) assert.match(each, DENIED);
  });
}

for (const agent of ["pop3", "imap"] as const) {
  Deno.test(`${agent} may listen and reach its servers, and nothing else`, async () => {
    using main = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    using named = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const config = {
      agent,
      listen: "127.0.0.1:0",
      server: `${agent}://127.0.0.1:${main.addr.port}`,
      servers: [`${agent}s://localhost:${named.addr.port}`],
      nextHop: "smtp://127.0.0.1:25",
    };
    const [listens, connects, byName, ...others] = await probe(config, [
      { what: "listen", address: { hostname: "127.0.0.1", port: 0 } },
      { what: "connect", address: { hostname: "127.0.0.1", port: main.addr.port } },
      { what: "connect", address: { hostname: "localhost", port: named.addr.port } },
      { what: "connect", address: { hostname: "127.0.0.1", port: 25 } },
      { what: "connect", address: { hostname: "localhost", port: main.addr.port } },
      ...NEVER,
    ]);
    assert.deepEqual([listens, connects, byName], ["done", "done", "done"]);
    for (const each of others) assert.match(each, DENIED);
  });
}
