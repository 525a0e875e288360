/**
 * The system calls of a program that emscripten compiled, as far as 7-Zip makes them: no process, no network, no clock but the
 * time of day, and the files of {@link Files}. A call may end the program with {@link Stop}.
 */
import { type Files, type FileStatus, Stop } from "./files.ts";

/** Error numbers of WASI preview 1; system calls return them negative. */
const BADF = 8;
const INVAL = 28;
const NOENT = 44;
const NOTTY = 59;

/** What a program is given. */
export interface Host {
  readonly files: Files;
  /** Asked at every read, write and request for memory; false ends the program. */
  time(): boolean;
  /** Most octets of memory. */
  readonly memoryOctets: number;
}

/** How a run ended. */
export interface Run {
  /** Exit status; absent where it was stopped or failed. */
  readonly status?: number;
  /** Why it was ended; `failed` where it trapped, aborted or ran out of memory. */
  readonly stopped?: Stop["reason"] | "failed";
  /** Whether it was refused memory. */
  readonly starved: boolean;
}

/** Exports that are used. */
interface Program {
  readonly memory: WebAssembly.Memory;
  readonly start: () => void;
  readonly main: (count: number, values: number) => number;
  readonly allocate: (octets: number) => number;
}

type Callable = (...args: number[]) => number;

function program({ exports }: WebAssembly.Instance): Program {
  const call = (name: string): Callable => {
    const value = exports[name];
    if (typeof value !== "function") throw new TypeError(`No export ${name}`);
    return value as Callable;
  };
  const { memory } = exports;
  if (!(memory instanceof WebAssembly.Memory)) throw new TypeError("No export memory");
  return {
    memory,
    start: call("__wasm_call_ctors"),
    main: call("__main_argc_argv"),
    allocate: call("_emscripten_stack_alloc"),
  };
}

/** Runs the program once in an instance of its own. Never throws for what the program does. */
export function runProgram(module: WebAssembly.Module, args: readonly string[], host: Host): Run {
  const calls = new Calls(host);
  try {
    const instance = new WebAssembly.Instance(module, calls.imports());
    const { memory, start, main, allocate } = program(instance);
    calls.memory = memory;
    start();
    const texts = ["7zz", ...args].map((arg) => new TextEncoder().encode(`${arg}\0`));
    const values = texts.map((text) => {
      const at = allocate(text.length);
      new Uint8Array(memory.buffer).set(text, at);
      return at;
    });
    const list = allocate(4 * (values.length + 1));
    const view = new DataView(memory.buffer);
    values.forEach((value, index) => view.setUint32(list + 4 * index, value, true));
    view.setUint32(list + 4 * values.length, 0, true);
    return { status: main(values.length, list), starved: calls.starved };
  } catch (error) {
    if (!(error instanceof Stop)) return { stopped: "failed", starved: calls.starved };
    if (error.reason === "exit") return { status: calls.status, starved: calls.starved };
    return { stopped: error.reason, starved: calls.starved };
  } finally {
    host.files.closeAll();
  }
}

class Calls {
  memory: WebAssembly.Memory | undefined;
  starved = false;
  status = 0;
  readonly #host: Host;
  readonly #files: Files;

  constructor(host: Host) {
    this.#host = host;
    this.#files = host.files;
  }

