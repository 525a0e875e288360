/**
 * Sockets that whoever started the daemon has opened and passed to it (systemd's socket units). The daemon keeps what it was given
 * for as long as it runs; each worker that listens gets a duplicate of its own, since a worker that closes one closes it for the
 * whole process. All share the socket's one queue of connections.
 *
 * @see sd_listen_fds(3), systemd.socket(5)
 */
import { PosternError } from "../errors.ts";
import type { PassedSocket } from "../agents/passed_listener.ts";
import { isPassed } from "../policy/listen.ts";
import { type Libc, libc } from "./libc.ts";
import { listeningSocket } from "./listening.ts";

/** The first descriptor that is passed: SD_LISTEN_FDS_START. */
const FIRST = 3;
/** More are none that systemd would pass. */
const MOST = 4096;
/** fcntl(2). */
const F_SETFD = 2;
const FD_CLOEXEC = 1;
const F_DUPFD_CLOEXEC = 1030;
/** Duplicates get numbers from here on: the low ones are found by people who look what was passed. */
const DUPLICATES_FROM = 16;

/** The part of the environment that says what was passed. */
export interface PassedEnvironment {
  /** For which process it is. */
  readonly LISTEN_PID?: string | undefined;
  /** How many, from descriptor 3 on. */
  readonly LISTEN_FDS?: string | undefined;
  /** Their names, with colons between. */
  readonly LISTEN_FDNAMES?: string | undefined;
}

/** Time after which a thread that was ended has closed what it closes, ms. */
const ENDED_MS = 10_000;

/** What was passed to this process. */
export class PassedSockets {
  readonly #names: readonly string[];
  /** Why there is none. */
  readonly #none: string;
  /** Duplicates of workers that ended, which may not have closed them, and since when. */
  readonly #left = new Map<number, number>();

  private constructor(names: readonly string[], none: string) {
    this.#names = names;
    this.#none = none;
  }

  /** Takes what was passed to this process: no child of it inherits the descriptors from now on. */
  static take(
    environment: PassedEnvironment = Deno.env.toObject(),
    pid: number = Deno.pid,
  ): PassedSockets {
    const { LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES } = environment;
    if (LISTEN_FDS === undefined || LISTEN_PID === undefined) {
      return new PassedSockets([], "LISTEN_FDS and LISTEN_PID are not set");
    }
    if (LISTEN_PID !== String(pid)) {
      return new PassedSockets(
        [],
        `LISTEN_PID says process ${LISTEN_PID}, and the daemon is ${pid}: a program between that is still there`,
      );
    }
    const count = /^\d{1,4}$/.test(LISTEN_FDS) ? Math.min(Number(LISTEN_FDS), MOST) : 0;
    const given = (LISTEN_FDNAMES ?? "").split(":");
    const names = Array.from({ length: count }, (_, i) => given[i] ?? "");
    for (const i of names.keys()) libc()?.fcntl(FIRST + i, F_SETFD, FD_CLOEXEC);
    return new PassedSockets(names, `LISTEN_FDS is ${JSON.stringify(LISTEN_FDS)}`);
  }

  /**
   * Refuses agents that cannot listen where they are to, before anything is changed.
   *
   * @throws {PosternError} `document/invalid` for a socket that was not passed, or that two agents name.
   */
  check(agents: readonly { readonly name: string; readonly listen: string }[]): void {
    const users = new Map<number, string>();
    for (const { name, listen } of agents) {
      if (!isPassed(listen)) continue;
      try {
        const { fd } = this.#find(listen);
        const other = users.get(fd);
        if (other !== undefined) {
          throw new PosternError(
            "document/invalid",
            `agent ${JSON.stringify(other)} listens on the same socket; pass one for each`,
          );
        }
        users.set(fd, name);
      } catch (cause) {
        const why = cause instanceof Error ? cause.message : String(cause);
        throw new PosternError(
          "document/invalid",
          `Agent ${JSON.stringify(name)} cannot listen on ${listen}: ${why}`,
          { cause },
        );
      }
    }
  }

  /**
   * A duplicate for a worker, which closes it.
   *
   * @param listen `fd:NAME`, `fd:3`.
   * @throws {PosternError} `document/invalid` where that was not passed; `daemon/worker` where no descriptor is left.
   */
  duplicate(listen: string): PassedSocket {
    const { c, fd, address } = this.#find(listen);
    const left = this.#takeLeft(fd);
    if (left !== undefined) return { fd: left, address };
    const own = c.fcntl(fd, F_DUPFD_CLOEXEC, DUPLICATES_FROM);
    this.#left.delete(own);
    if (own < 0) {
      throw new PosternError(
        "daemon/worker",
        `No file descriptor is left for ${listen} (LimitNOFILE= of the unit, ulimit -n)`,
      );
    }
    return { fd: own, address };
  }

  /** The worker that had a duplicate has ended: where it has left it open, another gets it. */
  leave({ fd }: PassedSocket): void {
    this.#left.set(fd, performance.now());
  }

  /** One that is still open though its thread has been gone for a while. To close it here could meet the thread's own close. */
  #takeLeft(original: number): number | undefined {
    const socket = fileOf(original);
    for (const [fd, since] of this.#left) {
      if (performance.now() - since < ENDED_MS || fileOf(fd) !== socket) continue;
      this.#left.delete(fd);
      return fd;
    }
    return undefined;
  }

  /** @throws {PosternError} `document/invalid` where it was not passed, or cannot be listened on. */
  #find(listen: string): { c: Libc; fd: number; address: string } {
    const c = libc();
    if (!c) throw refusal("that takes Linux with the GNU C library");
    const fd = this.#number(listen.slice("fd:".length));
    const address = listeningSocket(fd);
    if (address === undefined) {
      throw refusal(
        `descriptor ${fd} is no stream socket that listens: the socket unit needs ListenStream= and Accept=no`,
      );
    }
    return { c, fd, address };
  }

  #number(name: string): number {
    if (this.#names.length === 0) {
      throw refusal(
        `no socket was passed to the daemon (${this.#none}); start it by a systemd socket unit with Service=, see ` +
          "docs/operations.md, or name an address",
      );
    }
    const last = FIRST + this.#names.length - 1;
    const passed = this.#names.map((each, i) => each === "" ? `fd:${FIRST + i}` : `fd:${each}`)
      .join(", ");
    if (/^\d+$/.test(name)) {
      const fd = Number(name);
      if (fd <= last) return fd;
      throw refusal(`descriptors 3 to ${last} were passed (${passed})`);
    }
    const index = this.#names.indexOf(name);
    if (index < 0) throw refusal(`there is none of that name; these were passed: ${passed}`);
    if (this.#names.lastIndexOf(name) !== index) {
      throw refusal(
        "several have that name: give each a unit and a FileDescriptorName= of its own, or name it by its number " +
          `(fd:3 to fd:${last})`,
      );
    }
    return FIRST + index;
  }
}

/** `socket:[4711]`; `undefined` where nothing is open. */
function fileOf(fd: number): string | undefined {
  try {
    return Deno.readLinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return undefined;
  }
}

function refusal(why: string): PosternError {
  return new PosternError("document/invalid", why);
}
