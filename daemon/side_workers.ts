/** What stands beside the scanners: the external engines, and what makes ARC seals. */
import type { Config } from "../policy/config.ts";
import { Sealer } from "./arc/sealer.ts";
import { Engines } from "./engines/engines.ts";
import { workerUrl } from "./entries.ts";
import type { Secrets } from "./secrets.ts";
import type { ProcessRow, Report } from "./status.ts";

/** Both, as the configuration in force wants them. */
export class SideWorkers {
  readonly #report: Report;
  #config: Config;
  #key: string | undefined;
  #engines: Engines;
  #sealer: Sealer | undefined;

  private constructor(config: Config, secrets: Secrets, engines: Engines, report: Report) {
    this.#config = config;
    this.#key = secrets.arcKey;
    this.#report = report;
    this.#engines = engines;
    this.#sealer = sealerOf(config, secrets, report);
  }

  /** @throws {PosternError} as {@link Engines.start}. */
  static async start(config: Config, secrets: Secrets, report: Report): Promise<SideWorkers> {
    const engines = await Engines.start(config.engines, {
      directory: directoryOf(config),
      clear: true,
      report,
    });
    return new SideWorkers(config, secrets, engines, report);
  }

  /** The external engines; there may be none. */
  get engines(): Engines {
    return this.#engines;
  }

  /** Absent where no ARC seals are made. */
  get sealer(): Sealer | undefined {
    return this.#sealer;
  }

  /**
   * Makes what another configuration wants.
   *
   * @returns `commit` puts it in force, what is under way finishes on the old; `cancel` takes it back.
   * @throws {PosternError} as {@link Engines.start}; nothing has changed then.
   */
  async change(
    config: Config,
    secrets: Secrets,
  ): Promise<{ commit(): void; cancel(): void }> {
    const old = this.#config;
    const engines = JSON.stringify(config.engines) === JSON.stringify(old.engines)
      ? undefined
      : await Engines.start(config.engines, {
        directory: directoryOf(config),
        report: this.#report,
      });
    return {
      commit: () => {
        if (engines) {
          letGo(this.#engines);
          this.#engines = engines;
        }
        const identity = ({ arc, hostname }: Config, key: string | undefined) =>
          JSON.stringify([arc, hostname, key]);
        if (identity(config, secrets.arcKey) !== identity(old, this.#key)) {
          if (this.#sealer) letGo(this.#sealer);
          this.#sealer = sealerOf(config, secrets, this.#report);
        }
        this.#config = config;
        this.#key = secrets.arcKey;
      },
      cancel: () => engines?.close(),
    };
  }

  /** Rows for the table of what may what. */
  processes(user: string): ProcessRow[] {
    return [...this.#engines.processes(user), ...(this.#sealer ? [this.#sealer.process()] : [])];
  }

  /** Ends all workers. */
  close(): void {
    this.#engines.close();
    this.#sealer?.close();
  }
}

function letGo(old: { idle(): Promise<void>; close(): void }): void {
  void old.idle().then(() => old.close());
}

function directoryOf({ state }: Config): string {
  return `${state}/engines`;
}

function sealerOf({ arc, hostname }: Config, { arcKey }: Secrets, report: Report) {
  if (!arc || arcKey === undefined) return undefined;
  return new Sealer({
    config: arc,
    privateKey: arcKey,
    hostname: hostname ?? Deno.hostname(),
    module: workerUrl("arc_worker"),
    report,
  });
}
