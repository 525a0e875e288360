/**
 * Many sessions at once: 1,000 that have begun and wait, 200 that have a message scanned again and again beside them, and the same
 * 200 alone (and without a gateway, where there is a server behind it). Prints sessions a second, how long each took, and what the
 * gateway's processes hold.
 *
 *     deno run -A bench/sessions.ts smtp|pop3|imap|milter|clamd [IDLE] [ACTIVE] [SECONDS] [OCTETS]
 */
import { Buffer } from "node:buffer";
import { Gateway } from "../tests/gateway.ts";
import { pss } from "../tests/processes.ts";
import { loadMessage } from "./load.ts";
import { mebibytes, table } from "./print.ts";
import { GATES } from "./session_gates.ts";

/** Sessions that begin at once: fewer than the kernel keeps until they are accepted. */
const AT_ONCE = 50;

const [name = "", ...numbers] = Deno.args;
const [idle = 1000, active = 200, seconds = 10, size = 20_000] = numbers.map(Number);
const makeGate = GATES[name];
if (!makeGate) {
  console.error(`The first argument is one of ${Object.keys(GATES).join(", ")}`);
  Deno.exit(64);
}
const { octets, slot } = loadMessage(size);
const limit = 2 * (idle + active);
const gate = await makeGate({ octets: Buffer.from(octets), slot, active, limit });

await using gateway = await Gateway.start({
  agents: { [name]: gate.agent },
  config: { log: { level: "warning" }, user: "root" },
});
const port = gateway.port(name);

/** Octets that the daemon with its agents and scanners holds. */
async function held(): Promise<number> {
  return await pss((await gateway.tree()).map(({ pid }) => pid));
}

const rows: string[][] = [];
let next = 0;
async function measure(what: string, at: number): Promise<void> {
  const end = performance.now() + seconds * 1000;
  const times: number[] = [];
  let peak = 0;
  const watching = setInterval(() => void held().then((now) => peak = Math.max(peak, now)), 1000);
  await Promise.all(Array.from({ length: active }, async () => {
    while (performance.now() < end) {
      const begin = performance.now();
      await gate.whole(at, next++);
      times.push(performance.now() - begin);
    }
  }));
  clearInterval(watching);
  times.sort((a, b) => a - b);
  const quantile = (part: number) => (times[Math.floor(times.length * part)] ?? 0).toFixed(1);
  const bare = at === port ? mebibytes(peak) : "-";
  rows.push([what, (times.length / seconds).toFixed(0), quantile(0.5), quantile(0.99), bare]);
}

await gate.whole(port, next++); // what is loaded at the first message is no session's
const before = await held();
const began = performance.now();
const waiting: (() => void)[] = [];
for (let i = 0; i < idle; i += AT_ONCE) {
  const some = Array.from(
    { length: Math.min(AT_ONCE, idle - i) },
    (_, k) => gate.idle(port, i + k),
  );
  waiting.push(...await Promise.all(some));
}
const ms = performance.now() - began;
const after = await held();
console.log(
  `${name}: ${idle} idle sessions came within ${ms.toFixed(0)} ms; ` +
    `the gateway holds ${mebibytes(before)} MiB before, ${mebibytes(after)} MiB with them, ` +
    `${((after - before) / Math.max(1, idle) / 1024).toFixed(1)} KiB each`,
);
if (gate.direct !== undefined) await measure(`${active} active, server itself`, gate.direct);
await measure(`${active} active beside ${idle} idle`, port);
for (const end of waiting) end();
await measure(`${active} active alone`, port);
console.log(
  `sessions of one message of ${octets.length} octets, ${seconds} s each:\n` +
    table(["", "sessions/s", "p50 ms", "p99 ms", "peak MiB"], rows),
);
const control = await gateway.control();
const { result } = await control.call("status");
control.close();
const status = result as { agents: readonly { counters: Readonly<Record<string, number>> }[] };
console.log(JSON.stringify(status.agents[0]?.counters));
gate.close?.();
