/** One scanner process, seen from the pool: started, asked, killed. */
import { PosternError } from "../errors.ts";
import { FrameReader, writeFrames } from "../engine/scanner/frames.ts";
import { MAX_HEAD_OCTETS, MAX_OBJECT_OCTETS } from "../engine/scanner/limits.ts";
import { yaraUrl } from "../engine/detect/yara/load.ts";
import { sevenZipUrl } from "../engine/scanner/sevenzip_file.ts";
import type { ModuleFiles } from "../engine/scanner/module_files.ts";
import { cLibrary, KERNEL_REFUSALS, type KernelRefusal } from "../engine/scanner/landlock.ts";
import type { ScannerHello } from "../engine/scanner/protocol.ts";
import { NAMES_UNIX_SOCKETS } from "../agents/unix_sockets.ts";
import { boundMemory, confined, type Confinement } from "./confine.ts";
import { ALLOCATOR, FROM_SOURCE, NURSERY, processCommand, PROGRAM } from "./entries.ts";

/** Why a scanner ended while it scanned. */
export type ScannerEnd = "time" | "memory" | "cancelled" | "crashed";

/** What a scanner process is started with. */
export interface ScannerProcessOptions {
  /** Directory of mode 0700 for its socket. */
  readonly directory: string;
  /** The scanning worker. */
  readonly worker: URL;
  /** Signature modules that it loads. */
  readonly modules: ModuleFiles;
  readonly bounds: Confinement;
  /** What it may take beyond what it has when it is ready, octets. */
  readonly memoryOctets: number;
  /** How long it may take to be ready, ms. */
  readonly startMs: number;
}

/** Octets of its last words that are kept. */
const STDERR_OCTETS = 4096;

/** V8's, the runtime's and the allocator's words when there is no more memory. */
const MEMORY_WORDS =
  /out of memory|memory allocation of \d+|allocation failed|std::bad_alloc|cannot allocate memory/i;

/** Names a process that died before it scanned anything; `cause` has its last words. */
export class ScannerDeath extends Error {
  override readonly name = "ScannerDeath";
  readonly end: ScannerEnd;

  constructor(end: ScannerEnd, detail: string) {
    super(detail);
    this.end = end;
  }
}

/** An answer as it came: the head is JSON, the octets are there after `rewrite`. */
export interface RawAnswer {
  readonly head: Uint8Array;
  /** Reads the frame that follows the head. */
  octets(): Promise<Uint8Array>;
}

/** A running scanner. One request at a time. */
export class ScannerProcess {
  readonly pid: number;
  /** Resolves, and never rejects, when the process is gone, with why. */
  readonly ended: Promise<ScannerDeath>;
  /** What its hello said it could not give up. */
  readonly kept: readonly string[];
  /** What the kernel refuses it. */
  readonly refused: readonly KernelRefusal[];
  /** Whether the system holds it to its memory; otherwise only the pool's own watch does. */
  readonly bounded: boolean;
  readonly startedAt = Date.now();
  /** Requests answered. */
  scans = 0;
  /** Wall time spent in requests, ms. */
  busyMs = 0;
  readonly #connection: Deno.UnixConn;
  readonly #reader: FrameReader;
  readonly #child: Deno.ChildProcess;
  readonly #stderr: StderrTail;
  #why: ScannerEnd | undefined;
  #dueAt = Infinity;
  #dueWhy: ScannerEnd = "time";

  private constructor(
    child: Deno.ChildProcess,
    stderr: StderrTail,
    connection: Deno.UnixConn,
    reader: FrameReader,
    hello: ScannerHello,
    bounded: boolean,
  ) {
    this.bounded = bounded;
    this.#child = child;
    this.#stderr = stderr;
    this.#connection = connection;
    this.#reader = reader;
    this.pid = child.pid;
    this.kept = hello.kept;
    this.refused = hello.refused;
    this.ended = this.#watch();
  }

