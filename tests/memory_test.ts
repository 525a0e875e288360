/** Memory under load, the short form; bench/memory.sh sends 50,000 messages. */
import assert from "node:assert/strict";
import { Gateway } from "./gateway.ts";
import { peerTest } from "./peers/peer.ts";
import { startSmtpSink } from "./peers/smtp_sink.ts";
import { runSmtpSource } from "./peers/smtp_source.ts";
import { pss } from "./processes.ts";

/** Messages of one step; the first warms up. */
const STEP = 300;
/** Steps on each side of the comparison: the runtime collects when it likes, so that of each side the least counts. */
const SIDE = 3;
/** What the whole tree may grow from one side to the other, octets: a leak goes on for ever. */
const MAX_GROWTH = 80 << 20;

peerTest(["smtp-sink", "smtp-source"], "2,100 messages leave the memory as it was", async () => {
  await using sink = await startSmtpSink();
  await using gateway = await Gateway.start({
    agents: { smtp: { nextHop: `smtp://127.0.0.1:${sink.port}` } },
  });
  const samples: number[] = [];
  for (let step = 0; step < 1 + 2 * SIDE; step++) {
    const sent = await runSmtpSource(gateway.port("smtp"), {
      sessions: 10,
      messages: STEP,
      size: 30_000,
    });
    assert.equal(sent.code, 0, `${sent.stderr}\n${gateway.log}`);
    samples.push(await pss((await gateway.tree()).map(({ pid }) => pid)));
  }
  const shown = samples.map((octets) => Math.round(octets / (1 << 20)));
  console.log(`PSS of the tree after each ${STEP} messages, MiB: ${shown.join(", ")}`);
  const growth = Math.min(...samples.slice(-SIDE)) - Math.min(...samples.slice(1, 1 + SIDE));
  assert.ok(growth < MAX_GROWTH, `grew by ${growth} octets: ${shown}`);
});
