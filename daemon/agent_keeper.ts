/** Keeps one agent running: starts its worker, starts another when it dies, lets it go when it is not wanted any more. */
import { PosternError } from "../errors.ts";
import type { DecisionTree } from "../policy/tree.ts";
import type { PassedSocket } from "../agents/passed_listener.ts";
import type { AgentPermissions } from "../agents/permissions.ts";
import { type HostPorts, WorkerHost } from "../agents/worker_host.ts";
import { isPassed } from "../policy/listen.ts";
import { shutDown } from "./listening.ts";
import { PassedSockets } from "./passed_sockets.ts";
import type { AgentSettings } from "./agent_settings.ts";
import { SharedAddresses } from "./shared_address.ts";

/** What a keeper tells the log. */
export type KeeperReport = (
  level: "info" | "warning" | "error",
  message: string,
  fields: Readonly<Record<string, string | number | boolean>>,
) => void;

/** How a keeper is made. */
export interface AgentKeeperOptions {
  readonly settings: AgentSettings;
  readonly worker: URL;
  readonly ports: HostPorts;
  /** The policy in force. */
  readonly policy: () => DecisionTree;
  readonly report: KeeperReport;
  /** Addresses that pass from one worker to the next; default: this agent's alone. */
  readonly addresses?: SharedAddresses;
  /** Sockets that were passed to the daemon; default: what was. */
  readonly passed?: PassedSockets;
  /** How often the worker is asked how it is, ms; default 10 s. One that stays silent three times is replaced. */
  readonly heartbeatMs?: number;
}

/** Shown by `postern status`. */
export interface AgentStatus {
  readonly agent: string;
  readonly name: string;
  readonly state: "running" | "restarting" | "draining" | "stopped" | "unresponsive";
  readonly addresses: readonly string[];
  /** The mailbox servers, of an agent in front of these. */
  readonly nextHop: string;
  readonly permissions: AgentPermissions;
  /** How often its worker was started again after it died. */
  readonly restarts: number;
  readonly counters: Readonly<Record<string, number>>;
}

/** Waits before the n-th start in a row, ms. */
const BACK_OFF_MS = [50, 200, 500, 1000, 2000, 5000, 10_000, 30_000] as const;
/** A worker that ran so long counts as healthy: its death is the first one again, ms. */
const HEALTHY_MS = 60_000;
/** How long an address may still be taken by the worker before, ms. */
const ADDRESS_MS = 5000;
/** How long a worker has to say how it is, ms. */
const STATUS_MS = 1000;
/** Between two looks at a worker, ms. */
const HEARTBEAT_MS = 10_000;
/** Looks in a row without an answer, after which a worker counts as stuck. */
const MISSED_BEATS = 3;
/** How long one goes on listening that was replaced, for clients that had begun to connect to it, ms: a lost SYN comes again after 1 s. */
const LINGER_MS = 3000;

/** A descriptor that nothing has. */
const NO_LISTENER = -1;