  /**
   * Starts a process and waits for its hello.
   *
   * @param signal Aborted when it is not to be waited for any more: the process is killed.
   * @throws {ScannerDeath} where it ends, or is not ready in time.
   */
  static async start(
    options: ScannerProcessOptions,
    signal?: AbortSignal,
  ): Promise<ScannerProcess> {
    const name = crypto.randomUUID();
    const path = `${options.directory}/${name}`;
    // A socket of its own for each scanner: whoever connects to it is this one, and nobody else ever can.
    const listener = Deno.listen({ transport: "unix", path });
    // To connect takes write permission on the socket itself, which is root's where root listens.
    const { user } = options.bounds;
    if (user) await Deno.chown(path, user.uid, user.gid);
    const child = spawnScanner(path, options);
    const stderr = new StderrTail(child.stderr);
    const end = () => kill(child);
    const timer = setTimeout(end, options.startMs);
    if (signal?.aborted) end();
    else signal?.addEventListener("abort", end, { once: true });
    const gone = child.status.then(() => listener.close()).catch(() => {});
    let connection: Deno.UnixConn | undefined;
    try {
      connection = await listener.accept();
      const reader = new FrameReader(connection);
      const head = await reader.read(MAX_HEAD_OCTETS);
      if (!head) throw new PosternError("wire/closed", "The scanner closed before its hello");
      const hello = parseHello(head);
      const bounded = await boundMemory(child.pid, options.memoryOctets);
      return new ScannerProcess(child, stderr, connection, reader, hello, bounded);
    } catch (error) {
      kill(child);
      letGo(child);
      connection?.close();
      await gone;
      const words = await stderr.text();
      throw new ScannerDeath(
        "crashed",
        words || (error instanceof Error ? error.message : String(error)),
      );
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      closeQuietly(listener);
      await Deno.remove(path).catch(() => {});
    }
  }

  /** It is killed in so many ms from now, for this reason, where {@link ScannerProcess.killIfDue} is called then. */
  due(ms: number, why: ScannerEnd): void {
    this.#dueAt = performance.now() + ms;
    this.#dueWhy = why;
  }

  /** Takes the end that was due away. */
  notDue(): void {
    this.#dueAt = Infinity;
  }

