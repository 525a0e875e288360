/**
 * Messages per second and their times through Postern, beside smtp-source straight into smtp-sink, in one run. Figures of two
 * machines cannot be compared; the ratios can.
 */
import { Gateway } from "../tests/gateway.ts";
import { startSmtpSink } from "../tests/peers/smtp_sink.ts";
import { runSmtpSource } from "../tests/peers/smtp_source.ts";
import { processTree, pss } from "../tests/processes.ts";
import { load } from "./load.ts";
import { mebibytes, numbers, table } from "./print.ts";

const SIZES = numbers("SIZES", [4096, 61_440]);
const SESSIONS = numbers("SESSIONS", [1, 10, 50]);
/** How long each cell of the table may take, s; how many messages that is, is tried first. */
const [SECONDS = 4] = numbers("SECONDS", [4]);
/** Messages before the first cell: a mail server runs for weeks, and its compiler's first minute says nothing of them. */
const [WARM = 10_000] = numbers("WARM", [10_000]);
/** Messages of the trial, and the least of a run. */
const TRIAL = 200;

/** Messages per second of smtp-source: a trial that also warms up, then as many as fit the time. */
async function rate(port: number, size: number, sessions: number): Promise<number> {
  const go = async (messages: number) => {
    const { code, seconds, stderr } = await runSmtpSource(port, { sessions, messages, size });
    if (code !== 0) throw new Error(`smtp-source: ${stderr}`);
    return messages / seconds;
  };
  const guess = await go(TRIAL);
  return await go(Math.max(TRIAL, Math.round(guess * SECONDS)));
}

await using sink = await startSmtpSink();
await using gateway = await Gateway.start({
  agents: { smtp: { nextHop: `smtp://127.0.0.1:${sink.port}` } },
  config: { log: { to: [`file:./state/log`] } },
});
const port = gateway.port("smtp");

let peak = 0;
const watch = setInterval(async () => {
  peak = Math.max(peak, await pss((await processTree(gateway.pid)).map(({ pid }) => pid)));
}, 500);

const rows: string[][] = [];
try {
  const warming = await runSmtpSource(port, { sessions: 10, messages: WARM, size: 4096 });
  if (warming.code !== 0) throw new Error(`smtp-source: ${warming.stderr}`);
  for (const size of SIZES) {
    for (const sessions of SESSIONS) {
      const direct = await rate(sink.port, size, sessions);
      peak = 0;
      const through = await rate(port, size, sessions);
      const shape = { sessions, size, messages: 20_000, limitMs: SECONDS * 500 };
      const directTimes = await load(sink.port, shape);
      const times = await load(port, shape);
      if (times.failed > 0) {
        throw new Error(`${times.failed} messages were not taken\n${gateway.log}`);
      }
      rows.push([
        String(size),
        String(sessions),
        direct.toFixed(0),
        through.toFixed(0),
        (through / direct).toFixed(2),
        directTimes.p99.toFixed(1),
        times.p50.toFixed(1),
        times.p99.toFixed(1),
        mebibytes(peak),
      ]);
      console.error(`${size} octets, ${sessions} sessions: done`);
    }
  }
} finally {
  clearInterval(watch);
}
console.log(table([
  "octets",
  "sessions",
  "direct/s",
  "Postern/s",
  "ratio",
  "direct p99 ms",
  "p50 ms",
  "p99 ms",
  "PSS MiB",
], rows));
