/** The running gateway: store, scanners, agents and control socket, from start to end. */
import { PosternError } from "../errors.ts";
import type { AgentPorts } from "../agents/ports.ts";
import { describePermissions } from "../agents/permissions.ts";
import type { Config } from "../policy/config.ts";
import { openStore } from "../store/store.ts";
import type { Store } from "../store/types.ts";
import { warnOfSelfMade } from "./agent_settings.ts";
import { Agents } from "./agents.ts";
import { ControlServer, refuseSecond } from "./control/server.ts";
import { workerUrl } from "./entries.ts";
import { type Backstage, ownPorts } from "./host_ports.ts";
import type { Handover } from "./handover.ts";
import { InFlight } from "./in_flight.ts";
import { readConfig } from "./documents.ts";
import { createLog, type Log } from "./log/log.ts";
import { Evictions } from "./evictions.ts";
import { operations } from "./operations.ts";
import { PassedSockets } from "./passed_sockets.ts";
import { SideWorkers } from "./side_workers.ts";
import { poolOptions, storeLimits } from "./options.ts";
import { ScannerPool } from "./pool.ts";
import { readAll, type Reading, sizeOf, timeOf } from "./reading.ts";
import { namedFiles } from "./secrets.ts";
import { releaseOptions } from "./release.ts";
import { readSignatureSet } from "./signatures.ts";
import { controlPath, makeState, storePath } from "./state.ts";
import { ToolsSocket } from "./tools_socket.ts";
import type { DaemonStatus, PolicyStatus, ReloadCause, Report } from "./status.ts";
import { statusReport } from "./status_report.ts";
import { userName } from "./confine.ts";
import { DocumentWatch } from "./watch.ts";

/** Test doubles; only from the source tree. */
export interface ServiceOptions {
  /** The agents' worker instead of the product's. */
  readonly agentWorker?: URL;
  /** The scanning worker instead of the product's. */
  readonly scanWorker?: URL;
  /** How often agents are asked how they are, ms. */
  readonly heartbeatMs?: number;
}

/** How often retention is enforced, ms. */
const COLLECT_MS = 10 * 60_000;
/** What is reserved of the time to stop for writing what is in memory, ms. */
const FLUSH_MS = 2000;

/** Share of `inFlight` that callers of the control socket have besides. */
const CALLERS_SHARE = 0.25;

/** The gateway. */
export class Service {
  readonly #configPath: string;
  readonly #options: ServiceOptions;
  readonly #startedAt = Date.now();
  readonly #counters: Record<string, number> = {};
  readonly #stopped = Promise.withResolvers<void>();
  /** What agents hold. */
  readonly #inFlight: InFlight;
  /** What callers of the control socket hold: apart, since they wait in line and agents do not. */
  readonly #called: InFlight;
  readonly #agents: Agents;
  readonly #store: Store;
  readonly #ports: AgentPorts;
  /** What only root could read, at the start. */
  readonly #files: Handover["files"];
  readonly #evictions: Evictions;
  #reading: Reading;
  #log: Log;
  #pool: ScannerPool;
  readonly #beside: SideWorkers;
  #control: ControlServer | undefined;
  #tools: ToolsSocket | undefined;
  #collecting: ReturnType<typeof setInterval> | undefined;
  #reloading: Promise<unknown> | undefined;
  #lastReload: DaemonStatus["reload"];
  #watch: DocumentWatch | undefined;
  /** What the policy is made of. */
  #policyFiles: ReadonlySet<string> = new Set();
  #stopping: Promise<void> | undefined;

