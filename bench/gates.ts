/**
 * Messages per second, their times and what they cost at the gates of mail servers, with the same generated signatures: by milter
 * beside clamav-milter with clamd, by SMTP beside amavisd-new with clamd and beside the next hop alone. Each message is a connection
 * of its own. Figures of two machines cannot be compared; the ratios can.
 */
import { Buffer } from "node:buffer";
import { fileURLToPath } from "node:url";
import { submitMilter } from "../commands/selftest/submit_milter.ts";
import { buildSignatures } from "../daemon/signature_build.ts";
import { Gateway } from "../tests/gateway.ts";
import { startAmavis } from "../tests/peers/amavis.ts";
import { Process } from "../tests/peers/process.ts";
import { SmtpClient } from "../tests/peers/smtp_client.ts";
import { startSmtpSink } from "../tests/peers/smtp_sink.ts";
import { processTree, pss } from "../tests/processes.ts";
import { temporaryDirectory } from "../tests/temporary.ts";
import { accepts, freePort } from "../tests/wait.ts";
import { Clamd } from "./clamd.ts";
import { cpuSeconds } from "./cpu.ts";
import { loadMessage } from "./load.ts";
import { mebibytes, numbers, table } from "./print.ts";

/** How long each cell of the table may take, s. */
const [SECONDS = 4] = numbers("SECONDS", [4]);
const [SESSIONS = 10] = numbers("SESSIONS", [10]);
/** Signatures, hashes and patterns mixed. */
const [SIGNATURES = 100_000] = numbers("SIGNATURES", [100_000]);
/** Sizes of the mix in hundredths of the messages: 4 KB, 60 KB, 5 MB. */
const MIX: readonly (readonly [octets: number, hundredths: number])[] = [
  [4096, 70],
  [61_440, 29],
  [5_000_000, 1],
];
const MAKER = fileURLToPath(new URL("../../shared/tools/measure/clamdb.py", import.meta.url));

/** What is measured: hands over one message. @returns whether it was taken. */
interface Target {
  readonly name: string;
  readonly pids: () => Promise<readonly number[]>;
  readonly send: (message: Uint8Array) => Promise<boolean>;
}

/** Messages of a kind in turn, each with octets of its own. */
function messages(kind: string): () => Uint8Array {
  const sizes = kind === "mix"
    ? MIX.flatMap(([octets, share]) => Array<number>(share).fill(octets))
    : [Number(kind)];
  const made = new Map([...new Set(sizes)].map((size) => [size, loadMessage(size)]));
  let next = 0;
  return () => {
    // 37 has no factor in common with a hundred: the sizes come well mixed.
    const { octets, slot } = made.get(sizes[(next * 37) % sizes.length]!)!;
    const own = Buffer.from(octets);
    own.write(String(next++).padStart(16, "0"), slot, "latin1");
    return own;
  };
}

async function bySmtp(port: number, message: Uint8Array): Promise<boolean> {
  using client = await SmtpClient.connect(port);
  await client.ehlo();
  const envelope = { sender: "load@sender.test", recipients: ["sink@recipient.test"] };
  return (await client.send({ ...envelope, message })).code === 250;
}

async function byMilter(address: string, message: Uint8Array): Promise<boolean> {
  const { code } = await submitMilter({
    address,
    helo: "load.test",
    sender: "load@sender.test",
    recipients: ["sink@recipient.test"],
    message,
    timeoutMs: 60_000,
  });
  return code === 250;
}

async function measure(target: Target, kind: string) {
  const message = messages(kind);
  for (let i = 0; i < SESSIONS; i++) await target.send(message());
  const pids = await target.pids();
  const before = await cpuSeconds(pids);
  const times: number[] = [];
  let peak = 0;
  const watch = setInterval(async () => peak = Math.max(peak, await pss(await target.pids())), 500);
  const begin = performance.now();
  const session = async () => {
    while (performance.now() - begin < SECONDS * 1000) {
      const started = performance.now();
      if (!await target.send(message())) throw new Error(`${target.name} refused clean mail`);
      times.push(performance.now() - started);
    }
  };
  await Promise.all(Array.from({ length: SESSIONS }, session));
  const seconds = (performance.now() - begin) / 1000;
  clearInterval(watch);
  const cpu = await cpuSeconds(await target.pids()) - before;
  times.sort((a, b) => a - b);
  const at = (share: number) =>
    times[Math.min(times.length - 1, Math.floor(times.length * share))]!;
  return {
    rate: times.length / seconds,
    p50: at(0.5),
    p99: at(0.99),
    cpuMs: cpu * 1000 / times.length,
    peak: Math.max(peak, await pss(await target.pids())),
  };
}

