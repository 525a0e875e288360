/** Memory of the whole tree of processes while many messages go through; ends with 1 when it keeps growing. */
import { Gateway } from "../tests/gateway.ts";
import { startSmtpSink } from "../tests/peers/smtp_sink.ts";
import { runSmtpSource } from "../tests/peers/smtp_source.ts";
import { pss } from "../tests/processes.ts";
import { mebibytes, numbers, table } from "./print.ts";

const [MESSAGES = 50_000] = numbers("MESSAGES", [50_000]);
const [SIZE = 4096] = numbers("SIZES", [4096]);
const [SESSIONS = 10] = numbers("SESSIONS", [10]);
const STEPS = 20;
/** Share of the run that counts as warming up. */
const WARM = 0.2;
/** What the median of the last fifth may be above that of the first fifth after warming up. */
const MAX_RATIO = 1.15;

const median = (values: readonly number[]) =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

await using sink = await startSmtpSink();
await using gateway = await Gateway.start({
  agents: { smtp: { nextHop: `smtp://127.0.0.1:${sink.port}` } },
  config: { log: { to: ["file:./state/log"] } },
});
const each = Math.ceil(MESSAGES / STEPS);
const samples: number[] = [];
const rows: string[][] = [];
const begin = performance.now();
for (let step = 1; step <= STEPS; step++) {
  const sent = await runSmtpSource(gateway.port("smtp"), {
    sessions: SESSIONS,
    messages: each,
    size: SIZE,
  });
  if (sent.code !== 0) throw new Error(`smtp-source: ${sent.stderr}\n${gateway.log}`);
  const tree = await gateway.tree();
  const octets = await pss(tree.map(({ pid }) => pid));
  samples.push(octets);
  rows.push([
    String(step * each),
    ((performance.now() - begin) / 1000).toFixed(0),
    String(tree.length),
    mebibytes(octets),
  ]);
  console.error(`${step * each} messages: ${mebibytes(octets)} MiB`);
}
console.log(table(["messages", "s", "processes", "PSS MiB"], rows));
const warm = samples.slice(Math.round(STEPS * WARM));
const fifth = Math.max(1, Math.round(warm.length / 5));
const ratio = median(warm.slice(-fifth)) / median(warm.slice(0, fifth));
console.log(
  `after warming up: last fifth to first fifth ${ratio.toFixed(2)} (at most ${MAX_RATIO})`,
);
if (ratio > MAX_RATIO) Deno.exitCode = 1;
