import assert from "node:assert/strict";
import { PosternError } from "../errors.ts";
import { agentPermissions } from "../agents/permissions.ts";
import type { HostPorts } from "../agents/worker_host.ts";
import { agentNextHop, configSchema } from "../policy/config.ts";
import { compilePolicy } from "../policy/compile.ts";
import { freePort, until } from "../tests/wait.ts";
import { AgentKeeper } from "./agent_keeper.ts";
import type { AgentSettings } from "./agent_settings.ts";
import { InFlight } from "./in_flight.ts";
import { unscanned } from "./unscanned.ts";

const WORKER = new URL("../tests/fixtures/agent_worker.ts", import.meta.url);
const TREE = compilePolicy({});

function settings(agent: Readonly<Record<string, unknown>>): AgentSettings {
  const { agents: [config] } = configSchema.parse({
    agents: [{ agent: "smtp", listen: "127.0.0.1:0", nextHop: "maildir:/nowhere", ...agent }],
  });
  assert.ok(config);
  return {
    agent: config.agent,
    name: config.name,
    listen: config.listen,
    nextHop: agentNextHop(config) ?? "",
    permissions: agentPermissions(config),
    config: { ...config, hostname: "node.test" },
  };
}

/** Ports that say what they were asked. */
function ports(inFlight: InFlight, changes: Partial<HostPorts> = {}): HostPorts {
  return {
    scan: (octets, _, signal) =>
      new Promise((resolve) => {
        const verdict = unscanned(octets, "cancelled", 0, 0);
        if (new TextDecoder().decode(octets) !== "for ever") {
          resolve({ ...verdict, status: "clean" });
        } else signal?.addEventListener("abort", () => resolve(verdict));
      }),
    rewrite: (message) =>
      Promise.resolve({
        message: message.toReversed(),
        layout: { headerEnd: 0, lineEnd: "\r\n", ownFields: [] },
        failed: [],
      }),
    quarantine: () => Promise.reject(new PosternError("store/full", "full")),
    deliverMaildir: () => Promise.reject(new PosternError("store/full", "full")),
    reserve: (octets) => Promise.resolve(inFlight.reserve(octets)),
    release: (octets) => inFlight.release(octets),
    record: () => {},
    log: () => {},
    ...changes,
  };
}

/** Sends a line to the agent and reads its answer; `undefined` where nobody answers. */
async function say(keeper: AgentKeeper, line: string): Promise<string | undefined> {
  const [hostname = "", port] = keeper.addresses[0]?.split(":") ?? [];
  let connection: Deno.Conn;
  try {
    connection = await Deno.connect({ hostname, port: Number(port) });
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) return undefined;
    throw error;
  }
  await connection.write(new TextEncoder().encode(line));
  try {
    return await new Response(connection.readable).text();
  } catch {
    return undefined;
  }
}

async function withKeeper(
  agent: Readonly<Record<string, unknown>>,
  use: (keeper: AgentKeeper, reports: string[], inFlight: InFlight) => Promise<void>,
): Promise<void> {
  const reports: string[] = [];
  const inFlight = new InFlight(10_000_000);
  const keeper = new AgentKeeper({
    settings: settings(agent),
    worker: WORKER,
    ports: ports(inFlight),
    policy: () => TREE,
    report: (_, message) => reports.push(message),
    heartbeatMs: 200,
  });
  try {
    await keeper.start();
    await use(keeper, reports, inFlight);
  } finally {
    keeper.close();
  }
}

Deno.test("AgentKeeper hands an agent its ports, over messages", async () => {
  await withKeeper({}, async (keeper) => {
    assert.equal(await say(keeper, "policy"), TREE.hash);
    assert.equal(await say(keeper, "scan text"), "clean");
    assert.equal(await say(keeper, "scan-aborted for ever"), "cancelled");
    assert.equal(await say(keeper, "rewrite abc"), "cba");
    assert.equal(await say(keeper, "maildir /x"), "error store/full");
    keeper.setPolicy({ ...TREE, hash: "another" });
    assert.equal(await say(keeper, "policy"), "another");
    assert.deepEqual((await keeper.status()).counters, { sessions: 0 });
  });
});

Deno.test("AgentKeeper starts an agent again whose worker dies, and takes back what it held", async (test) => {
  for (const cause of ["throw", "babble"]) {
    await test.step(cause, async () => {
      await withKeeper({ listen: `127.0.0.1:${freePort()}` }, async (keeper, reports, inFlight) => {
        assert.equal(await say(keeper, "reserve 3000000"), "true");
        assert.ok(inFlight.held >= 3_000_000);
        await say(keeper, cause);
        await until("its return", async () => (await keeper.status()).restarts === 1);
        await until("its answer", async () => await say(keeper, "scan text") === "clean");
        assert.equal(inFlight.held, 0);
        assert.deepEqual(reports, ["An agent died and is started again", "An agent is back"]);
      });
    });
  }
});