  /** @param now As `performance.now()` says. */
  killIfDue(now: number): void {
    if (now >= this.#dueAt) this.kill(this.#dueWhy);
  }

  /**
   * Sends a request and reads the head of its answer. The octets are written from the caller's buffer.
   *
   * @param request A {@link import("../engine/scanner/protocol.ts").ScannerRequest} in JSON.
   * @throws {ScannerDeath} where the process ends first.
   */
  async request(request: Uint8Array, octets: Uint8Array): Promise<RawAnswer> {
    const began = performance.now();
    try {
      await writeFrames(this.#connection, request, octets);
      const head = await this.#reader.read(MAX_HEAD_OCTETS);
      if (!head) throw new PosternError("wire/closed", "The scanner closed");
      return {
        head,
        octets: async () => {
          const made = await this.#reader.read(MAX_OBJECT_OCTETS);
          if (!made) throw new PosternError("wire/closed", "The scanner closed inside its answer");
          return made;
        },
      };
    } catch {
      this.kill("crashed");
      throw await this.ended;
    } finally {
      this.scans++;
      this.busyMs += performance.now() - began;
    }
  }

  /** Ends the process at once. The first reason given stays. */
  kill(why: ScannerEnd): void {
    this.#why ??= why;
    kill(this.#child);
  }

  /** Lets an idle process end by itself. */
  retire(): void {
    closeQuietly(this.#connection);
    letGo(this.#child);
  }

  async #watch(): Promise<ScannerDeath> {
    const status = await this.#child.status;
    closeQuietly(this.#connection);
    letGo(this.#child);
    const words = await this.#stderr.text();
    const how = status.signal ? `signal ${status.signal}` : `exit status ${status.code}`;
    return new ScannerDeath(this.#reason(status, words), words ? `${how}: ${words}` : how);
  }

  #reason(status: Deno.CommandStatus, words: string): ScannerEnd {
    if (this.#why && this.#why !== "crashed") return this.#why;
    if (status.signal === "SIGXCPU") return "time";
    if (MEMORY_WORDS.test(words)) return "memory";
    return "crashed";
  }
}

function parseHello(head: Uint8Array): ScannerHello {
  const hello: unknown = JSON.parse(new TextDecoder().decode(head));
  if (typeof hello === "object" && hello !== null && "hello" in hello && "kept" in hello) {
    const names = (value: unknown) => Array.isArray(value) ? value.map(String) : [];
    const refused = new Set(names("refused" in hello ? hello.refused : []));
    return {
      hello: true,
      kept: names(hello.kept),
      refused: KERNEL_REFUSALS.filter((each) => refused.has(each)),
    };
  }
  throw new PosternError("wire/bad-frame", "What connected was not a scanner");
}

/** Flags of a scanner: it may read the program, to load its worker, and reach its socket; it gives both up itself. */
function spawnScanner(path: string, options: ScannerProcessOptions): Deno.ChildProcess {
  const modules = options.modules.files.map((file) => file.path);
  if (options.modules.yara) modules.push(yaraUrl().pathname);
  const readable = [new URL(PROGRAM).pathname, sevenZipUrl().pathname, path, ...modules];
  const library = cLibrary();
  const flags = [
    `--allow-read=${readable.join(",")}`,
    `--allow-write=${path}`,
    // To have the kernel refuse what it may not do; and, where there are modules, to look at memory that they are mapped to.
    ...(library === undefined
      ? []
      : [modules.length > 0 ? "--allow-ffi" : `--allow-ffi=${library}`]),
    ...(NAMES_UNIX_SOCKETS ? [`--allow-net=unix:${path}`] : []),
  ];
  const megabytes = Math.floor(options.memoryOctets / 2 ** 20);
  const heap = megabytes > 0 ? [`--max-old-space-size=${Math.max(64, megabytes >> 1)}`] : [];
  flags.push(`--v8-flags=${[NURSERY, ...heap].join(",")}`);
  const plain = processCommand("scanner", flags, [
    path,
    options.worker.href,
    JSON.stringify(options.modules),
    String(NAMES_UNIX_SOCKETS),
    library ?? "",
  ]);
  const { command: [program, ...args] } = confined(plain, options.bounds);
  return new Deno.Command(program, {
    args,
    clearEnv: true,
    env: scannerEnvironment(),
    cwd: "/",
    stdin: "piped", // never written to: its end tells the scanner that the pool is gone
    stdout: "null",
    stderr: "piped",
  }).spawn();
}

/** In a checkout the runtime needs its cache of modules; nothing else of the environment goes to a scanner. */
function scannerEnvironment(): Record<string, string> {
  const environment: Record<string, string> = {
    NO_COLOR: "1",
    DENO_NO_UPDATE_CHECK: "1",
    ...ALLOCATOR,
  };
  if (!FROM_SOURCE) return environment;
  for (const name of ["HOME", "DENO_DIR", "XDG_CACHE_HOME"]) {
    const value = Deno.env.get(name);
    if (value !== undefined) environment[name] = value;
  }
  return environment;
}

/** The last words of a process; what came before is dropped, so that one that talks for ever costs nothing. */
class StderrTail {
  #tail = new Uint8Array();
  readonly #done: Promise<void>;

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#done = this.#read(stream).catch(() => {});
  }

  /** Resolves when the process has closed its end. */
  async text(): Promise<string> {
    await this.#done;
    return new TextDecoder().decode(this.#tail).trim();
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    for await (const chunk of stream) {
      const joined = new Uint8Array(this.#tail.length + chunk.length);
      joined.set(this.#tail);
      joined.set(chunk, this.#tail.length);
      this.#tail = joined.slice(Math.max(0, joined.length - STDERR_OCTETS));
    }
  }
}

function kill(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch {
    // It is gone already.
  }
}

/** Closes a scanner's standard input. */
function letGo(child: Deno.ChildProcess): void {
  child.stdin.close().catch(() => {}); // it is closed already, or the process was first
}

function closeQuietly(resource: { close(): void }): void {
  try {
    resource.close();
  } catch {
    // It is closed already.
  }
}
