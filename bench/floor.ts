/**
 * What the runtime leaves: SMTP relays that do nothing but carry messages, beside Postern and beside smtp-source straight into
 * smtp-sink, in one run. One relay alone; one that has another process look at each message, and asks it itself; and one that
 * asks it through its main thread, which is Postern's arrangement of agent, daemon and scanner. They speak just enough SMTP for
 * smtp-source, hold no policy, write no log, and answer 250 after the sink's 250.
 *
 *   bench/floor.sh    SIZES=4096  SESSIONS=10  ROUNDS=5  MESSAGES=4000
 */
import { Gateway } from "../tests/gateway.ts";
import { startSmtpSink } from "../tests/peers/smtp_sink.ts";
import { runSmtpSource } from "../tests/peers/smtp_source.ts";
import { processTree } from "../tests/processes.ts";
import { temporaryDirectory } from "../tests/temporary.ts";
import { cpuSeconds } from "./cpu.ts";
import { numbers, table } from "./print.ts";

/** How a relay has its messages looked at. */
type Mode = "alone" | "direct" | "through";

/** Octets of the answer that stands for a verdict. */
const ANSWER_OCTETS = 1024;
const BUFFER_OCTETS = 128 * 1024;
const encoder = new TextEncoder();
const SAID = {
  banner: encoder.encode("220 relay ESMTP\r\n"),
  hello: encoder.encode("250-relay\r\n250-PIPELINING\r\n250 8BITMIME\r\n"),
  ok: encoder.encode("250 2.0.0 Ok\r\n"),
  data: encoder.encode("354 Go on\r\n"),
  bye: encoder.encode("221 2.0.0 Bye\r\n"),
};
const ASKED = {
  hello: encoder.encode("EHLO relay\r\n"),
  envelope: encoder.encode("MAIL FROM:<a@relay.test>\r\nRCPT TO:<b@relay.test>\r\n"),
  data: encoder.encode("DATA\r\n"),
};

/** A connection that is kept for the next message, with its buffer. */
interface Kept {
  readonly conn: Deno.Conn;
  readonly buffer: Uint8Array;
}

async function writeAll(conn: Deno.Conn, octets: Uint8Array): Promise<void> {
  for (let at = 0; at < octets.length;) at += await conn.write(octets.subarray(at));
}

/** Reads until so many line ends have come: every reply here has one line but the first, to EHLO, which comes whole. */
async function replies({ conn, buffer }: Kept, count: number): Promise<void> {
  for (let lines = 0; lines < count;) {
    const read = await conn.read(buffer);
    if (read === null) throw new Error("The next hop closed");
    for (let i = 0; i < read; i++) if (buffer[i] === 10) lines++;
  }
}

/** Asks a scanner: a length of four octets and the message, for an answer of {@link ANSWER_OCTETS}. */
async function ask(idle: Kept[], socket: string, message: Uint8Array): Promise<void> {
  const kept = idle.pop() ?? {
    conn: await Deno.connect({ transport: "unix", path: socket }),
    buffer: new Uint8Array(ANSWER_OCTETS),
  };
  const frame = new Uint8Array(4 + message.length);
  new DataView(frame.buffer).setUint32(0, message.length);
  frame.set(message, 4);
  await writeAll(kept.conn, frame);
  for (let got = 0; got < ANSWER_OCTETS;) got += await kept.conn.read(kept.buffer) ?? Infinity;
  idle.push(kept);
}

/** Answers every message that comes. */
async function scanner(socket: string): Promise<void> {
  const answer = new Uint8Array(ANSWER_OCTETS);
  const serve = async (conn: Deno.Conn) => {
    let buffer = new Uint8Array(BUFFER_OCTETS);
    let length = 0;
    for (;;) {
      const read = await conn.read(buffer.subarray(length));
      if (read === null) return;
      length += read;
      const wanted = length < 4 ? 4 : 4 + new DataView(buffer.buffer).getUint32(0);
      if (wanted > buffer.length) {
        const larger = new Uint8Array(wanted);
        larger.set(buffer);
        buffer = larger;
      }
      if (length < wanted || wanted === 4) continue;
      length = 0;
      await writeAll(conn, answer);
    }
  };
  for await (const conn of Deno.listen({ transport: "unix", path: socket })) void serve(conn);
}

