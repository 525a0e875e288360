/**
 * Messages per second and their times when other programs ask Postern: as clamd, beside a real clamd with the same signature; as
 * spamd and as Rspamd. Each message is a connection of its own, as these programs make them; with IDSESSION many share one. Figures
 * of two machines cannot be compared; the ratios can.
 */
import { Buffer } from "node:buffer";
import { Gateway } from "../tests/gateway.ts";
import { EICAR } from "../tests/mail.ts";
import { startClamd } from "../tests/peers/clamd.ts";
import { temporaryDirectory } from "../tests/temporary.ts";
import { loadMessage } from "./load.ts";
import { numbers, table } from "./print.ts";

const SIZES = numbers("SIZES", [4096, 61_440]);
const SESSIONS = numbers("SESSIONS", [1, 10, 50]);
/** How long each cell of the table may take, s. */
const [SECONDS = 3] = numbers("SECONDS", [3]);

/** How one message is asked about, and what the answer holds where nothing is found. */
interface Way {
  readonly name: string;
  readonly port: number;
  readonly request: (message: Uint8Array) => Uint8Array;
  readonly clean: string;
}

function instream(message: Uint8Array): Uint8Array {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(message.length);
  return Buffer.concat([Buffer.from("zINSTREAM\0"), head, message, Buffer.alloc(4)]);
}

/** Asks in `sessions` at once until the time is over. */
async function load(way: Way, sessions: number, size: number) {
  const { octets, slot } = loadMessage(size);
  const times: number[] = [];
  let next = 0;
  const begin = performance.now();
  const end = begin + SECONDS * 1000;
  const session = async () => {
    const own = Buffer.from(octets);
    const chunk = new Uint8Array(4096);
    while (performance.now() < end) {
      own.write(String(next++).padStart(16, "0"), slot, "latin1");
      const started = performance.now();
      using conn = await Deno.connect({ hostname: "127.0.0.1", port: way.port });
      conn.setNoDelay(true);
      const request = way.request(own);
      for (let at = 0; at < request.length;) at += await conn.write(request.subarray(at));
      let answer = "";
      while (true) {
        const count = await conn.read(chunk);
        if (count === null) break;
        answer += Buffer.from(chunk.subarray(0, count)).toString("latin1");
      }
      times.push(performance.now() - started);
      if (!answer.includes(way.clean)) throw new Error(`${way.name} answered ${answer}`);
    }
  };
  await Promise.all(Array.from({ length: sessions }, session));
  const seconds = (performance.now() - begin) / 1000;
  times.sort((a, b) => a - b);
  const share = (part: number) =>
    times[Math.min(times.length - 1, Math.floor(times.length * part))] ?? 0;
  return { rate: times.length / seconds, p50: share(0.5), p99: share(0.99) };
}

await using directory = await temporaryDirectory();
await using clamd = await startClamd(directory.path, {
  "Eicar-Test-Signature": Buffer.from(EICAR),
});
await using gateway = await Gateway.start({
  agents: {
    clamd: { agent: "clamd" },
    spamd: { agent: "spamd" },
    rspamd: { agent: "rspamd" },
  },
  config: { log: { to: ["file:./state/log"] } },
});
const ways: readonly Way[] = [
  { name: "clamd itself", port: clamd.port, request: instream, clean: "stream: OK" },
  { name: "as clamd", port: gateway.port("clamd"), request: instream, clean: "stream: OK" },
  {
    name: "as spamd",
    port: gateway.port("spamd"),
    request: (message) =>
      Buffer.concat([
        Buffer.from(`CHECK SPAMC/1.5\r\nContent-length: ${message.length}\r\n\r\n`),
        message,
      ]),
    clean: "Spam: False",
  },
  {
    name: "as Rspamd",
    port: gateway.port("rspamd"),
    request: (message) =>
      Buffer.concat([
        Buffer.from(
          `POST /checkv2 HTTP/1.0\r\nFrom: a@b.test\r\nRcpt: c@d.test\r\nContent-Length: ${message.length}\r\n\r\n`,
        ),
        message,
      ]),
    clean: '"no action"',
  },
];
const rows: string[][] = [];
for (const size of SIZES) {
  for (const sessions of SESSIONS) {
    let first: number | undefined;
    for (const way of ways) {
      const { rate, p50, p99 } = await load(way, sessions, size);
      first ??= rate;
      rows.push([
        String(size),
        String(sessions),
        way.name,
        rate.toFixed(0),
        (rate / first).toFixed(2),
        p50.toFixed(1),
        p99.toFixed(1),
      ]);
    }
    console.error(`${size} octets, ${sessions} sessions: done`);
  }
}
console.log(
  table(["octets", "sessions", "asked", "messages/s", "ratio", "p50 ms", "p99 ms"], rows),
);