/** One agent of the configuration. */
export class AgentKeeper {
  #settings: AgentSettings;
  readonly #options: AgentKeeperOptions;
  #host: WorkerHost | undefined;
  #addresses: readonly string[] = [];
  #state: "running" | "restarting" | "draining" | "stopped" = "stopped";
  #restarts = 0;
  #deaths = 0;
  readonly #shared: SharedAddresses;
  #heartbeat: ReturnType<typeof setInterval> | undefined;
  #endLinger: (() => void) | undefined;
  #closed = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: AgentKeeperOptions) {
    this.#settings = options.settings;
    this.#options = options;
    this.#shared = options.addresses ?? new SharedAddresses();
  }

  /** The settings in force. */
  get settings(): AgentSettings {
    return this.#settings;
  }

  /** Where it listens. */
  get addresses(): readonly string[] {
    return this.#addresses;
  }

  /** Loads the worker without listening, so that the start itself takes a moment only. @throws {PosternError} */
  async load(): Promise<void> {
    const { worker, ports } = this.#options;
    const { agent, name, permissions } = this.#settings;
    this.#host = await WorkerHost.load({ agent, name, worker, permissions, ports });
  }

  /**
   * Starts to listen.
   *
   * @param how `share`: beside the worker that has the address and that this one replaces. `patient`: the address may still be
   * taken for a moment.
   * @throws {PosternError} what the agent says; the keeper is stopped then.
   */
  async start(how: { readonly share?: boolean; readonly patient?: boolean } = {}): Promise<void> {
    const end = performance.now() + (how.patient ? ADDRESS_MS : 0);
    for (;;) {
      if (!this.#host) await this.load();
      const host = this.#host;
      if (!host) throw new PosternError("daemon/worker", "The agent was closed while it started");
      try {
        await this.#listen(host, how.share ?? false);
        return;
      } catch (error) {
        this.#host = undefined;
        if (!isTaken(error) || performance.now() > end) throw error;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  }

  async #listen(host: WorkerHost, share: boolean): Promise<void> {
    const passed = this.#passed ? this.#duplicate(host) : undefined;
    const config = {
      ...this.#settings.config,
      ...(share ? { shareAddress: true } : {}),
      ...(passed ? { passed } : {}),
    };
    const start = () => host.start(config, this.#options.policy());
    // Workers on one passed socket take from the same queue: nobody has to be led anywhere.
    const { addresses, led } = passed
      ? { addresses: await start(), led: true }
      : await this.#shared.join(host, start);
    if (this.#closed) {
      host.close();
      throw new PosternError("daemon/worker", "The agent was closed while it started");
    }
    if (!led) {
      this.#report("warning", "An address passes to another worker; clients may be disconnected", {
        reason: "new connections cannot be led to one of them: no C library, or an old kernel",
      });
    }
    this.#addresses = addresses;
    this.#state = "running";
    void this.#watch(host, performance.now());
    this.#beat(host);
  }

  /** Starts in place of another worker that lets go of the address now; what fails is reported and tried again. */
  async startOrRetry(): Promise<void> {
    try {
      await this.start({ patient: true });
    } catch (error) {
      if (this.#closed) return;
      const detail = error instanceof Error ? error.message : String(error);
      this.#report("error", "An agent cannot be started", { error: detail });
      this.#again();
    }
  }

  /** Puts another policy in force, for transactions that begin from now on. */
  setPolicy(tree: DecisionTree): void {
    this.#host?.setPolicy(tree);
  }

  /** Goes on with other settings, where neither address nor permissions change; false where that cannot be. */
  async reconfigure(settings: AgentSettings): Promise<boolean> {
    const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);
    if (same(settings, this.#settings)) return true;
    if (!same(settings.permissions, this.#settings.permissions)) return false;
    if (this.#state !== "running" || !await this.#host?.reconfigure(settings.config)) return false;
    this.#settings = settings;
    return true;
  }

  /** New connections come to this one again, though another listens beside it. */
  async takeBack(): Promise<void> {
    if (this.#host) await this.#shared.prefer(this.#host);
  }

  /**
   * Another worker listens on the address. This one takes in who had begun to connect to it, then finishes its sessions.
   *
   * @param timeMs How long sessions may take.
   */
  async handOver(timeMs: number): Promise<void> {
    this.#state = "draining";
    const host = this.#host;
    if (host) {
      // What waits in the queue of a passed socket is the other's.
      if (this.#passed) await Promise.race([host.stopListening(), host.ended]);
      const lingered = Promise.withResolvers<void>();
      this.#endLinger = lingered.resolve;
      const timer = setTimeout(lingered.resolve, LINGER_MS);
      await Promise.race([lingered.promise, host.ended]);
      clearTimeout(timer);
    }
    await this.drain(timeMs);
  }

  /** No new sessions from now on; resolves when what was in flight is done, or the time is over. The worker is gone then. */
  async drain(timeMs: number): Promise<void> {
    this.#closed = true;
    this.#state = "draining";
    this.#endLinger?.();
    clearTimeout(this.#timer);
    clearInterval(this.#heartbeat);
    const host = this.#host;
    if (!host) return;
    const over = Promise.withResolvers<void>();
    const timer = setTimeout(() => {
      this.#report("warning", "An agent's sessions were ended before they were done", { timeMs });
      over.resolve();
    }, timeMs);
    await this.#shared.leave(
      host,
      () => Promise.race([host.stopListening(), host.ended, over.promise]),
    );
    await Promise.race([host.drain(), host.ended, over.promise]);
    clearTimeout(timer);
    this.close();
  }

  /** Ends the worker now. */
  close(): void {
    this.#closed = true;
    this.#state = "stopped";
    clearTimeout(this.#timer);
    clearInterval(this.#heartbeat);
    this.#endLinger?.();
    const host = this.#host;
    this.#host = undefined;
    if (!host) return;
    host.close();
    void this.#shared.leave(host, () => Promise.resolve());
  }

  async status(): Promise<AgentStatus> {
    const { agent, name, nextHop, servers, permissions } = this.#settings;
    const counters = await this.#host?.status(STATUS_MS);
    const state = this.#state === "running" && !counters ? "unresponsive" : this.#state;
    return {
      agent,
      name,
      state,
      addresses: this.#addresses,
      nextHop: servers ?? nextHop,
      permissions,
      restarts: this.#restarts,
      counters: counters ?? {},
    };
  }

  async #watch(host: WorkerHost, since: number): Promise<void> {
    const error = await host.ended;
    clearInterval(this.#heartbeat);
    if (this.#host === host) this.#host = undefined;
    if (!error) return;
    const stuck = error instanceof StuckError;
    const buried = this.#passed
      ? this.#closeConnections(stuck)
      : await this.#shared.bury(host, stuck);
    if (this.#state !== "running") return;
    if (stuck) {
      this.#report("error", "An agent does not answer and is replaced; its thread is left behind", {
        silentMs: error.silentMs,
        sessions: buried ? "closed" : "left hanging, and it may still be given new ones",
      });
    } else this.#report("error", "An agent died and is started again", { error: error.message });
    if (performance.now() - since > HEALTHY_MS) this.#deaths = 0;
    this.#again();
  }

  /** The worker's own duplicate of the passed socket. */
  #duplicate(host: WorkerHost): PassedSocket {
    const sockets = this.#options.passed ?? PassedSockets.take();
    const passed = sockets.duplicate(this.#settings.listen);
    // One that is stuck goes on, with what it has.
    void host.ended.then((why) => why instanceof StuckError || sockets.leave(passed));
    return passed;
  }

  /** Whether it listens on a socket that was passed to the daemon. */
  get #passed(): boolean {
    return isPassed(this.#settings.listen);
  }

  /**
   * Lets clients of a stuck worker on a passed socket see an end. The socket itself is everybody's and is left alone: a thread that is
   * stuck accepts nobody.
   */
  #closeConnections(stuck: boolean): boolean {
    return !stuck || this.#addresses.every((address) => shutDown(address, NO_LISTENER, true));
  }

  /** Looks after a worker whose thread may be stuck: the runtime cannot say so, and cannot end such a thread. */
  #beat(host: WorkerHost): void {
    const every = this.#options.heartbeatMs ?? HEARTBEAT_MS;
    let missed = 0;
    let heard = performance.now();
    this.#heartbeat = setInterval(async () => {
      if (await host.status(every / 2)) {
        missed = 0;
        heard = performance.now();
      } else if (++missed >= MISSED_BEATS && this.#state === "running") {
        host.abandon(new StuckError(Math.round(performance.now() - heard)));
      }
    }, every);
  }

  #again(): void {
    this.#state = "restarting";
    const delay = BACK_OFF_MS[Math.min(this.#deaths++, BACK_OFF_MS.length - 1)] ?? 0;
    this.#timer = setTimeout(async () => {
      this.#restarts++;
      try {
        // What it had may still be there, as long as its thread is.
        await this.start({ share: true, patient: true });
        this.#report("info", "An agent is back", { addresses: this.#addresses.join(" ") });
      } catch (error) {
        if (this.#state !== "restarting") return;
        const detail = error instanceof Error ? error.message : String(error);
        this.#report("error", "An agent cannot be started", { error: detail });
        this.#again();
      }
    }, delay);
  }

  #report(
    level: "info" | "warning" | "error",
    message: string,
    fields: Readonly<Record<string, string | number | boolean>>,
  ): void {
    const { agent, name } = this.#settings;
    this.#options.report(level, message, { agent, listener: name, ...fields });
  }
}

/** A worker that has not answered for so long. */
class StuckError extends PosternError {
  constructor(readonly silentMs: number) {
    super("daemon/worker", `The agent has not answered for ${silentMs} ms`);
  }
}

/** Whether an agent could not start because another listens where it should. */
export function isTaken(error: unknown): boolean {
  return error instanceof PosternError && error.code === "wire/closed";
}