/** One session of smtp-source. */
async function session(
  conn: Deno.Conn,
  hops: Kept[],
  hopPort: number,
  look: (message: Uint8Array) => Promise<void>,
  buffer: Uint8Array,
): Promise<void> {
  let hop: Kept | undefined;
  await writeAll(conn, SAID.banner);
  for (;;) {
    const read = await conn.read(buffer);
    if (read === null) return;
    switch (String.fromCharCode(buffer[0]!)) {
      case "E":
      case "H":
        await writeAll(conn, SAID.hello);
        break;
      case "R":
        hop = hops.pop() ?? await openHop(hopPort);
        await writeAll(hop.conn, ASKED.envelope);
        await replies(hop, 2);
        await writeAll(conn, SAID.ok);
        break;
      case "D": {
        await writeAll(conn, SAID.data);
        const message = await content(conn, buffer);
        await look(message);
        await writeAll(hop!.conn, ASKED.data);
        await replies(hop!, 1);
        await writeAll(hop!.conn, message);
        await replies(hop!, 1);
        hops.push(hop!);
        await writeAll(conn, SAID.ok);
        break;
      }
      case "Q":
        return await writeAll(conn, SAID.bye);
      default:
        await writeAll(conn, SAID.ok);
    }
  }
}

async function openHop(port: number): Promise<Kept> {
  const conn = await Deno.connect({ port, hostname: "127.0.0.1" });
  conn.setNoDelay(true);
  const kept = { conn, buffer: new Uint8Array(4096) };
  await replies(kept, 1);
  await writeAll(conn, ASKED.hello);
  await replies(kept, 1);
  return kept;
}

/** A message with the end of its data, which is its last octets: smtp-source sends nothing behind it. */
async function content(conn: Deno.Conn, first: Uint8Array): Promise<Uint8Array> {
  let buffer = first;
  for (let length = 0;;) {
    const read = await conn.read(buffer.subarray(length));
    if (read === null) throw new Error("The client closed");
    length += read;
    const end = length > 4 && buffer[length - 3] === 46 && buffer[length - 4] === 10;
    if (end && buffer[length - 1] === 10) return buffer.slice(0, length);
    if (length < buffer.length) continue;
    buffer = new Uint8Array(length * 2);
    buffer.set(first);
  }
}

/** The agent's worker of a relay. */
function relayWorker(hopPort: number, mode: Mode, socket: string): void {
  const scope = globalThis as unknown as {
    onmessage: (event: MessageEvent<number>) => void;
    postMessage(message: unknown, transfer?: Transferable[]): void;
  };
  const lines: Kept[] = [];
  const waiting = new Map<number, () => void>();
  let next = 0;
  scope.onmessage = ({ data }) => {
    waiting.get(data)?.();
    waiting.delete(data);
  };
  const look = {
    alone: () => Promise.resolve(),
    direct: (message: Uint8Array) => ask(lines, socket, message),
    through: (message: Uint8Array) =>
      new Promise<void>((resolve) => {
        const copy = message.slice();
        waiting.set(++next, resolve);
        scope.postMessage({ id: next, message: copy }, [copy.buffer]);
      }),
  }[mode];
  const hops: Kept[] = [];
  const buffers: Uint8Array[] = [];
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1", tcpBacklog: 511 });
  scope.postMessage({ port: listener.addr.port });
  void (async () => {
    for await (const conn of listener) {
      conn.setNoDelay(true);
      const buffer = buffers.pop() ?? new Uint8Array(BUFFER_OCTETS);
      void session(conn, hops, hopPort, look, buffer).finally(() => {
        conn.close();
        buffers.push(buffer);
      });
    }
  })();
}

