/** Real programs as children of a test. */
import { until } from "../wait.ts";

/** Where util-linux has the program that binds a child to its parent's life; `undefined` where it does not. */
const SETPRIV = ["/usr/bin/setpriv", "/bin/setpriv"].find((path) => {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
});

/** Octets of output that are kept of a child; older ones are dropped. */
const MAX_OUTPUT_CHARACTERS = 200_000;

/** A child process whose output is collected, and that is ended by its own process id. */
export class Process implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #name: string;
  readonly #read: Promise<unknown>;
  #output = "";
  #ended: Deno.CommandStatus | undefined;

  constructor(
    name: string,
    command: string,
    args: readonly string[],
    options: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>> } = {},
  ) {
    this.#name = name;
    // Ends with the test run, too, when that is killed: prctl(2), PR_SET_PDEATHSIG.
    const bound = SETPRIV === undefined ? [] : ["--pdeathsig", "TERM", "--", command];
    this.#child = new Deno.Command(SETPRIV ?? command, {
      args: [...bound, ...args],
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      ...(options.env === undefined ? {} : { env: { ...options.env } }),
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#read = Promise.all([
      this.#collect(this.#child.stdout),
      this.#collect(this.#child.stderr),
    ]);
    this.#child.status.then((status) => this.#ended = status);
  }

  async #collect(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      const text = this.#output + decoder.decode(chunk, { stream: true });
      this.#output = text.slice(-MAX_OUTPUT_CHARACTERS);
    }
  }

  /** Process id. */
  get pid(): number {
    return this.#child.pid;
  }

  /** What it wrote to stdout and stderr so far, the newest part of it. */
  get output(): string {
    return this.#output;
  }

  /** How it ended; `undefined` while it runs. */
  get ended(): Deno.CommandStatus | undefined {
    return this.#ended;
  }

  /** Waits for `look`; fails at once when the process has ended before. */
  async ready<T>(what: string, look: () => Promise<T | undefined | false>): Promise<T> {
    return await until(`${this.#name}: ${what}`, () => {
      if (this.#ended) {
        throw new Error(`${this.#name} ended with ${this.#ended.code} early\n${this.#output}`);
      }
      return look();
    }, { more: () => this.#output });
  }

  /** Sends a signal; does nothing when it has ended. */
  signal(signal: Deno.Signal): void {
    if (this.#ended) return;
    try {
      this.#child.kill(signal);
    } catch (error) {
      // It ended between the look and the kill.
      if (!(error instanceof Deno.errors.NotFound) && !(error instanceof TypeError)) throw error;
    }
  }

  /** Resolves once it has ended and all that it wrote is read. */
  async end(): Promise<Deno.CommandStatus> {
    const status = await this.#child.status;
    await this.#read;
    return status;
  }

  /** SIGTERM, and SIGKILL when that does not end it in time. */
  async stop(patienceMs = 15_000): Promise<Deno.CommandStatus> {
    this.signal("SIGTERM");
    const timer = setTimeout(() => this.signal("SIGKILL"), patienceMs);
    try {
      return await this.end();
    } finally {
      clearTimeout(timer);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** What a program that ran to its end printed. */
export interface RunResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end, with `input` as its stdin. */
export async function run(
  command: string,
  args: readonly string[],
  options: {
    readonly input?: string | Uint8Array;
    readonly cwd?: string;
    /** The whole environment, in place of this process's. */
    readonly environment?: Readonly<Record<string, string>>;
    readonly signal?: AbortSignal;
  } = {},
): Promise<RunResult> {
  const child = new Deno.Command(command, {
    args: [...args],
    ...(options.environment === undefined
      ? {}
      : { env: { ...options.environment }, clearEnv: true }),
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    stdin: options.input === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const written = options.input === undefined ? undefined : write(child.stdin, options.input);
  const { code, stdout, stderr } = await child.output();
  await written;
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

async function write(stdin: WritableStream<Uint8Array>, input: string | Uint8Array): Promise<void> {
  const writer = stdin.getWriter();
  try {
    await writer.write(typeof input === "string" ? new TextEncoder().encode(input) : input);
    await writer.close();
  } catch {
    // A program that ends before it has read all its input says why by its exit status.
  }
}
