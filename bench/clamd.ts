/** A clamd of Debian with a given directory of signatures, to measure beside. */
import { processTree } from "../tests/processes.ts";

/** What keeps clamd from leaving out what is scanned here, and from remembering what it scanned. */
const SETTINGS = [
  "Foreground yes",
  "DisableCache yes",
  "MaxThreads 12",
  "StreamMaxLength 64M",
  "MaxFileSize 64M",
  "MaxScanSize 256M",
  "MaxRecursion 16",
  "SelfCheck 0",
  "Bytecode no",
];
/** Longest time to wait until it is ready, ms. */
const START_MS = 120_000;
const PIECE_OCTETS = 1 << 17;

/** A running clamd. */
export class Clamd implements AsyncDisposable {
  readonly pid: number;
  /** How long it took to answer, ms. */
  readonly loadMs: number;
  readonly #child: Deno.ChildProcess;
  /** Path of its socket. */
  readonly socket: string;
  readonly #directory: string;

  private constructor(child: Deno.ChildProcess, directory: string, loadMs: number) {
    this.#child = child;
    this.pid = child.pid;
    this.#directory = directory;
    this.socket = `${directory}/socket`;
    this.loadMs = loadMs;
  }

  /** Starts one, and waits until it answers. @throws where it is not installed, or ends. */
  static async start(databases: string): Promise<Clamd> {
    const directory = await Deno.makeTempDir();
    await Deno.chmod(directory, 0o755);
    const settings = [
      ...SETTINGS,
      `LocalSocket ${directory}/socket`,
      `DatabaseDirectory ${databases}`,
      `TemporaryDirectory ${directory}`,
      `LogFile ${directory}/log`,
      "LogFileUnlock yes",
    ];
    await Deno.writeTextFile(`${directory}/clamd.conf`, `${settings.join("\n")}\n`);
    const began = performance.now();
    const child = new Deno.Command("clamd", {
      args: ["-c", `${directory}/clamd.conf`],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    let ended = false;
    child.status.then(() => ended = true);
    while (!await answers(`${directory}/socket`)) {
      if (ended || performance.now() - began > START_MS) {
        const log = await Deno.readTextFile(`${directory}/log`).catch(() => "no log");
        throw new Error(`clamd did not start: ${log}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return new Clamd(child, directory, performance.now() - began);
  }

  /** Its processes. */
  async pids(): Promise<readonly number[]> {
    return (await processTree(this.pid)).map(({ pid }) => pid);
  }

  /** Scans by INSTREAM. @returns its answer: `stream: OK`. */
  async scan(octets: Uint8Array): Promise<string> {
    using connection = await Deno.connect({ transport: "unix", path: this.socket });
    await send(connection, new TextEncoder().encode("zINSTREAM\0"));
    for (let at = 0; at < octets.length; at += PIECE_OCTETS) {
      const piece = octets.subarray(at, at + PIECE_OCTETS);
      const length = new Uint8Array(4);
      new DataView(length.buffer).setUint32(0, piece.length);
      await send(connection, length);
      await send(connection, piece);
    }
    await send(connection, new Uint8Array(4));
    return (await answer(connection)).replace(/\0$/, "");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.status;
    await Deno.remove(this.#directory, { recursive: true });
  }
}

async function send(connection: Deno.Conn, octets: Uint8Array): Promise<void> {
  for (let at = 0; at < octets.length;) at += await connection.write(octets.subarray(at));
}

async function answer(connection: Deno.Conn): Promise<string> {
  let text = "";
  const piece = new Uint8Array(4096);
  for (let read; (read = await connection.read(piece)) !== null;) {
    text += new TextDecoder().decode(piece.subarray(0, read));
    if (text.endsWith("\0")) break;
  }
  return text;
}

async function answers(path: string): Promise<boolean> {
  try {
    using connection = await Deno.connect({ transport: "unix", path });
    await send(connection, new TextEncoder().encode("zPING\0"));
    return (await answer(connection)).startsWith("PONG");
  } catch {
    return false;
  }
}