Deno.test("AgentKeeper replaces an agent that does not answer, on its address", async (test) => {
  for (const cause of ["stuck", "loop 4000"]) {
    await test.step(cause, async () => {
      await withKeeper({ listen: `127.0.0.1:${freePort()}` }, async (keeper, reports, inFlight) => {
        assert.equal(await say(keeper, "reserve 3000000"), "true");
        // Two more clients: one has a session, one comes at the moment when nobody answers any more.
        const [hostname = "", port] = keeper.addresses[0]?.split(":") ?? [];
        const session = await Deno.connect({ hostname, port: Number(port) });
        await until("it", async () => (await keeper.status()).counters.sessions === 1);
        const causing = say(keeper, cause);
        const late = await Deno.connect({ hostname, port: Number(port) });
        await until("its return", async () => (await keeper.status()).restarts === 1);
        await until("its answer", async () => await say(keeper, "scan text") === "clean");
        for (const each of [session, late]) {
          // An end or a reset, but no silence.
          assert.ok(await each.read(new Uint8Array(1)).catch(() => null) === null);
          each.close();
        }
        await causing;
        assert.equal(inFlight.held, 0);
        assert.deepEqual(reports, [
          "An agent does not answer and is replaced; its thread is left behind",
          "An agent is back",
        ]);
      });
    });
  }
});

Deno.test("AgentKeeper bounds what agents hold, and has it back when they are done", async () => {
  await withKeeper({}, async (keeper, _, inFlight) => {
    assert.equal(await say(keeper, "reserve 20000000"), "false");
    assert.equal(await say(keeper, "reserve 9000000"), "true");
    assert.equal(await say(keeper, "reserve 2000000"), "false");
    assert.equal(await say(keeper, "release 9000000"), "released");
    await until("the octets", () => inFlight.held < 5_000_000);
    assert.equal(await say(keeper, "reserve 9000000"), "true");
  });
});

Deno.test("AgentKeeper.drain() finishes sessions and takes no new ones", async () => {
  await withKeeper({}, async (keeper) => {
    const [hostname = "", port] = keeper.addresses[0]?.split(":") ?? [];
    const session = await Deno.connect({ hostname, port: Number(port) });
    await until("the session", async () => (await keeper.status()).counters.sessions === 1);
    const drained = keeper.drain(60_000);
    await until("no new sessions", async () => await say(keeper, "policy") === undefined);
    await session.write(new TextEncoder().encode("scan text"));
    assert.equal(await new Response(session.readable).text(), "clean");
    await drained;
  });
});

Deno.test("AgentKeeper.start() says why an agent cannot start", async () => {
  await withKeeper({}, async (keeper) => {
    const second = new AgentKeeper({
      settings: settings({ listen: keeper.addresses[0] ?? "" }),
      worker: WORKER,
      ports: ports(new InFlight(0)),
      policy: () => TREE,
      report: () => {},
    });
    await assert.rejects(second.start(), { code: "daemon/worker", message: /in use/i });
  });
});

Deno.test("an smtp agent may listen on its address and reach its next hop, and nothing else", async () => {
  const other = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const hop = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const file = await Deno.makeTempFile({ suffix: ".js" });
  const path = `${file}.sock`;
  const socket = Deno.listen({ transport: "unix", path });
  try {
    await withKeeper({ nextHop: `smtp://127.0.0.1:${hop.addr.port}` }, async (keeper) => {
      assert.equal(await say(keeper, `connect 127.0.0.1:${hop.addr.port}`), "allowed");
      assert.equal(await say(keeper, "listen 127.0.0.1:0"), "allowed");
      const refused = [
        `connect 127.0.0.1:${other.addr.port}`,
        `connect unix:${path}`,
        `listen 0.0.0.0:0`,
        `listen 127.0.0.1:${freePort()}`,
        `read ${file}`,
        `read /etc/hostname`,
        `write ${file}`,
        `run /bin/true`,
        `env HOME`,
        `sys`,
        `ffi`,
      ];
      for (const attempt of refused) {
        assert.equal(await say(keeper, attempt), "NotCapable", attempt);
      }
      assert.notEqual(await say(keeper, `import file://${file}`), "allowed");
    });
    await withKeeper({ nextHop: `lmtp:unix:${path}` }, async (keeper) => {
      assert.equal(await say(keeper, `connect unix:${path}`), "allowed");
      assert.equal(await say(keeper, `connect unix:/run/any.sock`), "NotCapable");
      assert.equal(await say(keeper, `connect 127.0.0.1:${hop.addr.port}`), "NotCapable");
    });
    await withKeeper({ nextHop: `maildir:/nowhere` }, async (keeper) => {
      assert.equal(await say(keeper, `read /nowhere`), "NotCapable");
      assert.equal(await say(keeper, `connect 127.0.0.1:${hop.addr.port}`), "NotCapable");
    });
  } finally {
    for (const listener of [other, hop, socket]) listener.close();
    await Deno.remove(file);
    await Deno.remove(path).catch(() => {});
  }
});
