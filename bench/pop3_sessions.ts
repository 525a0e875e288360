/**
 * Many POP3 sessions at once: 1,000 that have logged in and wait, 200 that fetch their mail again and again beside them, and the
 * same 200 without a gateway. Prints messages a second, waiting times, and what the gateway's processes hold.
 *
 *     deno run -A bench/pop3_sessions.ts [IDLE] [ACTIVE] [SECONDS] [OCTETS]
 */
import { Buffer } from "node:buffer";
import { Gateway } from "../tests/gateway.ts";
import { Pop3Client } from "../tests/peers/pop3_client.ts";
import { pss } from "../tests/processes.ts";
import { loadMessage } from "./load.ts";
import { mebibytes, table } from "./print.ts";

const [idle = 1000, active = 200, seconds = 10, size = 20_000] = Deno.args.map(Number);

/** The mailbox server, in a worker of its own: every mailbox has one message, and none the same. */
const worker = new Worker(new URL("./pop3_mailboxes.ts", import.meta.url), { type: "module" });
const { octets, slot } = loadMessage(size);
const users = Array.from({ length: active }, (_, i) => `active${i}`);
worker.postMessage({ octets, slot, users });
const port = await new Promise<number>((resolve) => {
  worker.onmessage = ({ data }) => resolve(data as number);
});

await using gateway = await Gateway.start({
  agents: {
    pop3: {
      agent: "pop3",
      server: `pop3://127.0.0.1:${port}`,
      limits: { sessionsPerClient: 2000 },
    },
  },
  config: { log: { level: "warning" }, user: "root" },
});

/** Octets that the daemon with its agents and scanners holds. */
async function held(): Promise<number> {
  return await pss((await gateway.tree()).map(({ pid }) => pid));
}

/** Sessions that fetch, and how long they waited; each is a whole session from greeting to QUIT. */
async function fetchAll(at: number): Promise<{ sessions: number; times: number[]; peak: number }> {
  const end = performance.now() + seconds * 1000;
  const times: number[] = [];
  let sessions = 0;
  let peak = 0;
  const watching = setInterval(() => void held().then((now) => peak = Math.max(peak, now)), 1000);
  await Promise.all(users.map(async (user) => {
    while (performance.now() < end) {
      using client = await Pop3Client.login(at, user, "secret");
      await client.command("STAT");
      await client.list("LIST");
      const begin = performance.now();
      const { wire } = await client.list("RETR 1");
      times.push(performance.now() - begin);
      if (wire?.length !== octets.length) throw new Error(`${user} got ${wire?.length} octets`);
      await client.command("QUIT");
      sessions++;
    }
  }));
  clearInterval(watching);
  return { sessions, times: times.sort((a, b) => a - b), peak };
}

const rows: string[][] = [];
async function measure(name: string, at: number): Promise<void> {
  const { sessions, times, peak } = await fetchAll(at);
  const quantile = (part: number) => (times[Math.floor(times.length * part)] ?? 0).toFixed(1);
  const bare = at === port ? "-" : mebibytes(peak);
  rows.push([name, (sessions / seconds).toFixed(0), quantile(0.5), quantile(0.99), bare]);
}

const before = await held();
const began = performance.now();
const waiting: Pop3Client[] = [];
for (let i = 0; i < idle; i += 50) {
  const some = Array.from({ length: Math.min(50, idle - i) }, (_, k) => `idle${i + k}`);
  waiting.push(
    ...await Promise.all(
      some.map((user) => Pop3Client.login(gateway.port("pop3"), user, "secret")),
    ),
  );
}
const logins = performance.now() - began;
const after = await held();
console.log(
  `${idle} idle sessions: logged in within ${logins.toFixed(0)} ms; ` +
    `the gateway holds ${mebibytes(before)} MiB before, ${mebibytes(after)} MiB with them, ` +
    `${((after - before) / idle / 1024).toFixed(1)} KiB each`,
);
await measure(`${active} active, server itself`, port);
await measure(`${active} active beside ${idle} idle`, gateway.port("pop3"));
const [first] = waiting;
const start = performance.now();
await first?.command("NOOP");
console.log(`an idle session is answered in ${(performance.now() - start).toFixed(1)} ms`);
for (const client of waiting) client[Symbol.dispose]();
await measure(`${active} active alone`, gateway.port("pop3"));
console.log(
  `sessions of one message of ${Buffer.byteLength(octets)} octets, ${seconds} s each:\n` +
    table(["", "sessions/s", "RETR p50 ms", "p99 ms", "peak MiB"], rows),
);
const control = await gateway.control();
const { result } = await control.call("status");
control.close();
const status = result as { agents: readonly { counters: Readonly<Record<string, number>> }[] };
console.log(JSON.stringify(status.agents[0]?.counters));
worker.terminate();