  private constructor(
    configPath: string,
    parts: {
      reading: Reading;
      log: Log;
      store: Store;
      pool: ScannerPool;
      beside: SideWorkers;
      evictions: Evictions;
      files: Handover["files"];
      passed: PassedSockets;
    },
    options: ServiceOptions,
  ) {
    this.#configPath = configPath;
    this.#options = options;
    this.#reading = parts.reading;
    this.#log = parts.log;
    this.#store = parts.store;
    this.#pool = parts.pool;
    this.#beside = parts.beside;
    this.#files = parts.files;
    this.#evictions = parts.evictions;
    const inFlight = sizeOf(parts.reading.config.inFlight);
    this.#inFlight = new InFlight(inFlight);
    this.#called = new InFlight(inFlight * CALLERS_SHARE);
    const policy = () => this.#reading.policy.tree;
    this.#ports = ownPorts(() => this.#backstage(), policy);
    this.#agents = new Agents({
      worker: options.agentWorker ?? workerUrl("agent_worker"),
      backstage: () => this.#backstage(),
      policy,
      report: this.#report,
      passed: parts.passed,
      ...(options.heartbeatMs === undefined ? {} : { heartbeatMs: options.heartbeatMs }),
    });
  }

  /**
   * Starts everything; resolves when the agents listen and the control socket answers.
   *
   * @param given What was read a moment ago, by root perhaps.
   * @throws {PosternError} what hinders it; nothing is left running then.
   */
  static async start(
    configPath: string,
    given?: Handover,
    options: ServiceOptions = {},
  ): Promise<Service> {
    const began = performance.now();
    const passed = PassedSockets.take(); // before any child could inherit them
    const known = given?.config ?? await readConfig(configPath);
    await makeState(known.state);
    await refuseSecond(controlPath(known.state));
    const log = await createLog(known.log);
    const report: Report = (level, message, fields) => log.log(level, message, fields);
    const evictions = new Evictions(report);
    let store: Store | undefined;
    let pool: ScannerPool | undefined;
    let beside: SideWorkers | undefined;
    let service: Service | undefined;
    try {
      // The policy is evaluated while store and scanners come up.
      const files = new Set<string>();
      const readAt = Date.now();
      const reading = readAll(configPath, { known, handed: given?.files ?? {}, files });
      reading.catch(() => {});
      store = await openStore(storePath(known.state), {
        limits: storeLimits(known),
        onProblem: (error) => report("error", "The store has a problem", { error: error.message }),
        onEvicted: (count) => evictions.note(count),
      });
      const signatures = await readSignatureSet(known.signatures);
      pool = await ScannerPool.start(poolOptions(known, signatures, store, report, options));
      const read: Reading = { ...await reading, ...(signatures ? { signatures } : {}) };
      beside = await SideWorkers.start(known, read.secrets, report);
      const handed = given?.files ?? {};
      const parts = { reading: read, log, store, pool, beside, evictions, files: handed, passed };
      service = new Service(configPath, parts, options);
      await service.#open();
      await service.#watchPolicy(files, readAt);
      log.log("info", "Ready", {
        ms: Math.round(performance.now() - began),
        ...service.#policyFields(),
      });
      return service;
    } catch (error) {
      if (service) service.#agents.close();
      beside?.close();
      await pool?.close();
      await store?.close();
      await log.close();
      throw error;
    }
  }

  /** Resolves when it has stopped. */
  get stopped(): Promise<void> {
    return this.#stopped.promise;
  }

  /**
   * Reads both documents again and puts them in force, or changes nothing.
   *
   * @throws {PosternError} what is wrong; it is in the log and in the status, too.
   */
  reload(by: ReloadCause): Promise<PolicyStatus> {
    const reload = (this.#reloading ?? Promise.resolve()).catch(() => {}).then(() =>
      this.#reload(by)
    );
    this.#reloading = reload;
    return reload;
  }

  /** Opens log files anew, after they were moved away. */
  async reopenLog(): Promise<void> {
    await this.#log.reopen();
  }

  /** Says something in the log. */
  readonly #report: Report = (level, message, fields) => this.#log.log(level, message, fields);

  /** Takes nothing new, finishes what is in flight, writes what is in memory, ends. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #open(): Promise<void> {
    const { config, agents } = this.#reading;
    await this.#agents.start(agents);
    warnOfSelfMade(agents, this.#report);
    const operate = operations({
      store: this.#store,
      ports: this.#ports,
      log: this.#report,
      policy: () => this.#policyStatus(),
      status: () => this.#status(),
      reload: () => this.reload("command"),
      // No answer: the end of the connection is the end of the daemon.
      stop: () => this.stop().then(() => new Promise<never>(() => {})),
      releaseOptions: () => this.#releaseOptions(),
    });
    this.#tools = new ToolsSocket(operate);
    await this.#tools.apply(config);
    this.#control = await ControlServer.listen(controlPath(config.state), operate, this.#called);
    for (const { settings, addresses } of this.#agents.keepers) {
      const to = settings.servers ?? settings.nextHop;
      for (const address of addresses) {
        this.#report(
          "info",
          `${settings.agent} ${address}${to === "" ? "" : ` -> ${to}`}`,
          {
            listener: settings.name,
            may: describePermissions(settings.permissions),
          },
        );
      }
    }
    this.#collecting = setInterval(() => void this.#collect(), COLLECT_MS);
  }

  async #collect(): Promise<void> {
    try {
      await this.#store.collect();
      this.#evictions.flush();
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      this.#report("error", "Cannot enforce what the store may keep", { error: detail });
    }
  }

  async #reload(by: ReloadCause): Promise<PolicyStatus> {
    const files = new Set<string>();
    const readAt = Date.now();
    try {
      if (this.#stopping) throw new PosternError("daemon/not-running", "The daemon is stopping");
      const next = await readAll(this.#configPath, { handed: this.#files, files });
      this.#sayOld(next);
      await this.#putInForce(next);
      warnOfSelfMade(next.agents, this.#report);
      this.#lastReload = { time: Date.now(), by };
      this.#report("info", "Reloaded", { by, ...this.#policyFields() });
      await this.#watchPolicy(files, readAt);
      return this.#policyStatus();
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.#lastReload = { time: Date.now(), by, error: message };
      this.#report("error", "Cannot reload; what was in force stays in force", {
        error: message,
        by,
        ...this.#policyFields(),
      });
      // What is in force, and what it was to be: a change of either may mend it.
      await this.#watchPolicy([...this.#policyFiles, ...files], readAt);
      throw error;
    }
  }

  /** Watches the policy's files and those that the configuration names, where that wants it. */
  async #watchPolicy(files: Iterable<string>, readAt: number): Promise<void> {
    this.#policyFiles = new Set(files);
    if (!this.#reading.config.watch || this.#stopping) {
      this.#watch?.close();
      this.#watch = undefined;
      return;
    }
    this.#watch ??= new DocumentWatch({
      onChange: () => this.reload("watch"),
      onFailure: (directory, error) =>
        this.#report("error", "Cannot watch for changes of files", {
          directory,
          error: error instanceof Error ? error.message : String(error),
        }),
    });
    // What only root can read is not read again, so it is not watched.
    const named = [...namedFiles(this.#reading.config)].filter((path) => !(path in this.#files));
    await this.#watch.watch([...this.#policyFiles, ...named], readAt);
  }

  /** Says what a reload cannot bring up to date, so that a certificate does not run out behind a good reload's back. */
  #sayOld({ config }: Reading): void {
    const old = [...namedFiles(config)].filter((path) => path in this.#files);
    if (old.length === 0) return;
    this.#report("warning", "Files that only root can read stay as they were at the start", {
      files: old.join(" "),
    });
  }

  async #putInForce(next: Reading): Promise<void> {
    const old = this.#reading.config;
    const { config } = next;
    const changed = (name: keyof Config) =>
      JSON.stringify(old[name]) !== JSON.stringify(config[name]);
    for (const name of ["state", "user"] as const) {
      if (!changed(name)) continue;
      throw new PosternError(
        "document/invalid",
        `${this.#configPath}: ${name}: takes a restart to change`,
      );
    }
    // All that can fail comes first.
    const log = changed("log") ? await createLog(config.log) : undefined;
    let pool: ScannerPool | undefined;
    let beside: Awaited<ReturnType<SideWorkers["change"]>> | undefined;
    try {
      beside = await this.#beside.change(config, next.secrets);
      // Scans under way finish on the old set: it goes with its scanners.
      if (changed("scanners") || next.signatures?.id !== this.#reading.signatures?.id) {
        pool = await ScannerPool.start(
          poolOptions(config, next.signatures, this.#store, this.#report, this.#options),
        );
      }
      await this.#tools?.apply(config);
      const commit = () => this.#reading = next;
      await this.#agents.change(next.agents, commit, timeOf(config.stopTime));
    } catch (error) {
      await this.#tools?.apply(old).catch(() => {});
      beside?.cancel();
      await pool?.close();
      await log?.close();
      throw error;
    }
    this.#inFlight.limit = sizeOf(config.inFlight);
    this.#called.limit = sizeOf(config.inFlight) * CALLERS_SHARE;
    this.#store.setLimits(storeLimits(config));
    if (pool) {
      const before = this.#pool;
      this.#pool = pool;
      void before.idle().then(() => before.close());
    }
    beside.commit();
    if (log) {
      const before = this.#log;
      this.#log = log;
      await before.close();
    }
  }

  async #stop(): Promise<void> {
    const stopMs = timeOf(this.#reading.config.stopTime);
    this.#report("info", "Stopping; messages in flight are finished first", { withinMs: stopMs });
    clearInterval(this.#collecting);
    this.#watch?.close();
    await this.#reloading?.catch(() => {});
    await this.#agents.drain(Math.max(0, stopMs - FLUSH_MS));
    await this.#pool.close();
    this.#beside.close();
    this.#evictions.flush();
    try {
      await this.#store.close();
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      this.#report("error", "Cannot close the store", { error: detail });
    }
    this.#report("info", "Stopped", {});
    await this.#log.close();
    await this.#tools?.close();
    await this.#control?.close();
    this.#stopped.resolve();
  }

  #backstage(): Backstage {
    return {
      pool: this.#pool,
      engines: this.#beside.engines,
      ...(this.#beside.sealer ? { sealer: this.#beside.sealer } : {}),
      passwords: this.#reading.secrets.passwords,
      store: this.#store,
      log: this.#log,
      inFlight: this.#inFlight,
      quarantineKeepMs: timeOf(this.#reading.config.quarantine.keep),
      operate: (operation) => {
        if (operation === "reload") void this.reload("command").catch(() => {}); // it is in the log
        else void this.stop();
      },
      count: (counters) => {
        for (const [name, by] of Object.entries(counters)) {
          this.#counters[name] = (this.#counters[name] ?? 0) + by;
        }
      },
    };
  }

  #releaseOptions() {
    const { config, agents } = this.#reading;
    return releaseOptions(config, agents, this.#agents.keepers.flatMap((each) => each.addresses));
  }

  #policyStatus(): PolicyStatus {
    const { path, hash, revision } = this.#reading.policy;
    const { watch } = this.#reading.config;
    return { path, hash, ...(revision === undefined ? {} : { revision }), watched: watch };
  }

  /** The policy in force, for the log. */
  #policyFields() {
    const { path, hash, revision } = this.#reading.policy;
    return { policy: hash.slice(0, 16), path, ...(revision === undefined ? {} : { revision }) };
  }

  async #status(): Promise<DaemonStatus> {
    const user = userName();
    return statusReport({
      document: this.#reading.config,
      started: this.#startedAt,
      config: this.#configPath,
      policy: this.#policyStatus(),
      agents: await this.#agents.status(),
      scanners: this.#pool.status(),
      engines: this.#beside.engines.status(),
      otherProcesses: this.#beside.processes(user),
      inFlight: {
        octets: this.#inFlight.held + this.#called.held + (this.#tools?.held ?? 0),
        limit: this.#inFlight.limit,
      },
      counters: { ...this.#counters, ...this.#beside.sealer?.counters },
      store: await this.#store.totals(),
      logDropped: this.#log.dropped(),
      ...(this.#lastReload ? { reload: this.#lastReload } : {}),
    });
  }
}