const tree = async (...roots: readonly number[]) =>
  (await Promise.all(roots.map((pid) => processTree(pid)))).flat().map(({ pid }) => pid);

await using stack = new AsyncDisposableStack();
const directory = stack.use(await temporaryDirectory()).path;
const database = `${directory}/signatures`;
const maker = new Deno.Command("python3", { args: [MAKER, database, "mix", String(SIGNATURES)] });
if (!(await maker.output()).success) throw new Error(`${MAKER} failed`);
const modules = `${directory}/modules`;
await buildSignatures([database], modules);
await new Deno.Command("chmod", { args: ["-R", "a+rX", modules] }).output();

const sink = stack.use(await startSmtpSink());
const gateway = stack.use(
  await Gateway.start({
    agents: {
      smtp: { nextHop: `smtp://127.0.0.1:${sink.port}` },
      milter: { agent: "milter" },
    },
    config: { signatures: modules, log: { to: ["file:./state/log"] } },
  }),
);
const clamd = stack.use(await Clamd.start(database));
const milterPort = freePort();
const milterConfig = `${directory}/clamav-milter.conf`;
await Deno.writeTextFile(
  milterConfig,
  [
    "Foreground yes",
    `MilterSocket inet:${milterPort}@127.0.0.1`,
    `ClamdSocket unix:${clamd.socket}`,
    "OnInfected Reject",
    "MaxFileSize 64M",
    "",
  ].join("\n"),
);
const clamavMilter = stack.use(new Process("clamav-milter", "clamav-milter", ["-c", milterConfig]));
await clamavMilter.ready("listens", () => accepts(milterPort));
const work = `${directory}/work`;
await Deno.mkdir(work);
await Deno.chmod(work, 0o777);
const amavis = stack.use(
  await startAmavis({
    directory,
    work,
    port: freePort(),
    nextHop: sink.port,
    scanner: { socket: clamd.socket },
    servers: SESSIONS,
  }),
);

const targets: Readonly<Record<string, readonly Target[]>> = {
  milter: [
    {
      name: "postern",
      pids: () => tree(gateway.pid),
      send: (message) => byMilter(`127.0.0.1:${gateway.port("milter")}`, message),
    },
    {
      name: "clamav-milter+clamd",
      pids: () => tree(clamavMilter.pid, clamd.pid),
      send: (message) => byMilter(`127.0.0.1:${milterPort}`, message),
    },
  ],
  smtp: [
    {
      name: "postern",
      pids: () => tree(gateway.pid),
      send: (message) => bySmtp(gateway.port("smtp"), message),
    },
    {
      name: "amavisd+clamd",
      pids: () => tree(amavis.pid, clamd.pid),
      send: (message) => bySmtp(amavis.port, message),
    },
    {
      name: "next hop alone",
      pids: () => tree(sink.process.pid),
      send: (message) => bySmtp(sink.port, message),
    },
  ],
};

const rows: string[][] = [];
for (const [gate, all] of Object.entries(targets)) {
  for (const kind of ["4096", "61440", "mix"]) {
    let first: number | undefined;
    for (const target of all) {
      const { rate, p50, p99, cpuMs, peak } = await measure(target, kind);
      first ??= rate;
      rows.push([
        gate,
        kind,
        target.name,
        rate.toFixed(0),
        (first / rate).toFixed(2),
        p50.toFixed(1),
        p99.toFixed(1),
        cpuMs.toFixed(1),
        mebibytes(peak),
      ]);
    }
  }
}
console.log(`${SESSIONS} sessions, ${SIGNATURES} signatures`);
console.log(
  table(
    ["gate", "mail", "who", "messages/s", "postern is", "p50 ms", "p99 ms", "CPU ms", "PSS MiB"],
    rows,
  ),
);