/** The main thread of a relay: starts the worker, prints its port, asks for it. */
function relay(hopPort: string, mode: string, socket: string): void {
  const lines: Kept[] = [];
  const name = ["relay", hopPort, mode, socket].join(" ");
  const worker = new Worker(import.meta.url, { type: "module", name });
  worker.onmessage = async ({ data }: MessageEvent) => {
    if ("port" in data) return console.log(data.port);
    await ask(lines, socket, data.message);
    worker.postMessage(data.id);
  };
}

/** Starts this file as another process; resolves with the port that it prints, where it prints one. */
async function start(args: readonly string[]): Promise<{ pid: number; port: number; end(): void }> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", "--no-check", new URL(import.meta.url).pathname, ...args],
    stdin: "null",
    stdout: "piped",
  }).spawn();
  const { value } = args[0] === "relay" ? await child.stdout.getReader().read() : {};
  const port = Number(new TextDecoder().decode(value));
  return { pid: child.pid, port, end: () => child.kill("SIGKILL") };
}

async function bench(): Promise<void> {
  const [size = 4096] = numbers("SIZES", [4096]);
  const [sessions = 10] = numbers("SESSIONS", [10]);
  const [rounds = 5] = numbers("ROUNDS", [5]);
  const [messages = 4000] = numbers("MESSAGES", [4000]);
  await using sink = await startSmtpSink();
  await using gateway = await Gateway.start({
    agents: { smtp: { nextHop: `smtp://127.0.0.1:${sink.port}` } },
    config: { log: { to: ["file:./state/log"] } },
  });
  await using directory = await temporaryDirectory();
  const socket = `${directory.path}/scanner`;
  const scan = await start(["scanner", socket]);
  const started = [scan];
  try {
    const ways = [{ name: "straight", port: sink.port, pids: [] as number[] }];
    for (const mode of ["alone", "direct", "through"] satisfies Mode[]) {
      const one = await start(["relay", String(sink.port), mode, socket]);
      started.push(one);
      ways.push({ name: `relay ${mode}`, port: one.port, pids: [one.pid, scan.pid] });
    }
    const tree = (await processTree(gateway.pid)).map(({ pid }) => pid);
    ways.push({ name: "Postern", port: gateway.port("smtp"), pids: tree });
    const send = async (port: number, count: number) => {
      const { code, seconds, stderr } = await runSmtpSource(port, {
        sessions,
        messages: count,
        size,
      });
      if (code !== 0) throw new Error(`smtp-source: ${stderr}`);
      return seconds;
    };
    for (const { port } of ways) await send(port, messages * 2); // until the compiler has done its work
    const sums = ways.map(() => ({ seconds: 0, cpu: 0 }));
    for (let round = 0; round < rounds; round++) {
      for (const [i, { port, pids }] of ways.entries()) {
        const before = await cpuSeconds(pids);
        sums[i]!.seconds += await send(port, messages);
        sums[i]!.cpu += await cpuSeconds(pids) - before;
      }
    }
    const all = rounds * messages;
    console.log(table(
      ["way", "messages/s", "of straight", "CPU ms a message"],
      sums.map(({ seconds, cpu }, i) => [
        ways[i]!.name,
        (all / seconds).toFixed(0),
        (sums[0]!.seconds / seconds).toFixed(2),
        i === 0 ? "" : (cpu * 1000 / all).toFixed(2),
      ]),
    ));
  } finally {
    for (const one of started) one.end();
  }
}

const [role, ...args] = (globalThis.name || "").startsWith("relay ")
  ? ["worker", ...globalThis.name.split(" ").slice(1)]
  : Deno.args;
if (role === "worker") relayWorker(Number(args[0]), args[1] as Mode, args[2] ?? "");
else if (role === "relay") relay(args[0] ?? "", args[1] ?? "", args[2] ?? "");
else if (role === "scanner") await scanner(args[0] ?? "");
else await bench();
