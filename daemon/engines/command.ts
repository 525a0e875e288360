/** A program that is started for each message. */
import { confined, systemTool } from "../confine.ts";
import { ConnectError } from "./connect.ts";
import type { EngineAnswer } from "./answer.ts";
import { commandAnswer, type CommandMeaning } from "./command_output.ts";
import { MAX_OUTPUT_OCTETS } from "./limits.ts";

/** A program, and how it is asked. */
export interface CommandEngine extends CommandMeaning {
  /** Absolute path. */
  readonly program: string;
  /** `{file}` stands for the message's path; where none has it, the message comes on standard input. */
  readonly arguments: readonly string[];
  /** Where files with messages are put: a directory that nobody else can enter. */
  readonly directory: string;
}

/** What a program finds in its environment: nothing of the daemon's. */
const ENVIRONMENT = {
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  LC_ALL: "C",
};
const FILE = "{file}";

/**
 * Asks about one object. The program runs with a process group of its own, which is killed at the time limit and, for what it
 * may have left behind, when it has ended.
 *
 * @param signal Aborted at the time limit.
 * @throws {ConnectError} where it cannot be started.
 */
export async function askCommand(
  engine: CommandEngine,
  octets: Uint8Array,
  signal: AbortSignal,
): Promise<EngineAnswer> {
  signal.throwIfAborted();
  if (!engine.arguments.some((argument) => argument.includes(FILE))) {
    return await run(engine, engine.arguments, octets, signal);
  }
  const path = `${engine.directory}/${crypto.randomUUID()}`;
  try {
    await Deno.writeFile(path, octets, { createNew: true, mode: 0o600 });
    const args = engine.arguments.map((argument) => argument.replaceAll(FILE, path));
    return await run(engine, args, undefined, signal);
  } finally {
    await Deno.remove(path).catch(() => {});
  }
}

async function run(
  engine: CommandEngine,
  args: readonly string[],
  input: Uint8Array | undefined,
  signal: AbortSignal,
): Promise<EngineAnswer> {
  const child = spawn(engine, args, input !== undefined);
  const kill = () => killGroup(child.pid);
  signal.addEventListener("abort", kill, { once: true });
  if (signal.aborted) kill();
  try {
    const output = new Output();
    const fed = input === undefined ? undefined : feed(child, input);
    // A grandchild that holds the outputs open must not hold up the answer: what was said until the end is what counts.
    const read = Promise.all([output.read(child.stdout), output.read(child.stderr)]);
    const ended = await child.status;
    killRest(child.pid);
    await Promise.all([read, fed]);
    signal.throwIfAborted();
    return commandAnswer(engine, {
      ...(ended.signal === null ? { status: ended.code } : { signal: ended.signal }),
      output: output.octets(),
    });
  } finally {
    signal.removeEventListener("abort", kill);
  }
}

function spawn(engine: CommandEngine, args: readonly string[], input: boolean): Deno.ChildProcess {
  // setsid(1): a group of its own, so that what it starts is killed with it. It forks where it leads a group, which it never does here.
  const setsid = systemTool("setsid");
  const { command } = confined(
    setsid ? [setsid, engine.program, ...args] : [engine.program, ...args],
    { parentDeathSignal: "KILL" },
  );
  const [program, ...rest] = command;
  try {
    Deno.statSync(engine.program);
    return new Deno.Command(program, {
      args: rest,
      clearEnv: true,
      env: ENVIRONMENT,
      cwd: "/",
      stdin: input ? "piped" : "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  } catch (cause) {
    const words = cause instanceof Error ? cause.message : String(cause);
    throw new ConnectError("wire/closed", `Cannot start ${engine.program}: ${words}`, { cause });
  }
}

/** A program may end without reading all: what it says counts. */
async function feed(child: Deno.ChildProcess, input: Uint8Array): Promise<void> {
  const writer = child.stdin.getWriter();
  try {
    await writer.write(input);
    await writer.close();
  } catch {
    await writer.abort().catch(() => {});
  }
}

function killGroup(pid: number): void {
  // The process itself, too: it may not have come so far as to have a group.
  for (const target of [-pid, pid]) {
    try {
      Deno.kill(target, "SIGKILL");
    } catch {
      // It is gone.
    }
  }
}

/** What a program that has ended left running. */
function killRest(pid: number): void {
  try {
    Deno.kill(-pid, "SIGKILL");
  } catch {
    // It left nothing.
  }
}

/** Both outputs together, the beginning of them. */
class Output {
  readonly #pieces: Uint8Array[] = [];
  #length = 0;

  async read(stream: ReadableStream<Uint8Array>): Promise<void> {
    for await (const piece of stream) {
      const kept = piece.subarray(0, MAX_OUTPUT_OCTETS - this.#length);
      if (kept.length === 0) continue; // read on, so that the program is not held up
      this.#pieces.push(kept.slice());
      this.#length += kept.length;
    }
  }

  octets(): Uint8Array {
    const all = new Uint8Array(this.#length);
    let at = 0;
    for (const piece of this.#pieces) {
      all.set(piece, at);
      at += piece.length;
    }
    return all;
  }
}
