/**
 * kill -9 while mail flows: what was answered 250 is there, exactly once but for copies that a crash between the next hop's
 * answer and ours explains. `POSTERN_KILLS=20` makes the long run.
 */
import assert from "node:assert/strict";
import { Gateway } from "./gateway.ts";
import { account, idOf, maildirIds } from "./kill/ledger.ts";
import { Senders } from "./kill/senders.ts";
import { ScriptedSink } from "./peers/scripted_sink.ts";
import { isAlive } from "./processes.ts";
import { until } from "./wait.ts";

const SENDERS = 20;
const KILLS = Number(Deno.env.get("POSTERN_KILLS") ?? "3");
/** Messages that must be taken between two kills, so that each hits a gateway at work. */
const BETWEEN_KILLS = 60;
/** Longest pause after that, ms: the moment is random. */
const RANDOM_MS = 200;

const pause = (ms: number) => new Promise((wake) => setTimeout(wake, ms));

/** What is killed; resolves when it is back. */
type Killing = (gateway: Gateway, sink: ScriptedSink) => Promise<void>;

const KILLINGS: Readonly<Record<string, Killing>> = {
  async daemon(gateway) {
    const were = await gateway.kill();
    await until("the end of all its processes", async () => {
      const alive = await Promise.all(were.map(isAlive));
      return !alive.includes(true);
    });
    await gateway.run();
  },
  async scanner(gateway) {
    const scanners = await until("a scanner", async () => {
      const there = await gateway.scanners();
      return there.length > 0 && there;
    });
    const victim = scanners[Math.floor(Math.random() * scanners.length)];
    assert.ok(victim);
    try {
      Deno.kill(victim.pid, "SIGKILL");
    } catch (error) {
      // Ended since it was seen.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  },
  async "next hop"(_gateway, sink) {
    await sink.crash();
    await pause(Math.random() * RANDOM_MS);
    sink.listen();
  },
};

for (const [what, killing] of Object.entries(KILLINGS)) {
  Deno.test(`kill -9 of the ${what}, ${KILLS} times: nothing answered 250 is lost`, async () => {
    await using sink = ScriptedSink.start();
    await using gateway = await Gateway.start({
      agents: {
        relay: { nextHop: `smtp://127.0.0.1:${sink.port}` },
        box: { nextHop: "maildir:./state/maildir" },
        keep: { nextHop: `smtp://127.0.0.1:${sink.port}` },
      },
      policy: { settings: { antivirus: { action: "scan", infected: "quarantine" } } },
    });
    const senders = new Senders(SENDERS, what.replace(" ", "-"), {
      sink: gateway.port("relay"),
      maildir: gateway.port("box"),
      quarantine: gateway.port("keep"),
    }, what === "next hop");
    try {
      for (let kill = 1; kill <= KILLS; kill++) {
        const goal = senders.taken + BETWEEN_KILLS;
        await until(`mail to flow before kill ${kill}`, () => senders.taken >= goal, {
          more: () => gateway.log,
        });
        await pause(Math.random() * RANDOM_MS);
        await killing(gateway, sink);
      }
      const goal = senders.taken + BETWEEN_KILLS;
      await until("mail to flow after the last kill", () => senders.taken >= goal, {
        more: () => gateway.log,
      });
    } finally {
      await senders.stop();
    }

    const control = await gateway.control();
    let quarantine: string[];
    let problems: readonly string[];
    try {
      const { result } = await control.call("quarantine.list", { limit: 1_000_000 });
      quarantine = (result as readonly { messageId?: string }[])
        .map(({ messageId }) => (messageId ?? "no id").replace(/^<|>$/g, ""));
      problems =
        ((await control.call("store.check")).result as { problems: readonly string[] }).problems;
    } finally {
      control.close();
    }
    assert.equal(await gateway.stop(), 0, gateway.log);

    const got = account(senders.messages.values(), {
      sink: sink.messages.map(({ octets }) => idOf(octets)),
      maildir: await maildirIds(`${gateway.directory}/state/maildir`),
      quarantine,
    });
    console.log(
      `${what}: ${KILLS} kills, ${got.taken} messages answered 250, ${got.twice} there twice, ${got.missing.length} missing`,
    );
    assert.deepEqual(got.missing, []);
    assert.deepEqual(got.tooMany, []);
    assert.deepEqual(got.astray, []);
    assert.deepEqual(problems, []);
  });
}