  get #view(): DataView {
    if (!this.memory) throw new Stop("exit");
    return new DataView(this.memory.buffer);
  }

  #octets(at: number, length: number): Uint8Array {
    return new Uint8Array(this.#view.buffer, at, length);
  }

  #path(at: number): string {
    const octets = new Uint8Array(this.#view.buffer, at >>> 0);
    const path = new TextDecoder().decode(octets.subarray(0, octets.indexOf(0)));
    return path.startsWith("/") ? path : `/${path}`;
  }

  #status(at: number, status: FileStatus | undefined): number {
    if (!status) return -NOENT;
    const view = this.#view;
    this.#octets(at, 96).fill(0);
    view.setInt32(at, 1, true);
    view.setInt32(at + 4, status.mode, true);
    view.setUint32(at + 8, 1, true);
    view.setBigInt64(at + 24, BigInt(status.size), true);
    view.setInt32(at + 32, 4096, true);
    view.setInt32(at + 36, Math.ceil(status.size / 512), true);
    view.setBigInt64(at + 88, 1n, true);
    return 0;
  }

  /** One buffer after the other, as readv and writev have them. */
  #each(list: number, count: number, use: (octets: Uint8Array) => number): number {
    if (!this.#host.time()) throw new Stop("time");
    let total = 0;
    for (let i = 0; i < count; i++) {
      const view = this.#view;
      const length = view.getUint32(list + 8 * i + 4, true);
      const used = use(this.#octets(view.getUint32(list + 8 * i, true), length));
      total += used;
      if (used < length) break;
    }
    return total;
  }

  #grow(wanted: number): number {
    const { memory } = this;
    const size = wanted >>> 0;
    if (!memory || !this.#host.time()) throw new Stop("time");
    if (size > this.#host.memoryOctets) {
      this.starved = true;
      return 0;
    }
    const roomy = Math.min(this.#host.memoryOctets, Math.max(size, memory.buffer.byteLength * 1.2));
    try {
      memory.grow(Math.ceil((roomy - memory.buffer.byteLength) / 65536));
      return 1;
    } catch {
      this.starved = true;
      return 0;
    }
  }

  /** struct tm of a time in s; all times are UTC here. */
  #calendar(seconds: bigint, at: number): void {
    const date = new Date(Number(seconds) * 1000);
    const year = date.getUTCFullYear();
    const fields = [
      date.getUTCSeconds(),
      date.getUTCMinutes(),
      date.getUTCHours(),
      date.getUTCDate(),
      date.getUTCMonth(),
      year - 1900,
      date.getUTCDay(),
      Math.floor((date.getTime() - Date.UTC(year, 0, 1)) / 86_400_000),
      0,
      0,
    ];
    fields.forEach((value, index) => this.#view.setInt32(at + 4 * index, value, true));
  }

  imports(): WebAssembly.Imports {
    const files = this.#files;
    const nothing = () => 0;
    const env = {
      __cxa_throw: (): never => {
        throw new Error("exception");
      },
      _abort_js: (): never => {
        throw new Error("abort");
      },
      exit: (status: number): never => {
        this.status = status;
        throw new Stop("exit");
      },
      __syscall_chmod: nothing,
      __syscall_fchownat: nothing,
      __syscall_unlinkat: nothing,
      __syscall_rmdir: nothing,
      __syscall_renameat: nothing,
      __syscall_symlinkat: nothing,
      __syscall_utimensat: nothing,
      __syscall_getdents64: nothing,
      __syscall_ftruncate64: nothing,
      __syscall_readlinkat: () => -INVAL,
      __syscall_ioctl: () => -NOTTY,
      __syscall_fstat64: (descriptor: number, at: number) =>
        this.#status(at, files.statusOf(descriptor)),
      __syscall_stat64: (path: number, at: number) =>
        this.#status(at, files.status(this.#path(path))),
      __syscall_lstat64: (path: number, at: number) =>
        this.#status(at, files.status(this.#path(path))),
      __syscall_newfstatat: (_folder: number, path: number, at: number) =>
        this.#status(at, files.status(this.#path(path))),
      __syscall_getcwd: (at: number, size: number) => {
        if (size < 2) return -INVAL;
        this.#octets(at, 2).set([0x2f, 0]);
        return 2;
      },
      __syscall_mkdirat: (_folder: number, path: number) => {
        files.makeFolder(this.#path(path));
        return 0;
      },
      __syscall_openat: (_folder: number, path: number, flags: number) =>
        files.open(this.#path(path), flags) ?? -NOENT,
      emscripten_date_now: () => Date.now(),
      emscripten_get_heap_max: () => this.#host.memoryOctets,
      emscripten_resize_heap: (size: number) => this.#grow(size),
      _tzset_js: () => {},
      _mktime_js: () => 0n,
      _localtime_js: (seconds: bigint, at: number) => this.#calendar(seconds, at),
      _gmtime_js: (seconds: bigint, at: number) => this.#calendar(seconds, at),
    };
    const wasi = {
      environ_sizes_get: (count: number, size: number) => {
        this.#view.setUint32(count, 0, true);
        this.#view.setUint32(size, 0, true);
        return 0;
      },
      environ_get: nothing,
      clock_time_get: (_clock: number, _precision: bigint, at: number) => {
        this.#view.setBigInt64(at, BigInt(Date.now()) * 1_000_000n, true);
        return 0;
      },
      fd_close: (descriptor: number) => {
        files.close(descriptor);
        return 0;
      },
      fd_fdstat_get: (descriptor: number, at: number) => {
        this.#octets(at, 24).fill(0);
        this.#view.setUint8(at, descriptor < 3 ? 2 : 4);
        return 0;
      },
      fd_seek: (descriptor: number, offset: bigint, whence: number, at: number) => {
        const position = files.seek(descriptor, Number(offset), whence);
        if (position === undefined) return descriptor < 3 ? BADF : INVAL;
        this.#view.setBigInt64(at, BigInt(position), true);
        return 0;
      },
      fd_read: (descriptor: number, list: number, count: number, at: number) => {
        const total = this.#each(list, count, (octets) => files.read(descriptor, octets));
        this.#view.setUint32(at, total, true);
        return 0;
      },
      fd_write: (descriptor: number, list: number, count: number, at: number) => {
        const total = this.#each(list, count, (octets) => {
          files.write(descriptor, octets);
          return octets.length;
        });
        this.#view.setUint32(at, total, true);
        return 0;
      },
    };
    return { env, wasi_snapshot_preview1: wasi };
  }
}
